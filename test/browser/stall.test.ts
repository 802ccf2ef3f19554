import { setTimeout as pause } from 'node:timers/promises';
import { useOfTree } from '../bench/process-tree';
import { quantile, readClock, skews } from '../bench/recorder-analysis';
import { Theatre } from '../bench/recorder-stage';
import type { RecorderStage } from './pages/bench-recorder';

declare const stage: RecorderStage;

test('a page that stood still for a moment does not leave the sound late for the rest of the recording', async () => {
  const theatre = await Theatre.open('chromium');
  try {
    const { launched, page } = await theatre.raise();
    await page.evaluate(() => stage.beep());
    const { id } = await page.evaluate(() => stage.start());
    await pause(6000); // beeps before
    const { processes } = await useOfTree(launched.process.pid!);
    const renderers = processes.filter(({ kind }) => kind === 'renderer').map(({ pid }) => pid);
    const stalledAt = Date.now();
    for (const pid of renderers) process.kill(pid, 'SIGSTOP');
    await pause(400); // the stall
    for (const pid of renderers) process.kill(pid, 'SIGCONT');
    await pause(10_000); // beeps after
    const { startedAt } = await page.evaluate(() => stage.stop());
    const found = skews(await readClock(await theatre.downloaded(await page.evaluate((which) => stage.save(which), id))));
    const middle = (from: number, to: number): number => quantile(found.filter(({ at }) => at > from && at < to).map(({ skew }) => skew), 0.5);
    const stall = stalledAt - startedAt;
    const [before, after] = [middle(0, stall - 500), middle(stall + 4000, Infinity)];
    console.log(`sound late by ${before.toFixed(0)} ms before the stall, ${after.toFixed(0)} ms after it`);
    expect(Math.abs(after - before)).toBeLessThan(20);
  } finally {
    await theatre.close();
  }
});
