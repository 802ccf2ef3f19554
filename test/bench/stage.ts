import { execFile, spawn } from 'node:child_process';
import { access, copyFile, mkdtemp, open, rename, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Page } from 'puppeteer-core';
import type { Bench, BenchSetup, Contestant } from '../browser/pages/bench-effects';
import { servePages } from '../browser/serve';
import { type Launched, launchChromium, launchFirefox } from '../tools/browsers';
import { type Footage, footage } from '../tools/footage';
import { paintChest } from './chest';
import { bundleJitsi, bundleLiveKit } from './peer-bundle';
import { useOfTree } from './process-tree';
import { quantile } from './recorder-analysis';

declare const bench: Bench;
const run = promisify(execFile);

export type BrowserName = 'chromium' | 'firefox';

/** A server with the page, the peers and the clips; everything outside of this repository is gone after `close()`. */
export interface Stage {
  readonly browser: BrowserName;
  /** One contestant in a browser of its own, which is closed after `act`. `pid` is that of the browser's main process. */
  perform<T>(setup: BenchSetup, act: (page: Page, pid: number) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Figures that this browser cannot give are NaN. */
export interface Figures {
  /** Of the whole browser, per frame that the video element presented, ms. */
  readonly cpuPerFrame: number;
  readonly fps: number;
  /** Of the page's main thread, ms of work per second. */
  readonly mainMsPerSecond: number;
  /** From a frame at the camera to the same frame in the output. */
  readonly latencyMs: number;
  readonly pssMb: number;
  /** The part of it that does not depend on other browsers beside. */
  readonly ownMb: number;
}

/** `BroadcastChannel` on which every engine of a page is told to break. */
const FAULT = 'bench-fault';
/** Put before scripts: once told to, every call into any WebAssembly module throws, on the page and in its workers. */
const BREAKABLE = `(() => {
  let broken = false;
  new BroadcastChannel('${FAULT}').onmessage = () => { broken = true; };
  const breakable = ({ exports }) => ({ exports: Object.fromEntries(Object.entries(exports).map(([name, value]) => [name, typeof value !== 'function' ? value : (...all) => {
    if (broken) throw new Error('broken on purpose');
    return value(...all);
  }])) });
  for (const name of ['instantiate', 'instantiateStreaming']) {
    const native = WebAssembly[name];
    WebAssembly[name] = async (...all) => {
      const result = await native(...all);
      return result instanceof WebAssembly.Instance ? breakable(result) : { module: result.module, instance: breakable(result.instance) };
    };
  }
  WebAssembly.Instance = new Proxy(WebAssembly.Instance, { construct: (Native, all) => breakable(new Native(...all)) });
})();`;

/** @param breakable whether {@link breakEngines} has an effect; it costs time at every call */
export async function openStage(name: BrowserName, { breakable = false, peers = true } = {}): Promise<Stage> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'greenroom-bench-'));
  if (peers) await Promise.all([bundleJitsi(path.join(folder, 'peer')), bundleLiveKit(path.join(folder, 'livekit'))]);
  // The peers start their workers from blobs, which our own policy forbids.
  const policy = "default-src 'self' 'unsafe-inline' blob:; script-src 'self' 'unsafe-eval' 'wasm-unsafe-eval' blob:; worker-src 'self' blob:; connect-src 'self' blob:";
  const server = await servePages({
    folders: {
      clips: folder,
      peer: path.join(folder, 'peer'),
      libs: path.join(folder, 'peer/libs'),
      livekit: path.join(folder, 'livekit'),
      vision: path.resolve(__dirname, '../../node_modules/@mediapipe/tasks-vision/wasm'),
    },
    headers: { 'Content-Security-Policy': policy },
    prefix: (pathname) => (breakable && /(bench-effects|worker[^/]*)\.js$/.test(pathname) ? BREAKABLE : ''),
  });
  const launch = async ({ width, height, countRaw = false }: BenchSetup): Promise<Launched> => {
    if (name === 'chromium') return launchChromium({ video: countRaw ? (await footage({ width, height, mark: true })).y4m : await numberedClip(width, height), allow: [server.origin] });
    await encodeClip(await footage({ width, height, background: 'wall' }), path.join(folder, 'clip.webm'));
    return launchFirefox();
  };
  return {
    browser: name,
    async perform(setup, act) {
      const launched = await launch(setup);
      try {
        const page = await launched.browser.newPage();
        page.on('pageerror', (error) => process.stderr.write(`${setup.contestant}: ${String(error)}\n`));
        await page.goto(`${server.origin}/bench-effects.html`);
        await page.evaluate((all) => bench.start(all), name === 'firefox' ? { ...setup, clip: '/clips/clip.webm' } : setup);
        return await act(page, launched.process.pid ?? 0);
      } finally {
        await launched.close();
      }
    },
    async close() {
      await server.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** Every call into WebAssembly throws from now on. */
const breakEngines = (page: Page): Promise<void> => page.evaluate((channel) => new BroadcastChannel(channel).postMessage(null), FAULT);

/** Measured from outside; latency after the rest, since whoever reads frames uses the machine. */
export async function measure(stage: Stage, setup: BenchSetup, { seconds, warmUp }: { readonly seconds: number; readonly warmUp: number }): Promise<Figures> {
  return stage.perform(setup, async (page, pid) => {
    await pause(warmUp * 1000); // engines warm up by time: caches, tiers of compiled code, a governor's habits
    const chromium = stage.browser === 'chromium';
    const read = async () => ({ at: performance.now(), use: await useOfTree(pid), frames: await page.evaluate(() => bench.presented()), busy: chromium ? ((await page.metrics()).TaskDuration ?? 0) : NaN });
    const before = await read();
    await pause(seconds * 1000); // the length of the measurement
    const after = await read();
    const span = (after.at - before.at) / 1000;
    const frames = after.frames - before.frames;
    let latencyMs = NaN;
    if (chromium) {
      await page.evaluate(() => bench.watchLatency());
      await pause(2500); // frames to read
      latencyMs = quantile((await page.evaluate(() => bench.report())).latencies, 0.5);
    }
    return {
      cpuPerFrame: (after.use.cpuMs - before.use.cpuMs) / Math.max(1, frames),
      fps: frames / span,
      mainMsPerSecond: ((after.busy - before.busy) * 1000) / span,
      latencyMs,
      pssMb: after.use.pssMb,
      ownMb: after.use.ownMb,
    };
  });
}

export interface RawFrames {
  /** Until the effect has run for a few seconds. */
  readonly atStart: number;
  /** After its inference had begun to fail. */
  readonly afterFailure: number;
}

/** How many raw frames leave a contestant, on a clip whose background tells. Chromium only. */
export async function countRaw(stage: Stage, contestant: Contestant): Promise<RawFrames> {
  return stage.perform({ contestant, width: 640, height: 360, countRaw: true }, async (page) => {
    await pause(3000); // frames to count
    const atStart = await page.evaluate(() => bench.report());
    await breakEngines(page);
    await pause(6000); // engines try again for a while before they give up
    const afterFailure = await page.evaluate(() => bench.report());
    if (atStart.frames === 0) throw new Error(`no frame of ${contestant} was seen`);
    return { atStart: atStart.raw, afterFailure: afterFailure.raw };
  });
}

/** Two processes that do nothing but run, as on a machine whose owner is also doing something else. */
export async function underLoad<T>(act: () => Promise<T>): Promise<T> {
  const spinners = [0, 1].map(() => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
  try {
    return await act();
  } finally {
    for (const spinner of spinners) spinner.kill('SIGKILL');
  }
}

/** The clip with its frames' numbers on the chest; beside the one that it is made from. */
async function numberedClip(width: number, height: number): Promise<string> {
  const { y4m } = await footage({ width, height, background: 'wall' });
  const file = y4m.replace(/\.y4m$/, '-numbered.y4m');
  if (await access(file).then(() => true, () => false)) return file;
  const partial = `${file}.${process.pid}`;
  await copyFile(y4m, partial);
  const clip = await open(partial, 'r+');
  const frame = new Uint8Array(width * height * 1.5);
  const marker = Buffer.byteLength('FRAME\n');
  const head = Buffer.alloc(200);
  await clip.read(head, 0, head.length, 0);
  let at = head.indexOf('\n') + 1;
  for (let number = 0; (await clip.read(frame, 0, frame.length, at + marker)).bytesRead === frame.length; number++) {
    paintChest(frame, width, height, number);
    await clip.write(frame, 0, frame.length, at + marker);
    at += marker + frame.length;
  }
  await clip.close();
  await rename(partial, file); // complete: another process may be making the same clip
  return file;
}

/** Firefox has no camera of ours: it plays this one, a minute long, and what it costs is part of every contestant's figures. */
async function encodeClip({ y4m }: Footage, file: string): Promise<void> {
  if (await access(file).then(() => true, () => false)) return;
  await run('ffmpeg', ['-v', 'error', '-stream_loop', '7', '-i', y4m, '-c:v', 'libvpx', '-b:v', '3M', '-deadline', 'realtime', '-cpu-used', '12', file]);
}
