/**
 * `npm run soak:recorder -- --minutes N`: one long recording of the tab and a microphone. How fast the memory of the whole
 * browser grows, by least squares after a warm-up, and how far sound and picture drift apart, by a clock in both. `--json`
 * adds one JSON object as the last line; `--keep FILE` copies the recording there.
 */
import { copyFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { RecorderStage } from '../browser/pages/bench-recorder';
import { useOfTree } from './process-tree';
import { quantile, readClock, skews, slope } from './recorder-analysis';
import { Theatre } from './recorder-stage';

declare const stage: RecorderStage;

const SAMPLE_MS = 10_000;
const MS_PER_HOUR = 3_600_000;

interface Sample {
  /** Since the recording began, ms. */
  readonly at: number;
  readonly cpuMs: number;
  readonly pssMb: number;
  /** Without program files: their share falls and rises with every other browser on the machine. */
  readonly ownMb: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { minutes: { type: 'string', default: '60' }, json: { type: 'boolean', default: false }, keep: { type: 'string' } } });
  const length = Number(values.minutes) * 60_000;
  // Caches fill, code is compiled in tiers, and the browser looks for things to do at first.
  const warmUp = Math.min(10 * 60_000, length / 4);
  const theatre = await Theatre.open('chromium');
  try {
    const { launched, page } = await theatre.raise();
    const pid = launched.process.pid ?? 0;
    await page.evaluate(() => stage.beep());
    await page.evaluate(() => stage.openMicrophone());
    const { id } = await page.evaluate(() => stage.start());
    const started = performance.now();
    const samples: Sample[] = [];
    while (performance.now() - started < length) {
      await pause(SAMPLE_MS);
      const { cpuMs, pssMb, processes } = await useOfTree(pid);
      const sample = { at: performance.now() - started, cpuMs, pssMb, ownMb: processes.reduce((sum, { ownMb }) => sum + ownMb, 0) };
      samples.push(sample);
      if (samples.length % 6 === 0) process.stderr.write(`${(sample.at / 60_000).toFixed(1)} min: ${sample.ownMb.toFixed(0)} MB, ${(sample.cpuMs / sample.at).toFixed(2)} cores\n`);
    }
    const info = await page.evaluate(() => stage.stop());
    const settled = samples.filter(({ at }) => at >= warmUp);
    const growth = (pick: (sample: Sample) => number): number => slope(settled.map((sample) => ({ x: sample.at, y: pick(sample) }))) * MS_PER_HOUR;
    const typical = (part: typeof samples): number => quantile(part.map(({ ownMb }) => ownMb), 0.5);
    const saved = performance.now();
    const file = await theatre.downloaded(await page.evaluate((which) => stage.save(which), id));
    process.stderr.write(`${(info.bytes / 1e6).toFixed(0)} MB saved in ${((performance.now() - saved) / 1000).toFixed(0)} s\n`);
    await launched.close(); // reading it back need not wait for a browser
    if (values.keep !== undefined) await copyFile(file, values.keep);

    const reading = await readClock(file);
    const late = skews(reading);
    const skewOf = (part: typeof late): number => quantile(part.map(({ skew }) => skew), 0.5);
    const summary = {
      minutes: Number(values.minutes),
      memorySlopeMbPerHour: growth(({ ownMb }) => ownMb),
      pssSlopeMbPerHour: growth(({ pssMb }) => pssMb),
      memoryStartMb: typical(settled.slice(0, 30)),
      memoryEndMb: typical(settled.slice(-30)),
      driftMsPerHour: slope(late.map(({ at, skew }) => ({ x: at, y: skew }))) * MS_PER_HOUR,
      skewFirstTenthMs: skewOf(late.slice(0, Math.ceil(late.length / 10))),
      skewLastTenthMs: skewOf(late.slice(-Math.ceil(late.length / 10))),
      skewSpreadMs: quantile(late.map(({ skew }) => skew), 0.95) - quantile(late.map(({ skew }) => skew), 0.05),
      beeps: reading.beeps.length,
      pictures: reading.shown.length,
      unreadable: reading.unreadable,
      cores: samples.at(-1)!.cpuMs / samples.at(-1)!.at,
      bytes: info.bytes,
    };
    console.table(summary);
    if (values.json) console.log(JSON.stringify(summary, (_key, value: unknown) => (typeof value === 'number' ? Math.round(value * 100) / 100 : value)));
  } finally {
    await theatre.close();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
