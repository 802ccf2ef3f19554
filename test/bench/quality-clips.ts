import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { pseudoRandom } from '../tools/sound';

const run = promisify(execFile);
const fixtures = path.resolve(__dirname, '../fixtures');
/** Pictures that rooms are cut from, and their sizes. */
const rooms = {
  coffee: { file: path.join(fixtures, 'coffee.png'), size: [600, 400] },
  library: { file: path.resolve(__dirname, '../../plugin/backgrounds/library.webp'), size: [1600, 900] },
  studio: { file: path.resolve(__dirname, '../../plugin/backgrounds/studio.webp'), size: [1600, 900] },
  window: { file: path.resolve(__dirname, '../../plugin/backgrounds/window.webp'), size: [1600, 900] },
} as const;

/** The portrait's helmet, in pixels of the 512x512 picture: it may count as person or not, so no score does. */
const HELMET = { left: 268, top: 330 };

/** One clip's recipe. Lengths are fractions of the picture's height, times are frames. */
export interface Scene {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  /** Height of the cut-out. */
  readonly scale: number;
  readonly mirrored?: boolean;
  /** Turn of the cut-out, in degrees clockwise. */
  readonly tilt?: number;
  /** Whether nothing was ever tuned on it. */
  readonly heldOut?: boolean;
  /** Whether it moves fast enough for lag to be measured. */
  readonly fast?: boolean;
  /** Where the cut-out is, relative to the middle, in each frame. */
  readonly sway: (frame: number) => readonly [x: number, y: number];
  /** Crop of the background picture (fractions of it; coffee by default), and where it has moved to in each frame. */
  readonly background: { readonly picture?: keyof typeof rooms; readonly left: number; readonly top: number; readonly zoom: number; readonly mirrored?: boolean; /** Defocus, in pixels at 720p. */ readonly soft?: number; /** Turn of its hues, in degrees. */ readonly hue?: number; readonly saturation?: number; readonly shift?: (frame: number) => number };
  /** Standard deviation of the luma noise, in levels. */
  readonly noise: number;
  /** Light of the room, 1 as photographed. */
  readonly light?: number;
}

/** One frame, I420 without padding, and what is true of it. */
export interface ClipFrame {
  readonly y: Uint8Array;
  readonly u: Uint8Array;
  readonly v: Uint8Array;
  /** The person's exact coverage, 0 to 255. */
  readonly alpha: Uint8Array;
  /** 1 where the coverage is certain. */
  readonly scored: Uint8Array;
}

const turn = (frame: number, period: number): number => (2 * Math.PI * frame) / period;

/**
 * What is varied: rest, motion, the room behind, its light, the camera's noise, the person's size and side.
 *
 * None of it was filmed: one cut-out portrait is moved over still pictures, which are cropped, recoloured and defocused.
 * In the first seven they were so until the model found the person at all, for it is the treatment of its mask that is
 * measured. The next five are harder and not recoloured. The matte's parameters were chosen by the scores of these twelve.
 * Nothing is chosen by those held out: they have motions, tilts and crops of their own, though the rooms of the five. The
 * person is the same in all: there is no other exact matte here.
 */
export const scenes: readonly Scene[] = [
  { name: 'at rest', width: 1280, height: 720, frames: 24, scale: 0.96, sway: () => [0, 0], background: { left: 0.3, top: 0.2, zoom: 0.6, soft: 5, hue: 170 }, noise: 2.5 },
  { name: 'sway', width: 1280, height: 720, frames: 32, scale: 0.96, sway: (f) => [0.06 * Math.sin(turn(f, 64)), 0.01 * Math.sin(turn(f, 23))], background: { left: 0, top: 0, zoom: 0.3 }, noise: 1.5 },
  { name: 'fast shake', fast: true, width: 1280, height: 720, frames: 32, scale: 0.9, sway: (f) => [0.045 * Math.sin(turn(f, 12)), 0.012 * Math.sin(turn(f, 9))], background: { left: 0.3, top: 0.2, zoom: 0.6, mirrored: true, hue: 120, saturation: 0.5 }, noise: 1.5 },
  { name: 'room moves', width: 1280, height: 720, frames: 24, scale: 0.8, sway: () => [0.12, 0.01], background: { left: 0.4, top: 0.4, zoom: 0.6, shift: (f) => 0.004 * f }, noise: 1.5 },
  { name: 'small, mirrored', width: 1280, height: 720, frames: 32, scale: 0.72, mirrored: true, sway: (f) => [0.03 * Math.sin(turn(f, 40)), 0.02], background: { left: 0.3, top: 0.2, zoom: 0.6, hue: 200, soft: 3 }, noise: 3.5 },
  { name: 'near, dim', width: 1280, height: 720, frames: 24, scale: 1.25, sway: (f) => [0.05 + 0.02 * Math.sin(turn(f, 30)), 0.14], background: { left: 0, top: 0.3, zoom: 0.35, mirrored: true, saturation: 0.3 }, noise: 3.5, light: 0.55 },
  { name: '360p', width: 640, height: 360, frames: 32, scale: 0.85, mirrored: true, sway: (f) => [0.05 * Math.sin(turn(f, 24)), 0.01 * Math.sin(turn(f, 23))], background: { left: 0.75, top: 0.6, zoom: 0.25, hue: 90, saturation: 0.6 }, noise: 2 },
  { name: 'library lean', width: 1280, height: 720, frames: 32, scale: 0.98, mirrored: true, tilt: -5, sway: (f) => [0.08 + 0.06 * Math.sin(turn(f, 47) + 1), 0.06 + 0.015 * Math.sin(turn(f, 29))], background: { picture: 'library', left: 0.3, top: 0.05, zoom: 0.65, mirrored: true }, noise: 2.2 },
  { name: 'studio quick', fast: true, width: 1280, height: 720, frames: 32, scale: 1.0, tilt: 4, sway: (f) => [-0.06 + 0.035 * Math.sin(turn(f, 11)), 0.07 + 0.03 * Math.sin(turn(f, 15))], background: { picture: 'studio', left: 0, top: 0.15, zoom: 0.8 }, noise: 2.5, light: 0.75 },
  { name: 'window talk', width: 1280, height: 720, frames: 28, scale: 0.92, tilt: 3, sway: (f) => [-0.1 + 0.012 * Math.sin(turn(f, 33)), 0.03 + 0.008 * Math.sin(turn(f, 17))], background: { picture: 'window', left: 0.2, top: 0.1, zoom: 0.6, soft: 1 }, noise: 3 },
  { name: 'coffee wide', width: 1280, height: 720, frames: 32, scale: 1.1, tilt: -3, sway: (f) => [-0.15 + 0.05 * Math.sin(turn(f, 38)), 0.12 + 0.02 * Math.sin(turn(f, 25))], background: { left: 0.1, top: 0.1, zoom: 0.8 }, noise: 2 },
  { name: 'library still', width: 1280, height: 720, frames: 24, scale: 1.04, tilt: 6, sway: (f) => [-0.12 + 0.004 * Math.sin(turn(f, 50)), 0.1], background: { picture: 'library', left: 0.05, top: 0.15, zoom: 0.75 }, noise: 2.5, light: 0.85 },
  { name: 'bookshelf, tilted', heldOut: true, width: 1280, height: 720, frames: 32, scale: 1.06, tilt: 7, sway: (f) => [-0.1 + 0.05 * Math.sin(turn(f, 52)), 0.1 + 0.02 * Math.cos(turn(f, 37))], background: { picture: 'library', left: 0.1, top: 0.1, zoom: 0.8 }, noise: 2 },
  { name: 'bright window', heldOut: true, width: 1280, height: 720, frames: 24, scale: 0.84, mirrored: true, sway: (f) => [0.16 + 0.015 * Math.sin(turn(f, 70)), 0.005 * Math.sin(turn(f, 45))], background: { picture: 'window', left: 0.05, top: 0.05, zoom: 0.75, soft: 2 }, noise: 3, light: 0.9 },
  { name: 'dark, fast nod', heldOut: true, fast: true, width: 1280, height: 720, frames: 32, scale: 1.1, mirrored: true, tilt: -6, sway: (f) => [0.05 + 0.03 * Math.sin(turn(f, 10)), 0.12 + 0.035 * Math.sin(turn(f, 14))], background: { picture: 'studio', left: 0.2, top: 0, zoom: 0.7, mirrored: true }, noise: 2.5, light: 0.8 },
];

/** Makes the frames of a scene one by one. Colours are BT.601, limited range. */
export async function* clip(scene: Scene): AsyncGenerator<ClipFrame> {
  const { width, height, frames, light = 1 } = scene;
  const size = 2 * Math.round((scene.scale * height) / 2);
  const turned = ((scene.tilt ?? 0) * Math.PI) / 180;
  const [cos, sin] = [Math.cos(turned), Math.sin(turned)];
  // In RGB, for there black is 0: in grey, ffmpeg fills the corners with 16, and the truth would have coverage there.
  const flip = `${scene.mirrored ? ',hflip' : ''}${scene.tilt === undefined ? '' : `,format=gbrp,rotate=${turned}:c=black`}`;
  const colours = await pixels(path.join(fixtures, 'astronaut.png'), `scale=${size}:${size}:flags=lanczos${flip},format=yuv444p`);
  const cutout = await pixels(path.join(fixtures, 'astronaut-alpha.png'), `scale=${size}:${size}:flags=bicubic:out_range=full,format=gray${flip}${scene.tilt === undefined ? '' : ',extractplanes=g'}`);
  const room = await readRoom(scene);
  const random = pseudoRandom(7);
  const grain = Int8Array.from({ length: width * height + 9973 }, () => Math.round((random() + random() + random() - 1.5) * 2 * scene.noise));

  for (let f = 0; f < frames; f++) {
    const [sx, sy] = scene.sway(f);
    const left = (width - size) / 2 + sx * height;
    const top = height * 1.03 - size + sy * height;
    const shift = Math.round((scene.background.shift?.(f) ?? 0) * height);
    const planes = [new Uint8Array(width * height), new Uint8Array(width * height), new Uint8Array(width * height)] as const;
    const alpha = new Uint8Array(width * height);
    const scored = new Uint8Array(width * height).fill(1);
    const offset = (f * 7919) % 9973;
    const fx = left - Math.floor(left);
    const fy = top - Math.floor(top);
    for (let y = 0, i = 0; y < height; y++) {
      const py = y - Math.ceil(top);
      for (let x = 0; x < width; x++, i++) {
        const px = x - Math.ceil(left);
        const back = y * room.width + x + shift;
        let coverage = 0;
        if (px >= 1 && py >= 1 && px < size - 1 && py < size - 1) {
          // Sub-pixel motion: the cut-out is sampled between its pixels.
          const at = py * size + px;
          const wx = fx === 0 ? 0 : 1 - fx;
          const wy = fy === 0 ? 0 : 1 - fy;
          const between = (plane: Uint8Array, base: number): number =>
            (plane[base + at]! * (1 - wx) + plane[base + at + 1]! * wx) * (1 - wy) + (plane[base + at + size]! * (1 - wx) + plane[base + at + size + 1]! * wx) * wy;
          coverage = between(cutout, 0);
          // Back to the portrait's own pixels.
          const [dx, dy] = [px - size / 2, py - size / 2];
          const upright = dx * cos + dy * sin + size / 2;
          const column = ((scene.mirrored ? size - 1 - upright : upright) * 512) / size;
          if (column > HELMET.left - 6 && ((dy * cos - dx * sin + size / 2) * 512) / size > HELMET.top - 6) scored[i] = 0;
          if (coverage > 0) {
            const c = coverage / 255;
            for (let p = 0; p < 3; p++) planes[p as 0][i] = room.planes[p]![back]! * (1 - c) + between(colours, p * size * size) * c + 0.5;
          }
        }
        if (coverage === 0) for (let p = 0; p < 3; p++) planes[p as 0][i] = room.planes[p]![back]!;
        alpha[i] = coverage + 0.5;
        planes[0][i] = Math.min(255, Math.max(0, 16 + (planes[0][i]! - 16) * light + grain[i + offset]!));
      }
    }
    yield { y: planes[0], u: halved(planes[1], width, height, light), v: halved(planes[2], width, height, light), alpha, scored };
  }
}

async function readRoom({ width, height, frames, background }: Scene): Promise<{ width: number; planes: readonly Uint8Array[] }> {
  const total = width + Math.ceil((background.shift?.(frames) ?? 0) * height);
  const { left, top, zoom } = background;
  const { file, size: [across, down] } = rooms[background.picture ?? 'coffee'];
  // The crop has the clip's shape.
  const [w, h] = total / height > across / down ? [across * zoom, (across * zoom * height) / total] : [(down * zoom * total) / height, down * zoom];
  const crop = `crop=${Math.floor(w)}:${Math.floor(h)}:${Math.floor(Math.min(left * across, across - w))}:${Math.floor(Math.min(top * down, down - h))}`;
  const all = await pixels(file, `${crop},scale=${total}:${height}:flags=lanczos${background.mirrored ? ',hflip' : ''}${background.soft === undefined ? '' : `,gblur=sigma=${(background.soft * height) / 720}`},hue=h=${background.hue ?? 0}:s=${background.saturation ?? 1},format=yuv444p`);
  const area = total * height;
  return { width: total, planes: [all.subarray(0, area), all.subarray(area, 2 * area), all.subarray(2 * area)] };
}

function halved(plane: Uint8Array, width: number, height: number, light: number): Uint8Array {
  const half = new Uint8Array((width / 2) * (height / 2));
  for (let y = 0, target = 0; y < height; y += 2) {
    for (let x = 0; x < width; x += 2, target++) {
      const i = y * width + x;
      half[target] = 128.5 + ((plane[i]! + plane[i + 1]! + plane[i + width]! + plane[i + width + 1]!) / 4 - 128) * light;
    }
  }
  return half;
}

/** One picture through an ffmpeg filter chain, as raw bytes. */
async function pixels(file: string, filter: string): Promise<Uint8Array> {
  const { stdout } = await run('ffmpeg', ['-v', 'error', '-i', file, '-vf', filter, '-f', 'rawvideo', '-'], { encoding: 'buffer', maxBuffer: 1e9 });
  return stdout;
}
