// How late the sound is in a recording, before and after export, and whether its file plays through and can be searched
// through, whatever happened while it was made.
import type { Page } from 'puppeteer-core';
import type { RecordingInfo } from '../../recorder';
import { packetTimes, pictureSizes, probe } from '../browser/media';
import type { RecorderStage } from '../browser/pages/bench-recorder';
import { jumps, quantile, readClock, skews, type ClockReading } from './recorder-analysis';
import { BEEP_MS } from './recorder-clock';
import type { Theatre } from './recorder-stage';

declare const stage: RecorderStage;

/** Not a whole beep, and long enough to be seen in the clock. */
const PAUSE_MS = 1300;
/** Beside what happened, and beyond the beep that may be cut by it. */
const APART_MS = 4 * BEEP_MS;
/** By how many pictures a jump may miss. */
const NEAR = 1;
/** What the last packets may be long, s: a file says where they begin. */
const END_S = 0.15;
const SIZES = [{ width: 640, height: 360 }, { width: 960, height: 540 }, { width: 480, height: 270 }] as const;

/** What happens between two parts of a recording. */
export type Turn = 'pause' | 'resize' | 'reload';

export interface Skew {
  /** How late the sound is, ms: the middle beep, and the width of the middle nine tenths. */
  readonly middle: number;
  readonly spread: number;
}

export interface Examined {
  /** From one turn to the next, in their order. */
  readonly encoded: readonly Skew[];
  readonly exported: readonly Skew[];
  readonly seeks: number;
  /** Each jump that showed another picture than the one there. */
  readonly wrong: readonly string[];
}

/** Records the stage, which beeps already, in parts of this length, each ended by a turn but the last. */
export async function record(page: Page, turns: readonly Turn[], partMs: number): Promise<RecordingInfo> {
  let { id, durationMs } = await page.evaluate(() => stage.start());
  let sizes = 0;
  for (const turn of [...turns, null]) {
    await page.evaluate((ms) => stage.untilSafe(ms), durationMs + partMs);
    switch (turn) {
      case 'pause':
        await page.evaluate(() => stage.pause());
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS)); // its length
        await page.evaluate(() => stage.resume());
        break;
      case 'resize':
        await page.setViewport(SIZES[++sizes % SIZES.length]!);
        break;
      case 'reload':
        await page.reload();
        await page.evaluate(() => stage.beep());
        ({ id, durationMs } = await page.evaluate((which) => stage.goOn(which), id));
        continue;
      case null:
    }
    durationMs += partMs;
  }
  return await page.evaluate(() => stage.stop());
}

/**
 * Saves the recording and looks at both of its forms.
 * @throws if its file does not decode or play to its end, its times do not rise, or it does not say how long it is
 */
export async function examine(theatre: Theatre, page: Page, { id, segments }: RecordingInfo, turns: readonly Turn[]): Promise<Examined> {
  const encoded: Skew[] = [];
  for (let segment = 0; segment < segments.length; segment++) {
    const raw = await theatre.downloaded(await page.evaluate((...all) => stage.saveRaw(...all), id, segment));
    const reading = await readClock(raw, { cut: segment < segments.length - 1 });
    encoded.push(...skewsOf(reading, await placesOf(raw, reading, [])));
  }
  const file = await theatre.downloaded(await page.evaluate((which) => stage.save(which), id));
  const reading = await readClock(file);
  const places = await placesOf(file, reading, segments.slice(1).map(({ startMs }) => startMs));
  if (places.length !== turns.length) throw new Error(`${places.length} of ${turns.length} turns are to be seen, at ${places.join(', ')} ms`);

  const { duration } = await probe(file);
  const ends: number[] = [];
  for (const stream of ['v:0', 'a:0'] as const) {
    const times = await packetTimes(file, stream);
    if (times.some((time, index) => index > 0 && time <= times[index - 1]!)) throw new Error(`Times of ${stream} do not rise`);
    ends.push(times.at(-1) ?? 0);
  }
  const end = Math.max(...ends);
  if (duration === null || Math.abs(duration - end) > END_S) throw new Error(`The file says that it ends at ${duration} s, not at ${end} s`);

  // A dozen anywhere, and just beside what happened.
  const last = reading.shown.at(-1)!.at;
  const times = [...Array.from({ length: 12 }, () => Math.random() * last), ...places.flatMap((at) => [-500, -50, 20, 500].map((beside) => at + beside))].map((ms) => ms / 1000);
  const played = await page.evaluate((each) => stage.play(each), times);
  if (Math.abs(played.duration - duration) > END_S || Math.abs(played.end - end) > END_S) throw new Error(`Played to ${played.end} s of ${played.duration} s, not of ${duration} s`);
  return { encoded, exported: skewsOf(reading, places), seeks: times.length, wrong: times.flatMap((time, index) => missed(reading, time * 1000, played.clocks[index] ?? null)) };
}

/** Where something happened, in the file, ms: a jump of the clock, a further segment, another size. */
async function placesOf(file: string, reading: ClockReading, starts: readonly number[]): Promise<number[]> {
  const joins = starts.map((startMs) => reading.shown.find(({ at }) => at >= startMs)?.at ?? startMs);
  const sizes = (await pictureSizes(file)).slice(1).map(({ at }) => at * 1000);
  const all = [...jumps(reading), ...joins, ...sizes].sort((a, b) => a - b);
  return all.filter((at, index) => index === 0 || at - all[index - 1]! > APART_MS);
}

function skewsOf(reading: ClockReading, places: readonly number[]): Skew[] {
  const found = skews(reading);
  const borders = [-APART_MS, ...places, Infinity];
  return borders.slice(1).map((to, index) => {
    const part = found.filter(({ at }) => at > borders[index]! + APART_MS && at < to - APART_MS).map(({ skew }) => skew);
    return { middle: quantile(part, 0.5), spread: quantile(part, 0.95) - quantile(part, 0.05) };
  });
}

/** What was seen in the place of the picture at this time, ms; nothing if it was that one, or one beside it. */
function missed({ shown }: ClockReading, time: number, clock: number | null): string[] {
  const later = shown.findIndex(({ at }) => at > time);
  const place = later === -1 ? shown.length - 1 : Math.max(0, later - 1);
  const near = shown.slice(Math.max(0, place - NEAR), place + NEAR + 1).map((frame) => frame.clock);
  return clock !== null && near.includes(clock) ? [] : [`at ${time.toFixed(0)} ms: ${clock}, not ${shown[place]?.clock}`];
}
