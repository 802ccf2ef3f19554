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

/** A tone is lower than this, Hz: what is above was made by a cut, not by a voice of the test. */
const CUT_ABOVE_HZ = 6000;
/** The quality factors of an eighth-order Butterworth filter's four sections. */
const SECTIONS = [0.5098, 0.6013, 0.9, 2.5629];
/** Over how long it is measured, and how far apart two cuts are at the least, ms. */
const BURST_MS = 4;
const APART_MS = 30;
/** What a click has of a voice's amplitude there. A cut has up to a twentieth, and least of all in the zero of a wave. */
const CLICK_SHARE = 1 / 300;

/** A moment at which the sound was cut: in the file, ms, and how loud it is above the tones. */
export interface Click { readonly at: number; readonly level: number }

/** How loud it is above all tones around each step, by the root of the mean square over BURST_MS. */
function hissOf(pcm: Float32Array): Float32Array {
  let above: Float64Array = Float64Array.from(pcm);
  for (const quality of SECTIONS) above = highPassed(above, quality);
  const steps = Math.floor(pcm.length / PER_STEP);
  const energy = new Float64Array(steps);
  for (let step = 0; step < steps; step++) {
    for (let i = step * PER_STEP; i < (step + 1) * PER_STEP; i++) energy[step] = (energy[step] ?? 0) + (above[i] ?? 0) ** 2 / PER_STEP;
  }
  return Float32Array.from(boxed(energy, BURST_MS / STEP_MS), Math.sqrt);
}

/**
 * Where the sound was cut: a step in a wave has all frequencies in it, a fade of some milliseconds has not.
 * @param amplitude of a voice
 */
export function clicksOf(pcm: Float32Array, amplitude: number): Click[] {
  const clicks: { at: number; level: number; until: number }[] = [];
  for (const [step, level] of hissOf(pcm).entries()) {
    if (level < amplitude * CLICK_SHARE) continue;
    const at = step * STEP_MS;
    const last = clicks.at(-1);
    if (last === undefined || at - last.until > APART_MS) clicks.push({ at, level, until: at });
    else {
      if (level > last.level) Object.assign(last, { at, level });
      last.until = at;
    }
  }
  return clicks.map(({ at, level }) => ({ at, level }));
}

/** A second-order section (R. Bristow-Johnson's cookbook). */
function highPassed(samples: Float64Array, quality: number): Float64Array {
  const turn = (2 * Math.PI * CUT_ABOVE_HZ) / RATE;
  const [cos, alpha] = [Math.cos(turn), Math.sin(turn) / (2 * quality)];
  const [b0, b1] = [(1 + cos) / 2 / (1 + alpha), -(1 + cos) / (1 + alpha)];
  const [a1, a2] = [(-2 * cos) / (1 + alpha), (1 - alpha) / (1 + alpha)];
  let [x1, x2, y1, y2] = [0, 0, 0, 0];
  return samples.map((x) => {
    const y = b0 * x + b1 * x1 + b0 * x2 - a1 * y1 - a2 * y2;
    [x2, x1, y2, y1] = [x1, x, y1, y];
    return y;
  });
}
