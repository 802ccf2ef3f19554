import { spawn } from 'node:child_process';

import { clicksOf, levelOf, spansOf, type Span } from './hearing';

/** What is done to a meeting while it is recorded, and whether what was recorded shows that and nothing else. */

/** A break that is no gap, ms. */
const GAP_MS = 50;
/** What a cut by the sender, as opposed to the recorder, is given to be heard, ms. */
const CUT_MS = 400;
/** The first and the last packet of a file begin and end as they like, ms. */
export const EDGE_MS = 100;

/** Something that was done to the meeting, and when by the recording's own clock, ms. */
export interface Done {
  readonly what: string;
  readonly at: number;
  /** Whether the sound was cut before it came to the recorder, so that a click there is not the recorder's. */
  readonly cut: boolean;
}

/** Who takes part, and how they are told from each other in what was recorded. */
export interface Cast {
  /** Each one's tone, Hz: so far apart that they do not hear each other. */
  readonly tones: ReadonlyMap<string, number>;
  /** Each one's picture, #rrggbb. */
  readonly colours: ReadonlyMap<string, string>;
  /** Of a tone; a voice is heard where it has half of it. */
  readonly amplitude: number;
}

/** Where each one is there to be heard, and to be seen, by when, ms; written while it happens. */
export class Diary {
  readonly heard = new Map<string, Span[]>();
  readonly seen = new Map<string, Span[]>();
  readonly done: Done[] = [];
  #now = 0;

  get now(): number {
    return this.#now;
  }

  /** @returns when, by the diary: never before what is in it */
  note(what: string, at: number, cut = false): number {
    this.#now = Math.max(this.#now, Math.round(at));
    this.done.push({ what, at: this.#now, cut });
    return this.#now;
  }

  open(of: 'heard' | 'seen', who: string, from: number): void {
    this[of].set(who, [...this[of].get(who) ?? [], { from, to: Infinity }]);
  }

  close(of: 'heard' | 'seen', who: string, to: number): void {
    const spans = this[of].get(who) ?? [];
    this[of].set(who, [...spans.slice(0, -1), { from: spans.at(-1)?.from ?? NaN, to }]);
  }
}

/** What a file has of a meeting in it. */
export interface Verdict {
  readonly done: readonly Done[];
  /** Whose voice came or went, and how far from when they did, in the mix, s. NaN where it was not heard at all. */
  readonly edges: readonly { readonly who: string; readonly at: number; readonly offS: number }[];
  /** Breaks in a voice that goes on. */
  readonly gaps: readonly { readonly who: string; readonly at: number; readonly ms: number }[];
  /** With the last thing that was done before, and how long before. And how many came within CUT_MS of a cut by a sender. */
  readonly clicks: readonly { readonly at: number; readonly level: number; readonly after: string; readonly laterMs: number }[];
  readonly cuts: number;
  /** Pictures in which everybody who was there was seen, and nobody else; of all that were looked at. */
  readonly pictures: { readonly right: number; readonly of: number; readonly wrong: readonly string[] };
}

/** When each tone is there, by whose it is. */
export function tonesOf(pcm: Float32Array, { tones, amplitude }: Cast): Map<string, readonly Span[]> {
  return new Map([...tones].map(([who, frequency]) => [who, spansOf(levelOf(pcm, frequency), amplitude / 2, GAP_MS)]));
}

/** @param tones as `tonesOf` has found them */
export function judgeSound(pcm: Float32Array, tones: ReadonlyMap<string, readonly Span[]>, { amplitude }: Cast, { heard, done }: Diary, durationMs: number): Pick<Verdict, 'edges' | 'gaps' | 'clicks' | 'cuts'> {
  const edges: { who: string; at: number; offS: number }[] = [];
  const gaps: { who: string; at: number; ms: number }[] = [];
  for (const [who, found] of tones) {
    const spans = heard.get(who) ?? [];
    for (const [index, { from, to }] of spans.entries()) {
      // Whatever is nearer to this time than to the one before and the one after: one who is heard at any other is late.
      const [since, until] = [((spans[index - 1]?.to ?? -Infinity) + from) / 2, (to + (spans[index + 1]?.from ?? Infinity)) / 2];
      const parts = found.filter((span) => span.from >= since && span.from < until);
      if (from > 0) edges.push({ who, at: from, offS: ((parts[0]?.from ?? NaN) - from) / 1000 });
      if (to < Infinity) edges.push({ who, at: to, offS: ((parts.at(-1)?.to ?? NaN) - to) / 1000 });
      for (const [each, { to: at }] of parts.slice(0, -1).entries()) gaps.push({ who, at, ms: parts[each + 1]!.from - at });
      const last = parts.at(-1)?.to ?? 0;
      if (to === Infinity && last < durationMs - 1000) gaps.push({ who, at: last, ms: durationMs - last });
    }
  }
  const clicks: { at: number; level: number; after: string; laterMs: number }[] = [];
  let cuts = 0;
  for (const { at, level } of clicksOf(pcm, amplitude)) {
    if (at < EDGE_MS || at > durationMs - EDGE_MS) continue;
    const before = done.filter((each) => each.at <= at + EDGE_MS);
    if (before.some((each) => each.cut && at - each.at < CUT_MS)) cuts++;
    else clicks.push({ at, level, after: before.at(-1)?.what ?? 'the beginning', laterMs: at - (before.at(-1)?.at ?? 0) });
  }
  return { edges, gaps, clicks, cuts };
}

const [WIDTH, HEIGHT, FPS] = [64, 36, 4];
/** Of the picture, that a tile's colour takes at the least: six of them, and a screen beside them, are larger. */
const TILE = 0.01;

/** @param apartMs how far from any change a picture is that is looked at */
export async function judgePicture(file: string, cast: Cast, { seen, done }: Diary, apartMs: number, durationMs: number): Promise<Verdict['pictures']> {
  const colours = new Map([...cast.colours].map(([who, colour]) => [who, [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16))]));
  const wrong: string[] = [];
  let [right, index] = [0, -1];
  await frames(file, (frame) => {
    const at = ++index * (1000 / FPS);
    if (at < apartMs || at > durationMs - EDGE_MS || done.some((each) => Math.abs(each.at - at) < apartMs)) return;
    const counts = new Map<string, number>();
    for (let i = 0; i < frame.length; i += 3) {
      for (const [who, colour] of colours) if (colour.every((value, each) => Math.abs(value - frame[i + each]!) < 40)) counts.set(who, (counts.get(who) ?? 0) + 1 / (WIDTH * HEIGHT));
    }
    const faults = [...colours.keys()].filter((who) => {
      const there = (seen.get(who) ?? []).some(({ from, to }) => at >= from && at < to);
      return (counts.get(who) ?? 0) >= TILE !== there;
    });
    if (faults.length === 0) right++;
    else wrong.push(`${faults.join(', ')} at ${at / 1000} s`);
  });
  return { right, of: right + wrong.length, wrong };
}

/** Decodes the picture, some times a second, to RGB. */
function frames(file: string, onFrame: (frame: Buffer) => void): Promise<void> {
  const child = spawn('ffmpeg', ['-v', 'error', '-i', file, '-an', '-vf', `fps=${FPS}:start_time=0,scale=${WIDTH}:${HEIGHT}:flags=area`, '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let rest: Buffer = Buffer.alloc(0);
  child.stdout.on('data', (data: Buffer) => {
    rest = Buffer.concat([rest, data]);
    for (; rest.length >= WIDTH * HEIGHT * 3; rest = rest.subarray(WIDTH * HEIGHT * 3)) onFrame(rest.subarray(0, WIDTH * HEIGHT * 3));
  });
  return new Promise((resolve, reject) => {
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${file} does not decode`));
    });
  });
}
