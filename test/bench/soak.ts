/**
 * `npm run soak:effects`: whether the memory of a browser grows while it blurs a 1280x720 camera. Its proportional set size
 * is read every ten seconds, and a line laid through what comes after the warm-up, of the whole and of each process.
 * While other browsers start and end beside it, their share of the program's own pages comes and goes: then only the slope of
 * what is its own says anything.
 *
 * `-- --minutes N`, `--warm-up N` (minutes); `--json` adds one JSON object as the last line.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Bench } from '../browser/pages/bench-effects';
import type { ProcessUse, TreeUse } from './process-tree';
import { useOfTree } from './process-tree';
import { quantile, slope } from './recorder-analysis';
import { openStage } from './stage';

declare const bench: Bench;

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '30' }, 'warm-up': { type: 'string', default: '5' }, json: { type: 'boolean', default: false } } });
const minutes = Number(values.minutes);
const warmUp = Number(values['warm-up']);
const PERIOD_MS = 10_000;

interface Sample extends TreeUse {
  readonly hours: number;
}

const perHour = (samples: readonly Sample[], pick: (sample: Sample) => number): number => slope(samples.map((sample) => ({ x: sample.hours, y: pick(sample) })));

async function main(): Promise<void> {
  const stage = await openStage('chromium', { peers: false });
  const samples: Sample[] = [];
  let frames = 0;
  try {
    await stage.perform({ contestant: 'ours', width: 1280, height: 720, governed: true }, async (page, pid) => {
      const start = performance.now();
      for (let next = start; next <= start + minutes * 60_000; next += PERIOD_MS) {
        await pause(Math.max(0, next - performance.now())); // the period of the samples
        const use = await useOfTree(pid);
        samples.push({ ...use, hours: (performance.now() - start) / 3_600_000 });
        if (samples.length % 6 === 0) process.stderr.write(`${(samples.length / 6).toFixed(0)} min: ${use.pssMb.toFixed(1)} MB, ${use.ownMb.toFixed(1)} of it its own\n`);
      }
      frames = await page.evaluate(() => bench.presented());
    });
  } finally {
    await stage.close();
  }

  const after = samples.filter(({ hours }) => hours >= warmUp / 60);
  const of = (sample: Sample, pid: number): ProcessUse | undefined => sample.processes.find((each) => each.pid === pid);
  // A process that came or went would be a step, which is no slope.
  const stayed = after[0]!.processes.filter(({ pid }) => after.every((sample) => of(sample, pid)));
  console.log(`\n1280x720 blur for ${minutes} minutes, ${frames} frames; slopes after ${warmUp} minutes`);
  console.table(stayed.map(({ pid, kind }) => ({
    process: kind,
    medianMb: Math.round(quantile(after.map((sample) => of(sample, pid)!.pssMb), 0.5)),
    mbPerHour: Math.round(perHour(after, (sample) => of(sample, pid)!.pssMb) * 10) / 10,
    ownMbPerHour: Math.round(perHour(after, (sample) => of(sample, pid)!.ownMb) * 10) / 10,
  })));
  const summary = { mbPerHour: perHour(after, ({ pssMb }) => pssMb), ownMbPerHour: perHour(after, ({ ownMb }) => ownMb), medianMb: quantile(after.map(({ pssMb }) => pssMb), 0.5), minutes, frames };
  if (values.json) console.log(JSON.stringify(summary, (_key, value: unknown) => (typeof value === 'number' ? Math.round(value * 100) / 100 : value)));
  else console.table(summary);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
