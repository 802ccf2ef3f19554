import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { entryNames } from '../../recorder/formats';
import { Theatre } from '../bench/recorder-stage';
import { clicksOf, levelOf, pcmOf, spansOf, type Span } from '../tools/hearing';
import type { Mute, SourcesLab } from './pages/recorder-sources';

declare const sources: SourcesLab;

/** Each one's tone, Hz, and colour; the first is here, the others are called. Tones are so far apart that they do not hear each other. */
const guests = {
  'Ann Host': { frequency: 300, colour: '#c00000' },
  'Bob Guest': { frequency: 500, colour: '#00a000' },
  'Cem Guest': { frequency: 700, colour: '#0000c0' },
  'Dee Late': { frequency: 900, colour: '#c0c000' },
  'Eva Late': { frequency: 1100, colour: '#c000c0' },
} as const;
type Name = keyof typeof guests;
const names = Object.keys(guests) as Name[];
const [HOST] = names as [Name];
/** Whose stems are compared with the mix: those who are called. */
const called = names.slice(1);
/** What Bob shows, and what it sounds like. */
const SCREEN = { frequency: 1300, colour: '#00c0c0' };
/** Six tones at once stay below full scale, also while they beep. */
const GAIN = 0.12;
const BEEP = { above: 1400, gain: 0.05 };

/** Of each picture, per second: five cameras that are encoded and decoded leave two cores little for sound. */
const FRAMES = 8;

/** A voice is heard where it has half of its loudness. */
const HEARD = GAIN / 2;
/** A break that is no gap, ms. */
const GAP_MS = 50;
/** What a cut by the sender, as opposed to the recorder, is given to be heard, ms. */
const CUT_MS = 400;

/** By how much what is safe is behind, ms: half a chunk, and its way to the disk. */
const SAFE_MS = 300;

/** Something that was done to the meeting, and when by the recording's own clock, ms. */
interface Done {
  readonly what: string;
  readonly at: number;
  /** Whether the sound was cut before it came to the recorder, so that a click there is not the recorder's. */
  readonly cut: boolean;
}

/** Where one was seen, by when: in the list, with a camera that is on. */
interface Expected {
  readonly heard: ReadonlyMap<string, Span[]>;
  readonly seen: ReadonlyMap<string, Span[]>;
  readonly done: readonly Done[];
  readonly beeps: number;
}

export interface Voices {
  readonly recordedS: number;
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
  readonly stems: readonly {
    readonly who: string;
    /** How much later each edge and beep is than in the mix, ms. */
    readonly offsMs: readonly number[];
    /** Others' tones in it. */
    readonly foreign: number;
  }[];
  /** Between the first and the last of those who are called at the same beep, ms: in the stems; what is beyond that of the mix is not the network's. */
  readonly beepSpreadMs: { readonly stems: number; readonly mix: number };
}

/**
 * Records a meeting of five, of whom four are called, while they come, go, mute, change their device and share, and listens to
 * what was recorded. Chromium only.
 * @param seconds about how long
 * @param rounds how often in that time everything is done that can be done
 */
export async function runVoices(seconds: number, rounds: number): Promise<Voices> {
  const theatre = await Theatre.open('chromium');
  const unpacked = await mkdtemp(path.join(tmpdir(), 'greenroom-voices-'));
  try {
    const { page } = await theatre.raise('recorder-sources');
    const heard = new Map<string, Span[]>();
    const seen = new Map<string, Span[]>();
    const done: Done[] = [];
    const open = (map: Map<string, Span[]>, who: string, from: number): void => { map.set(who, [...map.get(who) ?? [], { from, to: Infinity }]); };
    const close = (map: Map<string, Span[]>, who: string, to: number): void => {
      const spans = map.get(who) ?? [];
      map.set(who, [...spans.slice(0, -1), { from: spans.at(-1)?.from ?? NaN, to }]);
    };
    let now = 0;
    let beeps = 0;
    const note = (what: string, at: number, cut = false): number => {
      now = Math.max(now, Math.round(at));
      done.push({ what, at: now, cut });
      return now;
    };
    const join = async (who: Name): Promise<void> => {
      const guest = { ...guests[who], gain: GAIN, frames: FRAMES, local: who === HOST };
      const at = note(`${who} joins`, await page.evaluate((id, given) => sources.join(id, given), who, guest));
      open(heard, who, at);
      open(seen, who, at);
    };
    const leave = async (who: Name): Promise<void> => {
      const at = note(`${who} leaves`, await page.evaluate((id) => sources.leave(id), who));
      close(heard, who, at);
      close(seen, who, at);
    };
    const mute = async (who: Name, how: Mute): Promise<void> => close(heard, who, note(`${who} mutes (${how})`, await page.evaluate((id, way) => sources.mute(id, true, way), who, how), how !== 'left-out'));
    const unmute = async (who: Name, how: Mute): Promise<void> => open(heard, who, note(`${who} unmutes (${how})`, await page.evaluate((id, way) => sources.mute(id, false, way), who, how), how !== 'left-out'));
    const reconnect = async (who: Name): Promise<void> => void note(`${who} has another track`, await page.evaluate((id) => sources.reconnect(id), who));
    const replace = async (who: Name): Promise<void> => void note(`${who} sends another device's sound`, await page.evaluate((id) => sources.replace(id), who), true);
    const share = async (who: Name): Promise<void> => {
      const at = note(`${who} shares a screen`, await page.evaluate((id, shown) => sources.share(id, shown), who, { ...SCREEN, gain: GAIN, frames: FRAMES }));
      open(heard, 'screen', at);
      open(seen, 'screen', at);
    };
    const unshare = async (who: Name): Promise<void> => {
      const at = note(`${who} stops sharing`, await page.evaluate((id) => sources.unshare(id), who));
      close(heard, 'screen', at);
      close(seen, 'screen', at);
    };
    const beep = async (): Promise<void> => {
      note('everybody beeps', await page.evaluate(({ above, gain }) => sources.beepAbove(above, gain), BEEP));
      beeps++;
    };

    const begin: (() => Promise<void>)[] = [beep, () => join('Dee Late'), () => join('Eva Late')];
    const round: (() => Promise<void>)[] = [
      () => mute('Bob Guest', 'left-out'), () => mute('Cem Guest', 'disabled'), () => reconnect('Ann Host'), () => unmute('Bob Guest', 'left-out'),
      () => unmute('Cem Guest', 'disabled'), () => leave('Dee Late'), () => share('Bob Guest'), () => mute('Eva Late', 'unsent'),
      () => mute('Ann Host', 'left-out'), () => join('Dee Late'), () => unmute('Eva Late', 'unsent'), () => unmute('Ann Host', 'left-out'),
      () => reconnect('Cem Guest'), () => mute('Ann Host', 'disabled'), () => replace('Dee Late'), () => unshare('Bob Guest'), () => unmute('Ann Host', 'disabled'), beep,
    ];
    const steps = [...begin, ...Array.from({ length: rounds }, () => round).flat()];
    const everyMs = (1000 * seconds) / (steps.length + 1);

    await page.evaluate(() => sources.create({ database: 'voices' }));
    for (const who of names.slice(0, 3)) await join(who);
    const id = await page.evaluate(() => sources.start({ title: 'Voices', source: 'room', stems: true }));
    for (const step of steps) {
      await page.evaluate((ms) => sources.untilSafe(ms), now + everyMs - SAFE_MS);
      await step();
    }
    await page.evaluate((ms) => sources.untilSafe(ms), Math.max(now + 1500, 1000 * seconds));
    const { durationMs } = await page.evaluate(() => sources.stop());
    const mix = await theatre.downloaded(await page.evaluate((which) => sources.save(which), id));
    const zip = await theatre.downloaded(await page.evaluate((which) => sources.save(which, 'stems'), id));
    await promisify(execFile)('python3', ['-m', 'zipfile', '-e', zip, unpacked]);

    const expected: Expected = { heard, seen, done, beeps };
    const inMix = listen(await pcmOf(mix));
    return {
      recordedS: durationMs / 1000, done,
      ...judgeSound(inMix, expected, durationMs),
      pictures: await judgePicture(mix, expected, Math.min(700, everyMs * 0.45), durationMs),
      ...await judgeStems(inMix, unpacked, expected),
    };
  } finally {
    await theatre.close();
    await rm(unpacked, { recursive: true, force: true });
  }
}

/** What is to be heard in a file. */
interface Heard {
  readonly pcm: Float32Array;
  /** By whose it is. */
  readonly tones: ReadonlyMap<string, readonly Span[]>;
  /** When each one's beeps began, ms. */
  readonly beeps: ReadonlyMap<string, readonly number[]>;
}

function listen(pcm: Float32Array): Heard {
  const tones: readonly (readonly [string, number])[] = [...names.map((who) => [who, guests[who].frequency] as const), ['screen', SCREEN.frequency]];
  return {
    pcm,
    tones: new Map(tones.map(([who, frequency]) => [who, spansOf(levelOf(pcm, frequency), HEARD, GAP_MS)])),
    beeps: new Map(names.map((who) => [who, spansOf(levelOf(pcm, guests[who].frequency + BEEP.above), BEEP.gain / 2, 100).map(({ from }) => from)])),
  };
}

function judgeSound({ pcm, tones }: Heard, { heard, done }: Expected, durationMs: number): Pick<Voices, 'edges' | 'gaps' | 'clicks' | 'cuts'> {
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
  for (const { at, level } of clicksOf(pcm, GAIN)) {
    if (at < EDGE_MS || at > durationMs - EDGE_MS) continue;
    const before = done.filter((each) => each.at <= at + EDGE_MS);
    if (before.some((each) => each.cut && at - each.at < CUT_MS)) cuts++;
    else clicks.push({ at, level, after: before.at(-1)?.what ?? 'the beginning', laterMs: at - (before.at(-1)?.at ?? 0) });
  }
  return { edges, gaps, clicks, cuts };
}

/** The first and the last packet of a file begin and end as they like, ms. */
const EDGE_MS = 100;

async function judgeStems(mix: Heard, folder: string, { beeps }: Expected): Promise<Pick<Voices, 'stems' | 'beepSpreadMs'>> {
  const files = entryNames(names);
  const stems: { who: Name; heard: Heard; offsMs: number[]; foreign: number }[] = [];
  for (const who of called) {
    // As a program for editing lays it: from zero, end to end.
    const heard = listen(await pcmOf(path.join(folder, files[names.indexOf(who)] ?? ''), { times: false }));
    const offsMs: number[] = [];
    const [mixed = [], own = []] = [mix, heard].map(({ tones }) => tones.get(who));
    // Each edge in the mix that is not a file's own.
    for (const { from, to } of mixed) {
      if (from > EDGE_MS) offsMs.push(nearest(own.map((span) => span.from), from));
      if (to < (mix.pcm.length / 48) - EDGE_MS) offsMs.push(nearest(own.map((span) => span.to), to));
    }
    for (const at of mix.beeps.get(who) ?? []) offsMs.push(nearest(heard.beeps.get(who) ?? [], at));
    const foreign = [...heard.tones].filter(([tone, spans]) => tone !== who && !(tone === 'screen' && who === 'Bob Guest') && spans.length > 0).length;
    stems.push({ who, heard, offsMs, foreign });
  }
  const spread = (of: readonly Heard[]): number => Math.max(...Array.from({ length: beeps }, (_, index) => {
    // From the end: who comes late has not heard the first.
    const times = called.map((who, each) => of[each]!.beeps.get(who)?.at(-1 - index)).filter((at) => at !== undefined);
    return Math.max(...times) - Math.min(...times);
  }));
  return { stems: stems.map(({ who, offsMs, foreign }) => ({ who, offsMs, foreign })), beepSpreadMs: { stems: spread(stems.map(({ heard }) => heard)), mix: spread(called.map(() => mix)) } };
}

/** How much later the nearest of these is, ms; NaN of none. */
function nearest(times: readonly number[], at: number): number {
  return times.reduce((best, time) => (Number.isNaN(best) || Math.abs(time - at) < Math.abs(best) ? time - at : best), NaN);
}

const [WIDTH, HEIGHT, FPS] = [64, 36, 4];
/** Of the picture, that a tile's colour takes at the least: six of them, and a screen beside them, are larger. */
const TILE = 0.01;

/** @param apartMs how far from any change a picture is that is looked at */
async function judgePicture(file: string, { seen, done }: Expected, apartMs: number, durationMs: number): Promise<Voices['pictures']> {
  const colours = new Map<string, readonly number[]>([...names.map((who) => [who, guests[who].colour] as const), ['screen', SCREEN.colour] as const]
    .map(([who, colour]) => [who, [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16))]));
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
