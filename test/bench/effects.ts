import { parseArgs } from 'node:util';
import { setTimeout as pause } from 'node:timers/promises';

import type { Bench, Contestant } from '../browser/pages/bench-effects';
import { servePages } from '../browser/serve';
import { launchChromium } from '../tools/browsers';
import { footage } from '../tools/footage';
import { bundlePeers } from './peer-bundle';
import { useOfTree } from './process-tree';

// npm run bench:effects [-- --runs N --seconds S --json]
const { values } = parseArgs({ options: { runs: { type: 'string', default: '3' }, seconds: { type: 'string', default: '10' }, json: { type: 'boolean', default: false } } });
const runs = Number(values.runs);
const seconds = Number(values.seconds);
const WARM_UP_MS = 4000;

declare const bench: Bench;

interface Figures {
  /** Of the whole browser, per frame that the video element presented, ms. */
  readonly cpuPerFrame: number;
  readonly fps: number;
  /** Of the page's main thread, ms of work per second. */
  readonly mainMsPerSecond: number;
  readonly pssMb: number;
}

/** One contestant in a browser of its own, measured from outside after a warm-up. */
async function measure(origin: string, contestant: Contestant, width: number, height: number): Promise<Figures> {
  const { y4m } = await footage({ width, height, background: 'wall' });
  const chromium = await launchChromium({ video: y4m, allow: [origin] });
  try {
    const page = await chromium.browser.newPage();
    await page.goto(`${origin}/bench-effects.html`);
    await page.evaluate((...all) => bench.start(...all), contestant, width, height);
    await pause(WARM_UP_MS); // engines warm up by time: caches, tiers of compiled code, an encoder's or a governor's habits
    const pid = chromium.process.pid ?? 0;
    const read = async () => ({ at: performance.now(), use: await useOfTree(pid), frames: await page.evaluate(() => bench.presented()), busy: (await page.metrics()).TaskDuration ?? 0 });
    const before = await read();
    await pause(seconds * 1000); // the length of the measurement
    const after = await read();
    const span = (after.at - before.at) / 1000;
    const frames = after.frames - before.frames;
    return {
      cpuPerFrame: (after.use.cpuMs - before.use.cpuMs) / Math.max(1, frames),
      fps: frames / span,
      mainMsPerSecond: ((after.busy - before.busy) * 1000) / span,
      pssMb: after.use.pssMb,
    };
  } finally {
    await chromium.close();
  }
}

const median = (numbers: readonly number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};
const medians = (figures: readonly Figures[]): Figures => ({
  cpuPerFrame: median(figures.map((each) => each.cpuPerFrame)),
  fps: median(figures.map((each) => each.fps)),
  mainMsPerSecond: median(figures.map((each) => each.mainMsPerSecond)),
  pssMb: median(figures.map((each) => each.pssMb)),
});

async function main(): Promise<void> {
  const peers = await bundlePeers();
  // The peers start their workers from blobs, which our own policy forbids.
  const policy = "default-src 'self' 'unsafe-inline' blob:; script-src 'self' 'unsafe-eval' 'wasm-unsafe-eval' blob:; worker-src 'self' blob:; connect-src 'self' blob:";
  const server = await servePages({ folders: { peer: peers, libs: `${peers}/libs` }, headers: { 'Content-Security-Policy': policy } });
  const rounds: readonly { size: readonly [number, number]; contestants: readonly Contestant[] }[] = [
    { size: [1280, 720], contestants: ['bare', 'floor', 'ours', 'v2', 'v1'] },
    { size: [640, 360], contestants: ['floor', 'ours', 'v2', 'v1'] },
  ];
  const results = new Map<string, Figures>();
  for (const { size: [width, height], contestants } of rounds) {
    const all = new Map<Contestant, Figures[]>(contestants.map((each) => [each, []]));
    // Interleaved: whatever else the machine does, it does to all of them.
    for (let run = 0; run < runs; run++) {
      for (const contestant of contestants) {
        const figures = await measure(server.origin, contestant, width, height);
        all.get(contestant)?.push(figures);
        process.stderr.write(`run ${run + 1}/${runs} ${width}x${height} ${contestant}: ${figures.cpuPerFrame.toFixed(1)} ms/frame, ${figures.fps.toFixed(1)} fps\n`);
      }
    }
    console.log(`\n${width}x${height} blur, medians of ${runs} interleaved runs`);
    console.table(Object.fromEntries([...all].map(([contestant, figures]) => {
      const middle = medians(figures);
      results.set(`${contestant}${height}`, middle);
      return [contestant, Object.fromEntries(Object.entries(middle).map(([key, value]: [string, number]) => [key, Number(value.toFixed(1))]))];
    })));
  }
  await server.close();

  const of = (key: string): Figures => {
    const found = results.get(key);
    if (!found) throw new Error(`${key} was not measured`);
    return found;
  };
  const [ours, v2, v1, floor] = [of('ours720'), of('v2720'), of('v1720'), of('floor720')];
  const summary = {
    cpuV2OverOurs: v2.cpuPerFrame / ours.cpuPerFrame,
    cpuV1OverOurs: v1.cpuPerFrame / ours.cpuPerFrame,
    cpuOursOverFloor: ours.cpuPerFrame / floor.cpuPerFrame,
    cpu360V2OverOurs: of('v2360').cpuPerFrame / of('ours360').cpuPerFrame,
    mainMsPerSecond: ours.mainMsPerSecond,
    mainV2OverOurs: v2.mainMsPerSecond / ours.mainMsPerSecond,
    memoryV2OverOurs: v2.pssMb / ours.pssMb,
    fps: ours.fps,
    runs,
  };
  if (values.json) console.log(JSON.stringify(summary));
  else console.table(summary);
}

void main();
