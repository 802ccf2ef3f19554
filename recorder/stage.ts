// What the picture of the room looks like: where everybody stands, and how they are drawn. Runs in a worker, or on the page.

export type Layout = 'gallery' | 'speaker';

/** One camera or screen. Somebody without a picture has a tile as well. */
export interface Tile {
  readonly id: string;
  readonly name: string;
  readonly kind: 'camera' | 'screen';
  readonly speaking: boolean;
}

export interface Scene {
  readonly layout: Layout;
  readonly tiles: readonly Tile[];
}

/** Pixels. */
interface Place { readonly x: number; readonly y: number; readonly width: number; readonly height: number }

/** What is drawn into a tile, with its own size in pixels. */
export interface Picture { readonly image: CanvasImageSource; readonly width: number; readonly height: number }

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

const GAP = 8;
const STRIP_SHARE = 0.2;
const STRIP_MOST = 6;
const colours = { stage: '#101216', tile: '#23272e', disc: '#3d5a80', text: '#ffffff', label: 'rgb(16 18 22 / 70%)', speaking: '#4f9dff' };

/**
 * Where each tile goes, by its id; a tile that has no room (a long strip beside the speaker) is missing. A shared screen
 * takes the large place in either layout, else whoever speaks.
 */
function arrange({ layout, tiles }: Scene, width: number, height: number): Map<string, Place> {
  const screen = tiles.find(({ kind }) => kind === 'screen');
  const main = screen ?? (layout === 'speaker' ? tiles.find(({ speaking }) => speaking) ?? tiles[0] : undefined);
  if (main === undefined || tiles.length < 2) return grid(tiles, 0, 0, width, height);
  const strip = Math.round(width * STRIP_SHARE);
  const others = tiles.filter((tile) => tile !== main).slice(0, STRIP_MOST);
  const places = grid([main], 0, 0, width - strip, height);
  const each = Math.min((strip - GAP) * 9 / 16, (height - GAP) / others.length - GAP);
  const top = (height - others.length * (each + GAP) + GAP) / 2;
  others.forEach(({ id }, index) => places.set(id, { x: width - strip, y: top + index * (each + GAP), width: strip - GAP, height: each }));
  return places;
}

/** As large as they can be while all are of one size, each at about 16:9; the last row is centred. */
function grid(tiles: readonly Tile[], left: number, top: number, width: number, height: number): Map<string, Place> {
  const count = tiles.length;
  let best = { columns: 1, size: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const size = Math.min((width - GAP) / columns - GAP, ((height - GAP) / rows - GAP) * 16 / 9);
    if (size > best.size) best = { columns, size };
  }
  const { columns, size: tileWidth } = best;
  const rows = Math.ceil(count / columns);
  const tileHeight = tileWidth * 9 / 16;
  const places = new Map<string, Place>();
  tiles.forEach(({ id }, index) => {
    const row = Math.floor(index / columns);
    const inRow = Math.min(columns, count - row * columns);
    places.set(id, {
      x: left + (width - inRow * (tileWidth + GAP) + GAP) / 2 + (index % columns) * (tileWidth + GAP),
      y: top + (height - rows * (tileHeight + GAP) + GAP) / 2 + row * (tileHeight + GAP),
      width: tileWidth,
      height: tileHeight,
    });
  });
  return places;
}

/** Draws one frame of the whole room. */
export function drawStage(context: Context, scene: Scene, pictureOf: (id: string) => Picture | undefined): void {
  const { width, height } = context.canvas;
  context.fillStyle = colours.stage;
  context.fillRect(0, 0, width, height);
  const places = arrange(scene, width, height);
  for (const tile of scene.tiles) {
    const place = places.get(tile.id);
    if (place !== undefined) drawTile(context, tile, place, pictureOf(tile.id));
  }
}

function drawTile(context: Context, { name, kind, speaking }: Tile, place: Place, picture: Picture | undefined): void {
  const { x, y, width, height } = place;
  context.save();
  context.beginPath();
  context.roundRect(x, y, width, height, Math.min(12, height / 12));
  context.clip();
  context.fillStyle = colours.tile;
  context.fillRect(x, y, width, height);
  if (picture === undefined || picture.width === 0 || picture.height === 0) drawInitials(context, name, place);
  else {
    // A face may lose its edges, a shared page may not.
    const fit = kind === 'camera' ? Math.max : Math.min;
    const scale = fit(width / picture.width, height / picture.height);
    const [w, h] = [picture.width * scale, picture.height * scale];
    context.drawImage(picture.image, x + (width - w) / 2, y + (height - h) / 2, w, h);
  }
  if (name !== '') drawName(context, name, place);
  context.restore();
  if (!speaking) return;
  context.strokeStyle = colours.speaking;
  context.lineWidth = 4;
  context.beginPath();
  context.roundRect(x + 1, y + 1, width - 2, height - 2, Math.min(12, height / 12));
  context.stroke();
}

function drawName(context: Context, name: string, { x, y, width, height }: Place): void {
  const size = Math.round(Math.min(22, Math.max(12, height / 14)));
  context.font = `600 ${size}px system-ui, sans-serif`;
  const room = width - 2.4 * size;
  let shown = name;
  while (shown.length > 1 && context.measureText(shown).width > room) shown = `${Array.from(shown.replace(/…$/, '')).slice(0, -1).join('')}…`;
  context.fillStyle = colours.label;
  context.beginPath();
  context.roundRect(x + size / 2, y + height - 2.2 * size, context.measureText(shown).width + size, 1.7 * size, size / 2);
  context.fill();
  context.fillStyle = colours.text;
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  context.fillText(shown, x + size, y + height - 1.33 * size);
}

function drawInitials(context: Context, name: string, { x, y, width, height }: Place): void {
  const radius = Math.min(width, height) / 5;
  context.fillStyle = colours.disc;
  context.beginPath();
  context.arc(x + width / 2, y + height / 2, radius, 0, 2 * Math.PI);
  context.fill();
  context.fillStyle = colours.text;
  context.font = `600 ${Math.round(radius * 0.8)}px system-ui, sans-serif`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  const initials = name.split(/\s+/).slice(0, 2).map((word) => Array.from(word)[0] ?? '').join('').toLocaleUpperCase();
  context.fillText(initials, x + width / 2, y + height / 2);
}
