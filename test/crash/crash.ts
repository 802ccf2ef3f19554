import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { killTree } from '../bench/process-tree';
import { epochs, quantile, readClock } from '../bench/recorder-analysis';
import { type BrowserName, Theatre } from '../bench/recorder-stage';
import type { RecorderStage } from '../browser/pages/bench-recorder';

declare const stage: RecorderStage;

/** The moment of the crash is anywhere between these, s after the recording began. */
const [EARLIEST_S, LATEST_S] = [1, 8];

/** One recording that was killed. Losses are what was shown and heard before the kill and is not in the file, s. */
interface Crash {
  readonly livedS: number;
  /** Whether the next visit had a recording. One killed before its first chunk has none. */
  readonly found: boolean;
  /** The worse of picture and sound. */
  readonly lossS: number;
  readonly pictureLossS: number;
  readonly soundLossS: number;
  /** What the list of recordings says was lost. */
  readonly listedLossS: number;
  /** Of the `createWritable` way and of the way by memory, on the same tracks, killed by the same blow. */
  readonly writableLossS: number;
  readonly memoryLossS: number;
}

export interface CrashSummary {
  readonly browser: BrowserName;
  readonly runs: number;
  readonly lossMedianS: number;
  readonly lossMaxS: number;
  readonly writableLossMedianS: number;
  readonly memoryLossMedianS: number;
  /** How many were found; their files decode to their ends without an error. */
  readonly decoded: number;
  readonly details: readonly Crash[];
}

/**
 * Records, kills the whole browser at a random moment, starts it again on the same profile, and compares what it gives back
 * with what was shown.
 * @throws if a file does not decode to its end
 */
async function crashOnce(browser: BrowserName): Promise<Crash> {
  const theatre = await Theatre.open(browser);
  try {
    const { launched, page } = await theatre.raise();
    if (browser === 'firefox') await page.evaluate(() => stage.standIn());
    const { id, startedAt } = await page.evaluate(() => stage.start());
    await page.evaluate(() => stage.startBeside());
    await pause(startedAt + 1000 * (EARLIEST_S + (LATEST_S - EARLIEST_S) * Math.random()) - Date.now()); // the moment of the crash
    const killedAt = await killTree(launched.process.pid!);
    const livedS = (killedAt - startedAt) / 1000;

    const { page: again } = await theatre.raise();
    const info = (await again.evaluate(() => stage.list())).find((each) => each.id === id);
    const lossOf = async (saved: { fileName: string; bytes: number }): Promise<{ picture: number; sound: number }> => {
      const file = await theatre.downloaded(saved);
      await promisify(execFile)('ffmpeg', ['-v', 'error', '-xerror', '-i', file, '-map', '0', '-f', 'null', '-']);
      const reading = await readClock(file);
      const last = epochs(reading, startedAt).at(-1);
      if (last === undefined) throw new Error(`${file} shows nothing`);
      return { picture: (killedAt - last.epoch) / 1000, sound: (killedAt - (last.epoch + reading.soundEnd - last.at)) / 1000 };
    };
    const ours = info === undefined ? { picture: livedS, sound: livedS } : await lossOf(await again.evaluate((which) => stage.save(which), id));
    const beside = await again.evaluate(() => stage.leftBeside());
    return {
      livedS,
      found: info !== undefined,
      lossS: Math.max(ours.picture, ours.sound),
      pictureLossS: ours.picture,
      soundLossS: ours.sound,
      listedLossS: livedS - (info?.durationMs ?? 0) / 1000,
      writableLossS: beside.bytes === 0 ? livedS : (await lossOf(beside)).picture,
      memoryLossS: livedS, // its memory is gone
    };
  } finally {
    await theatre.close();
  }
}

export async function crash(browser: BrowserName, runs: number, onRun: (run: Crash, number: number) => void): Promise<CrashSummary> {
  const details: Crash[] = [];
  for (let run = 0; run < runs; run++) {
    const each = await crashOnce(browser);
    details.push(each);
    onRun(each, run + 1);
  }
  const middle = (pick: (run: Crash) => number): number => quantile(details.map(pick), 0.5);
  return {
    browser,
    runs,
    lossMedianS: middle(({ lossS }) => lossS),
    lossMaxS: Math.max(...details.map(({ lossS }) => lossS)),
    writableLossMedianS: middle(({ writableLossS }) => writableLossS),
    memoryLossMedianS: middle(({ memoryLossS }) => memoryLossS),
    decoded: details.filter(({ found }) => found).length,
    details,
  };
}
