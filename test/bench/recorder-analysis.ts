import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { decodeMark } from '../tools/marks';
import { BEEP_EVERY_MS, BEEP_HZ, BEEP_MS, CLOCK_MS } from './recorder-clock';

/** Size at which pictures are looked at: four pixels per cell of a mark. */
const [WIDTH, HEIGHT] = [160, 90];
const RATE = 16_000;
/** Length over which a tone is measured, samples: two of its periods and more. */
const WINDOW = RATE * 0.004;
/** Amplitude in the window at which a beep has begun: half of what is played. */
const THRESHOLD = 0.2;
/** More than any picture is late by, on a machine that is not stalled; ms. */
const JUMP_MS = 300;

/** A decoded frame of picture. */
interface Shown {
  /** In the file, ms. */
  readonly at: number;
  /** The epoch time that is painted in it, modulo CLOCK_MS. */
  readonly clock: number;
}

/** What a recording says of the time at which it was made. */
export interface ClockReading {
  readonly shown: readonly Shown[];
  /** When beeps begin in the file, ms. */
  readonly beeps: readonly number[];
  /** Where the sound ends in the file, ms. */
  readonly soundEnd: number;
  /** Pictures whose clock could not be read. */
  readonly unreadable: number;
}

/**
 * Decodes a recording of the bench's stage to its end.
 * @param cut whether it may end in the middle of a frame, as what an encoder wrote before its page was gone
 * @throws at the first decoding error
 */
export async function readClock(file: string, { cut = false } = {}): Promise<ClockReading> {
  const shown: Shown[] = [];
  let unreadable = 0;
  await decodeEach(file, cut, `[0:v:0]scale=${WIDTH}:${HEIGHT}:flags=area,format=gray`, 'split', ['-enc_time_base', '1/1000', '-c:v', 'rawvideo'], (frame, at) => {
    const mark = decodeMark(frame, WIDTH, HEIGHT, WIDTH);
    if (mark === null) unreadable++;
    else shown.push({ at, clock: mark.frame });
  });
  const beeps = new BeepListener();
  await decodeEach(file, cut, `[0:a:0]aresample=${RATE},aformat=s16:${RATE}:mono`, 'asplit', ['-c:a', 'pcm_s16le'], (bytes, at) => beeps.push(bytes, at));
  return { shown, beeps: beeps.found, soundEnd: beeps.end, unreadable };
}

/** Finds where a tone of BEEP_HZ begins, as it comes. */
class BeepListener {
  readonly found: number[] = [];
  /** Of what was pushed so far, ms. */
  end = 0;
  #heard = new Float32Array(0);
  #heardAt = 0;
  #quietSince = -Infinity;

  push(bytes: Uint8Array, at: number): void {
    const samples = Float32Array.from(new Int16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1), (value) => value / 32_768);
    // A gap in the file is silence.
    const before = this.end - at > -1 ? this.#heard : new Float32Array(0);
    const all = new Float32Array(before.length + samples.length);
    all.set(before);
    all.set(samples, before.length);
    this.#heardAt = at - (before.length * 1000) / RATE;
    this.end = at + (samples.length * 1000) / RATE;

    const levels = tonePower(all);
    for (let i = 0; i < levels.length; i++) {
      const time = this.#heardAt + ((i + WINDOW / 2) * 1000) / RATE;
      // The amplitude in the window is half of the beep's when the beep begins in the window's middle.
      if (levels[i]! < THRESHOLD) continue;
      if (time - this.#quietSince > BEEP_MS / 2) this.found.push(time);
      this.#quietSince = time;
    }
    this.#heard = all.slice(levels.length);
  }
}

/** Amplitude of BEEP_HZ in the WINDOW samples from each sample on. */
function tonePower(samples: Float32Array): Float32Array {
  const levels = new Float32Array(Math.max(0, samples.length - WINDOW));
  const turn = (2 * Math.PI * BEEP_HZ) / RATE;
  const cos = samples.map((sample, i) => sample * Math.cos(turn * i));
  const sin = samples.map((sample, i) => sample * Math.sin(turn * i));
  let [real, imaginary] = [0, 0];
  for (let i = 0; i < WINDOW && i < samples.length; i++) {
    real += cos[i]!;
    imaginary += sin[i]!;
  }
  for (let i = 0; i < levels.length; i++) {
    levels[i] = (2 * Math.hypot(real, imaginary)) / WINDOW;
    real += cos[i + WINDOW]! - cos[i]!;
    imaginary += sin[i + WINDOW]! - sin[i]!;
  }
  return levels;
}

/**
 * Runs what a filter makes of a file through ffmpeg, piece by piece as it was decoded, each with its time in the file.
 * @param each gets a piece and its time, ms; the piece is its to keep
 * @throws at the first decoding error
 */
async function decodeEach(file: string, cut: boolean, filter: string, split: 'split' | 'asplit', codec: readonly string[], each: (piece: Uint8Array, at: number) => void): Promise<void> {
  // The same pieces twice: as they are, and as a list of their times and lengths.
  const output = ['-fps_mode', 'passthrough', ...codec];
  const child = spawn('ffmpeg', ['-v', 'error', ...(cut ? [] : ['-xerror']), '-copyts', '-i', file, '-filter_complex', `${filter},${split}[a][b]`,
    '-map', '[a]', ...output, '-f', 'data', 'pipe:1', '-map', '[b]', ...output, '-f', 'framecrc', 'pipe:3'], { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  const [, pieces, errors, list] = child.stdio as readonly Readable[];
  let said = '';
  errors!.on('data', (text: Buffer) => { said += text.toString(); });
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));

  const waiting: { at: number; length: number }[] = [];
  let msPerUnit = 0;
  let line = '';
  let bytes: Uint8Array = new Uint8Array();
  const match = (): void => {
    let from = 0;
    for (let next = waiting[0]; next !== undefined && bytes.length - from >= next.length; next = waiting[0]) {
      each(bytes.slice(from, from + next.length), next.at);
      from += next.length;
      waiting.shift();
    }
    bytes = bytes.subarray(from);
  };
  pieces!.on('data', (data: Buffer) => {
    bytes = Buffer.concat([bytes, data]);
    match();
  });
  list!.on('data', (data: Buffer) => {
    const lines = (line + data.toString()).split('\n');
    line = lines.pop() ?? '';
    for (const each of lines) {
      const base = /^#tb 0: (\d+)\/(\d+)/.exec(each);
      if (base) msPerUnit = (1000 * Number(base[1])) / Number(base[2]);
      if (each.startsWith('#')) continue;
      const [, , at, , length] = each.split(',').map(Number);
      waiting.push({ at: at! * msPerUnit, length: length! });
    }
    match();
  });
  const code = await closed;
  // Two pieces of one time, as after a stall, are no fault of the file; ffmpeg says so, and goes on.
  const faults = said.split('\n').filter((each) => each !== '' && !/non monotonically increasing dts to muxer|Last message repeated/.test(each) && !(cut && each.includes('File ended prematurely')));
  if (code !== 0 || faults.length > 0) throw new Error(`${file} does not decode: ${faults.join('\n')}`);
  if (waiting.length > 0) throw new Error(`${waiting.length} pieces are missing`);
}

/** How late the sound is against the picture at each beep, ms, and where in the file, ms. */
export function skews({ shown, beeps }: ClockReading): { at: number; skew: number }[] {
  const found: { at: number; skew: number }[] = [];
  let i = 0;
  for (const at of beeps) {
    while (i + 1 < shown.length && shown[i + 1]!.at <= at) i++;
    // The picture's clock runs on between two pictures. The median of some, since one may be late.
    const near = shown.slice(Math.max(0, i - 7), i + 8).map((frame) => centred(frame.clock + at - frame.at, BEEP_EVERY_MS));
    if (near.length === 15) found.push({ at, skew: quantile(near, 0.5) });
  }
  return found;
}

/** Where the picture's clock jumps against the file's, as after a pause: at its first picture after it, ms. */
export function jumps({ shown }: ClockReading): number[] {
  return shown.filter(({ at, clock }, i) => i > 0 && Math.abs(centred(clock - shown[i - 1]!.clock - at + shown[i - 1]!.at, CLOCK_MS)) > JUMP_MS).map(({ at }) => at);
}

/** The epoch time of each picture, ms, given that of the recording's start, ms. */
export function epochs({ shown }: ClockReading, startedAt: number): { at: number; epoch: number }[] {
  let expected = startedAt - CLOCK_MS / 4; // the first picture may be older than the recording, and may be late
  let before = 0;
  return shown.map(({ at, clock }, i) => {
    // Pictures come in order and without long breaks.
    if (i > 0) expected += at - before;
    before = at;
    const behind = ((clock - expected) % CLOCK_MS + CLOCK_MS) % CLOCK_MS;
    expected += i === 0 ? behind : centred(clock - expected, CLOCK_MS);
    return { at, epoch: expected };
  });
}

/** The same modulo `turn`, within half a turn of 0. */
const centred = (value: number, turn: number): number => value - turn * Math.round(value / turn);

/** Of any number of values, interpolated; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const low = sorted[Math.floor(place)] ?? NaN;
  return low + ((sorted[Math.ceil(place)] ?? NaN) - low) * (place % 1);
}

/** Slope of the least-squares line through points. */
export function slope(points: readonly { readonly x: number; readonly y: number }[]): number {
  const mean = (pick: (point: { x: number; y: number }) => number): number => points.reduce((sum, point) => sum + pick(point), 0) / points.length;
  const [x, y] = [mean((point) => point.x), mean((point) => point.y)];
  return points.reduce((sum, point) => sum + (point.x - x) * (point.y - y), 0) / points.reduce((sum, point) => sum + (point.x - x) ** 2, 0);
}
