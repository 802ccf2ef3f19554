import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { MODEL_HEIGHT, MODEL_WIDTH } from '../../effects/compositor/planar';
import { fetchPackage } from './npm-cache';

const PACKAGE = '@jitsi/react-native-sdk@13.2.0';

/** What Jitsi Meet's two engines do to the model's mask, as numbers. */
export interface PeerParameters {
  /** Engine 1: standard deviation of the canvas blur of the mask, in pixels of the output. */
  readonly blurPixels: number;
  /** Engine 2: share of the past in the mask, and every how many frames it is computed. */
  readonly past: number;
  readonly stride: number;
  /** Engine 2: width of the feather in pixels of the output, thresholds of alpha, and of the luma gradient that undoes it. */
  readonly featherPixels: number;
  readonly alpha: readonly [number, number];
  readonly snap: readonly [number, number];
}

/**
 * Brings Jitsi Meet's published effect into a cache outside of this repository.
 * @returns the folder of its sources
 * @throws when the registry cannot be reached
 */
export async function fetchPeers(): Promise<string> {
  const effects = 'react/features/stream-effects';
  return path.join(await fetchPackage(PACKAGE, effects), effects, 'virtual-background');
}

/**
 * Reads the parameters out of Jitsi Meet's published sources.
 * @throws when the registry cannot be reached, or the sources no longer say it in the way expected here
 */
export async function readPeers(): Promise<PeerParameters> {
  const folder = await fetchPeers();
  const [one, two, shader] = await Promise.all(['JitsiStreamBackgroundEffect.ts', 'BackgroundFrameProcessor.ts', 'compositor/WebGLCompositor.ts'].map((name) => readFile(path.join(folder, name), 'utf8')));
  const find = (text: string | undefined, pattern: RegExp): number[] => {
    const found = pattern.exec(text ?? '');
    if (!found) throw new Error(`${PACKAGE} does not say ${pattern.source} any more`);
    return found.slice(1).map(Number);
  };
  const pair = ([a = 0, b = 0]: number[]): readonly [number, number] => [a, b];
  return {
    blurPixels: find(one, /'blur\(4px\)' : 'blur\((\d+)px\)'/)[0]!,
    past: find(two, /DEFAULT_TEMPORAL_BLEND_RATIO = ([\d.]+)/)[0]!,
    stride: find(two, /inferenceStride \?\? (\d+)/)[0]!,
    featherPixels: find(two, /TARGET_BLUR_CAMERA_PX_TFLITE = (\d+)/)[0]!,
    alpha: pair([...find(two, /DEFAULT_EDGE_LOW_TFLITE = ([\d.]+)/), ...find(two, /DEFAULT_EDGE_HIGH_TFLITE = ([\d.]+)/)]),
    snap: pair(find(shader, /smoothstep\(([\d.]+), ([\d.]+), cameraEdgeStrength/)),
  };
}

/** From a mask (0 to 1, the model's size) and the frame's luma to a matte of the frame's size. */
export type Treatment = (mask: Float32Array, luma: Uint8Array, width: number, height: number) => Uint8Array;

/** The mask scaled up, bilinear, and nothing else. */
export const plain = (): Treatment => (mask, _luma, width, height) => bytes(scaled(mask, MODEL_WIDTH, MODEL_HEIGHT, width, height));

/** Engine 1: the mask is drawn at full size through a blur. Edges of the picture are repeated, which is kinder than the canvas. */
export const engineOne = (p: PeerParameters): Treatment => (mask, _luma, width, height) => {
  const field = scaled(mask, MODEL_WIDTH, MODEL_HEIGHT, width, height);
  gaussian(field, width, height, p.blurPixels);
  return bytes(field);
};

/**
 * Engine 2 with its model for machines without a GPU: the mask is mixed with its past, sampled at nine points a feather's
 * width apart, taken unfeathered where the luma has a strong gradient, and put through a smoothstep.
 */
export const engineTwo = (p: PeerParameters): Treatment => {
  let past: Float32Array | undefined;
  let frame = 0;
  return (mask, luma, width, height) => {
    if (frame++ % p.stride === 0) past = past?.map((value, i) => value * p.past + mask[i]! * (1 - p.past)) ?? mask.slice();
    const current = past ?? mask;
    const radius = Math.round((p.featherPixels * MODEL_WIDTH) / width);
    const feathered = new Float32Array(current.length);
    for (let y = 0; y < MODEL_HEIGHT; y++) {
      for (let x = 0; x < MODEL_WIDTH; x++) {
        let sum = 0;
        for (let dy = -1; dy <= 1; dy++) {
          for (let dx = -1; dx <= 1; dx++) {
            const sy = Math.min(MODEL_HEIGHT - 1, Math.max(0, y + dy * radius));
            const sx = Math.min(MODEL_WIDTH - 1, Math.max(0, x + dx * radius));
            sum += current[sy * MODEL_WIDTH + sx]! * (dx === 0 ? 2 : 1) * (dy === 0 ? 2 : 1);
          }
        }
        feathered[y * MODEL_WIDTH + x] = sum / 16;
      }
    }
    const soft = scaled(feathered, MODEL_WIDTH, MODEL_HEIGHT, width, height);
    const hard = scaled(current, MODEL_WIDTH, MODEL_HEIGHT, width, height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const i = y * width + x;
        const gx = luma[y * width + Math.min(width - 1, x + 1)]! - luma[y * width + Math.max(0, x - 1)]!;
        const gy = luma[Math.min(height - 1, y + 1) * width + x]! - luma[Math.max(0, y - 1) * width + x]!;
        const snap = smoothstep(Math.hypot(gx, gy) / 219, p.snap); // limited-range luma as the shader's RGB
        soft[i] = smoothstep(soft[i]! + (hard[i]! - soft[i]!) * snap, p.alpha);
      }
    }
    return bytes(soft);
  };
};

function smoothstep(x: number, [low, high]: readonly [number, number]): number {
  const t = Math.min(1, Math.max(0, (x - low) / (high - low)));
  return t * t * (3 - 2 * t);
}

const bytes = (field: Float32Array): Uint8Array => Uint8Array.from(field, (value) => value * 255 + 0.5);

function scaled(source: Float32Array, width: number, height: number, toWidth: number, toHeight: number): Float32Array {
  const target = new Float32Array(toWidth * toHeight);
  for (let y = 0; y < toHeight; y++) {
    const sy = Math.min(height - 1, Math.max(0, ((y + 0.5) * height) / toHeight - 0.5));
    const top = Math.floor(sy) * width;
    const bottom = Math.min(height - 1, Math.floor(sy) + 1) * width;
    const fy = sy - Math.floor(sy);
    for (let x = 0; x < toWidth; x++) {
      const sx = Math.min(width - 1, Math.max(0, ((x + 0.5) * width) / toWidth - 0.5));
      const left = Math.floor(sx);
      const right = Math.min(width - 1, left + 1);
      const fx = sx - left;
      target[y * toWidth + x] = (source[top + left]! * (1 - fx) + source[top + right]! * fx) * (1 - fy) + (source[bottom + left]! * (1 - fx) + source[bottom + right]! * fx) * fy;
    }
  }
  return target;
}

/** Separable Gaussian in place, edges repeated. */
function gaussian(field: Float32Array, width: number, height: number, sigma: number): void {
  const radius = Math.ceil(3 * sigma);
  const weights = Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2)));
  const total = weights.reduce((a, b) => a + b, 0);
  const pass = (length: number, lines: number, step: number, jump: number): void => {
    const line = new Float32Array(length + 2 * radius);
    for (let n = 0; n < lines; n++) {
      for (let i = 0; i < line.length; i++) line[i] = field[n * jump + Math.min(length - 1, Math.max(0, i - radius)) * step]!;
      for (let i = 0; i < length; i++) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum += weights[k]! * line[i + k]!;
        field[n * jump + i * step] = sum / total;
      }
    }
  };
  pass(width, height, 1, width);
  pass(height, width, width, 1);
}
