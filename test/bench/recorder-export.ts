import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify, parseArgs } from 'node:util';

import type { ExportBench } from '../browser/pages/bench-export';
import { servePages } from '../browser/serve';
import { launchChromium } from '../tools/browsers';
import { useOfTree } from './process-tree';

declare const bench: ExportBench;

const run = promisify(execFile);
const clips = path.resolve(__dirname, '../../build/clips');
/** 1280x720 at 30 frames a second, a key frame every 100 frames as Chromium's VP8 encoder sets them; 4 hours of it are more than 2 GB. */
const CLIP = { name: 'hours.webm', seconds: 30, videoBitsPerSecond: 1_100_000, audioBitsPerSecond: 128_000 };
const SEEKS = 40;
const SAMPLE_MS = 200;

export interface ExportFigures {
  readonly seconds: number;
  readonly bytes: number;
  /** Until the finished file lies in the folder of downloads. */
  readonly tookMs: number;
  readonly timesRealTime: number;
  /** How far the whole browser rose above what it held before, from the click to the finished download. */
  readonly peakMB: number;
  readonly seekMedianMs: number;
}

/** Fills a new profile with a recording of this length, starts the browser anew, exports, and seeks in the file. */
export async function measureExport(seconds: number): Promise<ExportFigures> {
  await makeClip();
  const folder = await mkdtemp(path.join(os.tmpdir(), 'greenroom-export-'));
  const server = await servePages({ folders: { clips }, headers: { 'Content-Security-Policy': "default-src 'self'; media-src blob:" } });
  const launch = () => launchChromium({ profile: path.join(folder, 'profile') });
  try {
    const filling = await launch();
    const filler = await filling.browser.newPage();
    await filler.goto(`${server.origin}/bench-export.html`);
    // A protocol call has two minutes; an hour takes much less.
    let filled: { id: string; bytes: number };
    try {
      filled = await filler.evaluate((...all) => bench.fill(...all), `/clips/${CLIP.name}`, 'hours', seconds);
    } finally {
      await filling.close();
    }

    const chromium = await launch();
    try {
      const page = await chromium.browser.newPage();
      await page.goto(`${server.origin}/bench-export.html`);
      const downloads = path.join(folder, 'downloads');
      const session = await chromium.browser.target().createCDPSession();
      await session.send('Browser.setDownloadBehavior', { behavior: 'allowAndName', downloadPath: downloads, eventsEnabled: true });
      const arrived = new Promise<string>((resolve, reject) => {
        session.on('Browser.downloadProgress', ({ guid, state }) => {
          if (state === 'completed') resolve(guid);
          if (state === 'canceled') reject(new Error('The download was cancelled'));
        });
      });
      const pid = chromium.process.pid ?? 0;
      const memory = await settled(pid);
      const watch = sample(pid);
      const began = performance.now();
      const { bytes } = await page.evaluate((...all) => bench.save(...all), 'hours', filled.id);
      const file = path.join(downloads, await arrived);
      const tookMs = performance.now() - began;
      const peak = await watch.stop();
      if ((await stat(file)).size !== bytes) throw new Error('The download is not whole');
      const { duration, ms } = await page.evaluate((times) => bench.seek(times), SEEKS);
      if (Math.abs(duration - seconds) > 1) throw new Error(`The file says it lasts ${duration} s, not ${seconds} s`);
      return { seconds, bytes: filled.bytes, tookMs, timesRealTime: (seconds * 1000) / tookMs, peakMB: peak - memory, seekMedianMs: median(ms) };
    } finally {
      await chromium.close();
    }
  } finally {
    await server.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

/** Noise on a moving picture: nothing a disk or a database could make smaller. */
async function makeClip(): Promise<void> {
  const file = path.join(clips, CLIP.name);
  if (await stat(file).catch(() => null) !== null) return;
  await mkdir(clips, { recursive: true });
  const seconds = String(CLIP.seconds + 1);
  const rate = String(CLIP.videoBitsPerSecond);
  await run('ffmpeg', [
    '-y', '-v', 'error', '-f', 'lavfi', '-i', `testsrc2=size=1280x720:rate=30:duration=${seconds},noise=alls=8:allf=t`, '-f', 'lavfi', '-i', `anoisesrc=duration=${seconds}:amplitude=0.3:sample_rate=48000`,
    '-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-g', '100', '-keyint_min', '100', '-b:v', rate, '-minrate', rate, '-maxrate', rate,
    '-c:a', 'libopus', '-b:a', String(CLIP.audioBitsPerSecond), '-vbr', 'off', '-f', 'webm', '-live', '1', `${file}.part`,
  ]);
  await run('mv', [`${file}.part`, file]);
}

/** What the browser holds when it has come to rest after its start, MB. */
async function settled(pid: number): Promise<number> {
  let before = Infinity;
  for (;;) {
    const { pssMb } = await useOfTree(pid);
    if (Math.abs(pssMb - before) < 2) return pssMb;
    before = pssMb;
    await pause(1000);
  }
}

function sample(pid: number): { stop(): Promise<number> } {
  let peak = 0;
  const done = new AbortController();
  const sampling = (async () => {
    while (!done.signal.aborted) {
      peak = Math.max(peak, (await useOfTree(pid)).pssMb);
      await pause(SAMPLE_MS);
    }
  })();
  return {
    stop: async () => {
      done.abort();
      await sampling;
      return peak;
    },
  };
}

const median = (numbers: readonly number[]): number => [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? NaN;

// npm run bench:export [-- --hours 1,4 --json]
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { hours: { type: 'string', default: '1,4' }, json: { type: 'boolean', default: false } } });
  const figures: ExportFigures[] = [];
  for (const hours of values.hours.split(',').map(Number)) figures.push(await measureExport(hours * 3600));
  if (values.json) console.log(JSON.stringify(figures));
  else console.table(figures.map((each) => Object.fromEntries(Object.entries(each).map(([key, value]: [string, number]) => [key, Number(value.toFixed(1))]))));
}

if (require.main === module) void main();
