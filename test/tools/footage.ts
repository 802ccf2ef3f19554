import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { access, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { paintMark } from './marks';
import { pseudoRandom } from './sound';

const run = promisify(execFile);
const fixtures = path.resolve(__dirname, '../fixtures');
const cache = path.resolve(__dirname, '../../build/footage');

/** The portrait's helmet, in pixels of the 512x512 picture: it may count as person or not, so no score does. */
const HELMET = { left: 268, top: 330 };

export interface FootageOptions {
  /** Pixels, even. Default 640. */
  readonly width?: number;
  /** Pixels, even. Default 360. */
  readonly height?: number;
  /** Frames per second. Default 30. */
  readonly fps?: number;
  /** Length of the loop. Default 8. */
  readonly seconds?: number;
  /** Paint the frame's number into the background, readable by decodeMark(). Default false. */
  readonly mark?: boolean;
  /** `coffee`: strong texture, for measuring what shows through. `wall`: a quiet room. Default coffee. */
  readonly background?: 'coffee' | 'wall';
  /** Mirror the person, so that two participants differ. Default false. */
  readonly mirrored?: boolean;
}

/** Where a picture's content is certain in every frame of a clip; one byte per pixel, 0 or 255, row by row. */
interface Regions {
  /** Outside the person by a margin in all frames: not one pixel of it is person. */
  readonly surelyBackground: Uint8Array;
  /** Inside the person by a margin in all frames, without the helmet. */
  readonly surelyPerson: Uint8Array;
}

export interface Footage {
  /** The clip, I420 as Chromium's fake camera reads it; it loops without a jump. */
  readonly y4m: string;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly frames: number;
  /** The person's exact coverage in one frame, 0 to 255 per pixel, row by row. A new array each time. */
  alpha(frame: number): Uint8Array;
  regions(): Regions;
}

/**
 * A clip of a person swaying before a background, with exact ground truth. Made on the first call (about a second at
 * 640x360, four at 1280x720) and then taken from `build/footage`, keyed by the options and by the code that makes it.
 * @throws if ffmpeg is missing or a fixture cannot be read
 */
export async function footage(options: FootageOptions = {}): Promise<Footage> {
  const all: Required<FootageOptions> = { width: 640, height: 360, fps: 30, seconds: 8, mark: false, background: 'coffee', mirrored: false, ...options };
  const { width, height, fps } = all;
  const person = await readPerson(all);
  const frames = Math.round(fps * all.seconds);
  const y4m = path.join(cache, `${await keyOf(all)}.y4m`);
  if (!(await exists(y4m))) await compose(y4m, all, frames, person);

  const alpha = (frame: number): Uint8Array => {
    const plane = new Uint8Array(width * height);
    const { x, y } = position(all, person.size, frame, frames);
    forEachPersonPixel(person, x, y, width, height, (target, source) => {
      plane[target] = person.alpha[source] ?? 0;
    });
    return plane;
  };
  return { y4m, width, height, fps, frames, alpha, regions: () => regions(all, frames, person, alpha) };
}

/** The cut-out at the size it appears: full-resolution Y, U, V and coverage, `size` x `size`. */
interface Person {
  readonly size: number;
  readonly yuv: readonly [Uint8Array, Uint8Array, Uint8Array];
  readonly alpha: Uint8Array;
  /** Where the helmet is not, 0 or 255. */
  readonly scored: Uint8Array;
}

async function readPerson({ height, mirrored }: Required<FootageOptions>): Promise<Person> {
  // A little larger than the picture, so that the lower edge never shows while swaying.
  const size = 2 * Math.round(height * 0.48);
  const flip = mirrored ? ',hflip' : '';
  const colours = await pixels(path.join(fixtures, 'astronaut.png'), `scale=${size}:${size}:flags=lanczos${flip},format=yuv444p`);
  const alpha = await pixels(path.join(fixtures, 'astronaut-alpha.png'), `scale=${size}:${size}:flags=bilinear:out_range=full${flip},format=gray`);
  const area = size * size;
  const scored = Uint8Array.from({ length: area }, (_, i) => {
    const column = i % size;
    const left = ((mirrored ? size - 1 - column : column) * 512) / size;
    const top = (Math.floor(i / size) * 512) / size;
    return left > HELMET.left && top > HELMET.top ? 0 : 255;
  });
  return { size, alpha, scored, yuv: [colours.subarray(0, area), colours.subarray(area, 2 * area), colours.subarray(2 * area)] };
}

/** Where the cut-out's upper left corner is: whole periods over the clip, so that the loop closes. */
function position({ width, height }: Required<FootageOptions>, size: number, frame: number, frames: number): { x: number; y: number } {
  const turn = (2 * Math.PI * frame) / frames;
  const sway = 0.03 * Math.sin(turn) + 0.004 * Math.sin(11 * turn);
  const bob = 0.008 * Math.sin(3 * turn);
  return { x: Math.round((width - size) / 2 + sway * width), y: Math.round(height * 1.015 - size + bob * height) };
}

function forEachPersonPixel({ size }: Person, x: number, y: number, width: number, height: number, visit: (target: number, source: number) => void): void {
  for (let row = Math.max(0, -y); row < size && y + row < height; row++) {
    for (let column = Math.max(0, -x); column < size && x + column < width; column++) {
      visit((y + row) * width + x + column, row * size + column);
    }
  }
}

async function compose(file: string, options: Required<FootageOptions>, frames: number, person: Person): Promise<void> {
  const { width, height, fps } = options;
  const area = width * height;
  const background = await readBackground(options);
  // Grain: a plane of small values read from another offset in each frame, as cheap as it looks.
  const random = pseudoRandom(1);
  const grain = Int8Array.from({ length: area + 9973 }, () => Math.round((random() + random() + random() - 1.5) * 3));

  await mkdir(cache, { recursive: true });
  const partial = `${file}.${process.pid}`;
  const out = createWriteStream(partial);
  out.write(`YUV4MPEG2 W${width} H${height} F${fps}:1 Ip A1:1 C420jpeg\n`);
  for (let frame = 0; frame < frames; frame++) {
    const [luma, u, v] = [Uint8Array.from(background.yuv[0]), Uint8Array.from(background.yuv[1]), Uint8Array.from(background.yuv[2])];
    if (options.mark) {
      paintMark(luma, width, height, width, frame);
      greyMarks(u, v, width, height);
    }
    const { x, y } = position(options, person.size, frame, frames);
    forEachPersonPixel(person, x, y, width, height, (target, source) => {
      const coverage = person.alpha[source] ?? 0;
      luma[target] = blend(luma[target] ?? 0, person.yuv[0][source] ?? 0, coverage);
      u[target] = blend(u[target] ?? 0, person.yuv[1][source] ?? 0, coverage);
      v[target] = blend(v[target] ?? 0, person.yuv[2][source] ?? 0, coverage);
    });
    const offset = (frame * 7919) % 9973;
    for (let i = 0; i < area; i++) luma[i] = Math.min(255, Math.max(0, (luma[i] ?? 0) + (grain[i + offset] ?? 0)));
    const written = out.write(Buffer.concat([Buffer.from('FRAME\n'), luma, halved(u, width, height), halved(v, width, height)]));
    if (!written) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
  // Renamed when complete: another process may be making the same clip.
  await rename(partial, file);
}

function blend(under: number, over: number, coverage: number): number {
  return Math.round(under + ((over - under) * coverage) / 255);
}

/** A full-resolution chroma plane at half the size, by 2 x 2 means. */
function halved(plane: Uint8Array, width: number, height: number): Uint8Array {
  const half = new Uint8Array((width / 2) * (height / 2));
  for (let y = 0, target = 0; y < height; y += 2) {
    for (let x = 0; x < width; x += 2, target++) {
      const i = y * width + x;
      half[target] = ((plane[i] ?? 0) + (plane[i + 1] ?? 0) + (plane[i + width] ?? 0) + (plane[i + width + 1] ?? 0) + 2) >> 2;
    }
  }
  return half;
}

/** The marks are black and white, so their chroma is neutral. */
function greyMarks(u: Uint8Array, v: Uint8Array, width: number, height: number): void {
  for (let y = Math.round(height / 22.5); y < Math.round((5 * height) / 22.5); y++) {
    for (const left of [1, 31]) {
      for (const plane of [u, v]) plane.fill(128, y * width + Math.round((left * width) / 40), y * width + Math.round(((left + 8) * width) / 40));
    }
  }
}

async function readBackground({ width, height, background }: Required<FootageOptions>): Promise<Pick<Person, 'yuv'>> {
  const area = width * height;
  if (background === 'wall') return { yuv: paintWall(width, height) };
  // Four small cups, mirrored into a pattern and turned blue: a large red saucer behind an orange suit is taken for a
  // part of the person by the model, and the suit for a part of a red background, which says nothing about the blur.
  const cover = `scale=${width / 2}:-2:flags=lanczos,hue=h=170:s=0.6,split[a][b];[b]hflip[c];[a][c]hstack,split[d][e];[e]vflip[f];[d][f]vstack,scale=${width}:${height}:force_original_aspect_ratio=increase:flags=lanczos,crop=${width}:${height},format=yuv444p`;
  const all = await pixels(path.join(fixtures, 'coffee.png'), cover);
  return { yuv: [all.subarray(0, area), all.subarray(area, 2 * area), all.subarray(2 * area)] };
}

/** A panelled wall in the evening, lit by a lamp from the upper left, with a window of dusk on the right. */
function paintWall(width: number, height: number): [Uint8Array, Uint8Array, Uint8Array] {
  const planes: [Uint8Array, Uint8Array, Uint8Array] = [new Uint8Array(width * height), new Uint8Array(width * height), new Uint8Array(width * height)];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const [s, t] = [x / width, y / height];
      const light = Math.exp(-(((s - 0.18) / 0.45) ** 2) - ((t - 0.25) / 0.6) ** 2);
      const groove = (s * 11) % 1 < 0.03 ? 0.72 : 1;
      const inWindow = s > 0.74 && s < 0.95 && t > 0.1 && t < 0.62;
      const bar = Math.abs(s - 0.845) < 0.006 || Math.abs(t - 0.36) < 0.01;
      if (inWindow && !bar) {
        planes[0][i] = 60 + 90 * t;
        planes[1][i] = 148 - 30 * t;
        planes[2][i] = 118 + 22 * t;
      } else {
        planes[0][i] = (48 + 110 * light) * (inWindow ? 1.4 : groove);
        planes[1][i] = 122 - 8 * light;
        planes[2][i] = 130 + 10 * light;
      }
    }
  }
  return planes;
}

function regions({ width, height }: Required<FootageOptions>, frames: number, person: Person, alpha: (frame: number) => Uint8Array): Regions {
  const area = width * height;
  const ever = new Uint8Array(area);
  const always = new Uint8Array(area).fill(255);
  for (let frame = 0; frame < frames; frame++) {
    const { x, y } = position({ width, height } as Required<FootageOptions>, person.size, frame, frames);
    const coverage = alpha(frame);
    const scored = new Uint8Array(area);
    forEachPersonPixel(person, x, y, width, height, (target, source) => {
      scored[target] = person.scored[source] ?? 0;
    });
    for (let i = 0; i < area; i++) {
      if ((coverage[i] ?? 0) > 0) ever[i] = 255;
      if ((coverage[i] ?? 0) < 250 || scored[i] === 0) always[i] = 0;
    }
  }
  const near = spread(ever, width, height, Math.round(width * 0.02));
  const edge = spread(always.map((value) => 255 - value), width, height, Math.round(width * 0.012));
  return { surelyBackground: near.map((value) => 255 - value), surelyPerson: edge.map((value) => 255 - value) };
}

/** Dilates a mask of 0 and 255 by a square of `radius`, one direction after the other. */
function spread(mask: Uint8Array, width: number, height: number, radius: number): Uint8Array {
  const along = (source: Uint8Array, length: number, lines: number, step: number, jump: number): Uint8Array => {
    const target = new Uint8Array(source.length);
    for (let line = 0; line < lines; line++) {
      for (let i = 0; i < length; i++) {
        if (source[line * jump + i * step] === 0) continue;
        for (let j = Math.max(0, i - radius); j <= Math.min(length - 1, i + radius); j++) target[line * jump + j * step] = 255;
      }
    }
    return target;
  };
  return along(along(mask, width, height, 1, width), height, width, width, 1);
}

/** One picture through an ffmpeg filter chain, as raw bytes. */
async function pixels(file: string, filter: string): Promise<Uint8Array> {
  const { stdout } = await run('ffmpeg', ['-v', 'error', '-i', file, '-vf', filter, '-f', 'rawvideo', '-'], { encoding: 'buffer', maxBuffer: 1e9 });
  return stdout;
}

async function keyOf(options: Required<FootageOptions>): Promise<string> {
  const code = await Promise.all(['footage.ts', 'marks.ts'].map((name) => readFile(path.join(__dirname, name))));
  const digest = createHash('sha256').update(JSON.stringify(options)).update(Buffer.concat(code)).digest('hex').slice(0, 12);
  return `${options.background}-${options.width}x${options.height}-${options.fps}-${digest}`;
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(() => true, () => false);
}

/**
 * A camera's picture of one colour.
 * @param colour #rrggbb
 * @returns the y4m file, in the cache
 */
export async function plain(colour: string, { width = 640, height = 360, fps = 15 } = {}): Promise<string> {
  const file = path.join(cache, `plain-${colour.slice(1)}-${width}x${height}-${fps}.y4m`);
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255);
  // BT.601, limited range.
  const planes = [[16 + 65.481 * r + 128.553 * g + 24.966 * b, width * height], [128 - 37.797 * r - 74.203 * g + 112 * b, (width * height) / 4], [128 + 112 * r - 93.786 * g - 18.214 * b, (width * height) / 4]] as const;
  const frame = Buffer.concat([Buffer.from('FRAME\n'), ...planes.map(([value, size]) => Buffer.alloc(size, Math.round(value)))]);
  await mkdir(cache, { recursive: true });
  const partial = `${file}.${process.pid}`;
  await writeFile(partial, Buffer.concat([Buffer.from(`YUV4MPEG2 W${width} H${height} F${fps}:1 Ip A1:1 C420jpeg\n`), frame, frame]));
  await rename(partial, file); // whole, for whoever reads it meanwhile
  return file;
}
