import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { pseudoRandom } from '../tools/sound';

const run = promisify(execFile);
const fixtures = path.resolve(__dirname, '../fixtures');

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
  /** Where the cut-out is, relative to the middle, in each frame. */
  readonly sway: (frame: number) => readonly [x: number, y: number];
  /** Crop of the background picture (fractions of it), and where it has moved to in each frame. */
  readonly background: { readonly left: number; readonly top: number; readonly zoom: number; readonly mirrored?: boolean; /** Defocus, in pixels at 720p. */ readonly soft?: number; /** Turn of its hues, in degrees. */ readonly hue?: number; readonly saturation?: number; readonly shift?: (frame: number) => number };
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
 * What is varied: rest, motion, the room behind, its light, the camera's noise, the person's size and side. The rooms
 * are such that the model finds the person: it is the treatment of its mask that is measured.
 */
export const scenes: readonly Scene[] = [
  { name: 'at rest', width: 1280, height: 720, frames: 24, scale: 0.96, sway: () => [0, 0], background: { left: 0.3, top: 0.2, zoom: 0.6, soft: 5, hue: 170 }, noise: 2.5 },
  { name: 'sway', width: 1280, height: 720, frames: 32, scale: 0.96, sway: (f) => [0.06 * Math.sin(turn(f, 64)), 0.01 * Math.sin(turn(f, 23))], background: { left: 0, top: 0, zoom: 0.3 }, noise: 1.5 },
  { name: 'fast shake', width: 1280, height: 720, frames: 32, scale: 0.9, sway: (f) => [0.045 * Math.sin(turn(f, 12)), 0.012 * Math.sin(turn(f, 9))], background: { left: 0.3, top: 0.2, zoom: 0.6, mirrored: true, hue: 120, saturation: 0.5 }, noise: 1.5 },
  { name: 'room moves', width: 1280, height: 720, frames: 24, scale: 0.8, sway: () => [0.12, 0.01], background: { left: 0.4, top: 0.4, zoom: 0.6, shift: (f) => 0.004 * f }, noise: 1.5 },
  { name: 'small, mirrored', width: 1280, height: 720, frames: 32, scale: 0.72, mirrored: true, sway: (f) => [0.03 * Math.sin(turn(f, 40)), 0.02], background: { left: 0.3, top: 0.2, zoom: 0.6, hue: 200, soft: 3 }, noise: 3.5 },
  { name: 'near, dim', width: 1280, height: 720, frames: 24, scale: 1.25, sway: (f) => [0.05 + 0.02 * Math.sin(turn(f, 30)), 0.14], background: { left: 0, top: 0.3, zoom: 0.35, mirrored: true, saturation: 0.3 }, noise: 3.5, light: 0.55 },
  { name: '360p', width: 640, height: 360, frames: 32, scale: 0.85, mirrored: true, sway: (f) => [0.05 * Math.sin(turn(f, 24)), 0.01 * Math.sin(turn(f, 23))], background: { left: 0.75, top: 0.6, zoom: 0.25, hue: 90, saturation: 0.6 }, noise: 2 },
];

/** Makes the frames of a scene one by one. Colours are BT.601, limited range. */
export async function* clip(scene: Scene): AsyncGenerator<ClipFrame> {
  const { width, height, frames, light = 1 } = scene;
  const size = 2 * Math.round((scene.scale * height) / 2);
  const flip = scene.mirrored ? ',hflip' : '';
  const colours = await pixels('astronaut.png', `scale=${size}:${size}:flags=lanczos${flip},format=yuv444p`);
  const cutout = await pixels('astronaut-alpha.png', `scale=${size}:${size}:flags=bicubic:out_range=full${flip},format=gray`);
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
          const column = ((scene.mirrored ? size - 1 - px : px) * 512) / size;
          if (column > HELMET.left - 6 && (py * 512) / size > HELMET.top - 6) scored[i] = 0;
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
  // The crop has the clip's shape; the picture is 600 x 400.
  const [w, h] = total / height > 1.5 ? [600 * zoom, (600 * zoom * height) / total] : [(400 * zoom * total) / height, 400 * zoom];
  const crop = `crop=${Math.floor(w)}:${Math.floor(h)}:${Math.floor(Math.min(left * 600, 600 - w))}:${Math.floor(Math.min(top * 400, 400 - h))}`;
  const all = await pixels('coffee.png', `${crop},scale=${total}:${height}:flags=lanczos${background.mirrored ? ',hflip' : ''}${background.soft === undefined ? '' : `,gblur=sigma=${(background.soft * height) / 720}`},hue=h=${background.hue ?? 0}:s=${background.saturation ?? 1},format=yuv444p`);
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

/** One fixture through an ffmpeg filter chain, as raw bytes. */
async function pixels(name: string, filter: string): Promise<Uint8Array> {
  const { stdout } = await run('ffmpeg', ['-v', 'error', '-i', path.join(fixtures, name), '-vf', filter, '-f', 'rawvideo', '-'], { encoding: 'buffer', maxBuffer: 1e9 });
  return stdout;
}
