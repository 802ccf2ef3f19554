import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Samples per second of what is decoded here. */
const RATE = 48_000;
/** Between two values of a level, ms. */
const STEP_MS = 1;
/** Half of the length over which a tone is measured, ms: tones 200 Hz apart do not hear each other. */
const HALF_MS = 10;
const PER_STEP = (RATE * STEP_MS) / 1000;

/**
 * The sound of a file, mono.
 * @param times whether to go by the packets' times, as players do; programs that edit sound put its samples end to end
 * @throws at the first decoding error
 */
export async function pcmOf(file: string, { times = true } = {}): Promise<Float32Array> {
  const placed = times ? ['-af', 'aresample=async=1:first_pts=0'] : [];
  const { stdout } = await promisify(execFile)('ffmpeg', ['-v', 'error', '-xerror', '-i', file, '-vn', ...placed, '-ac', '1', '-ar', String(RATE), '-f', 'f32le', '-'], { encoding: 'buffer', maxBuffer: 2 ** 31 });
  return new Float32Array(stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + stdout.byteLength - (stdout.byteLength % 4)));
}

/** Amplitude of a tone around each step: a value every STEP_MS, weighted by a triangle of twice HALF_MS. */
export function levelOf(pcm: Float32Array, frequency: number): Float32Array {
  const steps = Math.floor(pcm.length / PER_STEP);
  const [real, imaginary] = [new Float64Array(steps + 1), new Float64Array(steps + 1)];
  const turn = (2 * Math.PI * frequency) / RATE;
  for (let step = 0; step < steps; step++) {
    let [x, y] = [0, 0];
    for (let i = step * PER_STEP; i < (step + 1) * PER_STEP; i++) {
      const sample = pcm[i] ?? 0;
      x += sample * Math.cos(turn * i);
      y += sample * Math.sin(turn * i);
    }
    real[step + 1] = x;
    imaginary[step + 1] = y;
  }
  const half = HALF_MS / STEP_MS;
  const smooth = (values: Float64Array): Float64Array => boxed(boxed(values, half), half);
  const [x, y] = [smooth(real), smooth(imaginary)];
  // A box of n steps is centred half a step early; two of them, a whole one.
  return Float32Array.from({ length: steps }, (_, step) => (2 * Math.hypot(x[step + 1] ?? 0, y[step + 1] ?? 0)) / PER_STEP);
}

/** The mean of the `width` values around each. */
function boxed(values: Float64Array, width: number): Float64Array {
  const sums = new Float64Array(values.length + 1);
  for (const [i, value] of values.entries()) sums[i + 1] = (sums[i] ?? 0) + value;
  return Float64Array.from(values, (_, i) => {
    const [from, to] = [Math.max(0, i - (width >> 1)), Math.min(values.length, i + width - (width >> 1))];
    return ((sums[to] ?? 0) - (sums[from] ?? 0)) / width;
  });
}

/** From and to, ms. */
export interface Span { readonly from: number; readonly to: number }

/** When a level is at least the threshold; breaks shorter than `bridge` ms do not count. */
export function spansOf(level: Float32Array, threshold: number, bridge = 0): Span[] {
  const spans: { from: number; to: number }[] = [];
  for (const [step, value] of level.entries()) {
    if (value < threshold) continue;
    const at = step * STEP_MS;
    const last = spans.at(-1);
    if (last !== undefined && at - last.to <= Math.max(bridge, STEP_MS)) last.to = at + STEP_MS;
    else spans.push({ from: at, to: at + STEP_MS });
  }
  return spans;
}
