import { setTimeout as pause } from 'node:timers/promises';

import type { Page, WebWorker } from 'puppeteer-core';

import type { Launched } from '../tools/browsers';
import { launchChromium } from '../tools/browsers';
import { footage } from '../tools/footage';
import { cameraTools, workerTools } from './fault-tools';
import { changeCamera, clickButton, hangUp, join, muteCamera, waitForRemoteMute } from './harness';
import type { Meeting } from './server';
import { startMeeting } from './server';
import { clickInside, waitForEffect } from './ui';
import { incoming, nextPicture, resetIncoming, waitForFrames, watchIncoming } from './watch';

/**
 * Faults, each brought from outside into a running conference between A, whose camera is marked, and B, who looks for
 * the mark in every frame that arrives.
 */

export type Privacy = 'preferred' | 'required';

/** What became of one fault in one privacy mode. */
export interface Outcome {
  readonly fault: string;
  readonly privacy: Privacy;
  /** Frames at B from the fault to the end of the cell, and how many of them showed A's room. */
  readonly frames: number;
  readonly rawFrames: number;
  /** Whether the effect was seen at B again; null where nothing on this page could bring it back. */
  readonly recovered: boolean | null;
  /** From the fault, or from what ends it, to the effect at B. */
  readonly seconds: number | null;
  /** Whether frames went on to arrive, and A could still turn the camera off and on, and hang up. */
  readonly meetingOk: boolean;
  /** Whether A was told. */
  readonly notice: boolean;
}

/** What is wrong with A's page, or its server, from the start. */
type Start = 'model missing' | 'model cut off' | 'model garbled' | 'policy without wasm' | 'system that blurs';

export interface Fault {
  readonly name: string;
  readonly start?: Start;
  /** Resolves once the fault has shown, so that what comes after it is recovery; with when it began, if not at the call. */
  readonly inject?: (stage: Stage) => Promise<unknown>;
  /** Ends the fault, or is what a person has to do about it: the time counts from here. Absent: it has to pass by itself. */
  readonly remedy?: (stage: Stage) => Promise<unknown>;
  readonly recoverable?: false;
  /** Only where raw frames may be asked for: to see that the marks would be read. */
  readonly control?: true;
}

/** Time for a fault to be seen through, ms, where no event tells that it has done its worst. */
const STAY_MS = 1500;
/** After this, ms, an effect counts as not recovered. */
const GIVE_UP_MS = 20_000;

/** The compilers of the tests may wrap inner functions in a helper that neither page nor worker has. */
const HELPER = 'globalThis.__name ??= (target) => target;';

const kill = (script: string) => async ({ page }: Stage) => {
  const another = new Promise((resolve) => page.once('workercreated', resolve));
  void workerOf(page, script).evaluate(() => void setTimeout(() => close())).catch(() => undefined); // it does not live to answer
  await another;
};
/** Makes the engine's costliest call, which is the inference, throw or hang. */
const harmInference = (kind: 'throw once' | 'throw' | 'hang') => async ({ page, b }: Stage) => {
  const worker = workerOf(page, 'effects-worker');
  await worker.evaluate(() => self.greenroomFault?.measure());
  await waitForFrames(b, 20); // as many inferences, to know which call it is
  const at = performance.now();
  await worker.evaluate((kind) => self.greenroomFault?.set(kind), kind);
  return at;
};

const harmForLonger = (kind: 'throw' | 'hang') => async (stage: Stage) => {
  const at = await harmInference(kind)(stage);
  await leavesOn(stage.page);
  return at;
};

/** One page has them all, as a day has: a worker that is lost too often in a short time is not started again. */
export const faults: readonly Fault[] = [
  { name: 'none: effect off on purpose', control: true, inject: ({ page }) => choose(page, 'off'), remedy: ({ page }) => choose(page, 'blur') },
  { name: 'worker of the frames killed', inject: kill('effects-worker') },
  {
    name: 'device unplugged',
    inject: async ({ page }) => {
      await page.evaluate(() => window.greenroomCameras?.unplug());
      await pause(STAY_MS);
    },
    // Until it is plugged in again; the app takes a camera that ended for one that is off.
    remedy: async ({ page }) => {
      await changeCamera(page);
      await muteCamera(page, false);
    },
  },
  {
    name: 'inference throws once',
    inject: async (stage) => {
      const at = await harmInference('throw once')(stage);
      while (await workerOf(stage.page, 'effects-worker').evaluate(() => self.greenroomFault?.pending())) await pause(20);
      return at;
    },
  },
  { name: 'device changed', inject: ({ page }) => changeCamera(page) },
  { name: 'inference hangs 10 s', inject: harmForLonger('hang') },
  {
    name: 'size change',
    inject: async ({ page, b }) => {
      await page.evaluate(() => window.greenroomCameras?.resize(320, 180));
      await b.waitForFunction(() => window.greenroomWatch?.incoming.width === 320, { timeout: 10_000, polling: 50 });
    },
    remedy: ({ page }) => page.evaluate(() => window.greenroomCameras?.resize(640, 360)),
  },
  { name: 'worker of the outputs killed', inject: kill('effects-output') },
  {
    name: 'camera off and on 20 times fast',
    inject: ({ page }) => page.evaluate(async () => {
      // One after the other as fast as the library takes them.
      for (let i = 0; i < 19; i++) void window.APP?.conference.muteVideo(i % 2 === 0);
      await window.APP?.conference.muteVideo(true);
    }),
    remedy: ({ page }) => muteCamera(page, false),
  },
  { name: 'inference throws always', inject: harmForLonger('throw') },
  {
    name: 'tab hidden',
    inject: async ({ page, a, b }) => {
      const other = await a.browser.newPage();
      await other.bringToFront();
      await page.waitForFunction(() => document.hidden, { timeout: 5000, polling: 50 });
      await waitForFrames(b, 30);
      await other.close();
    },
    remedy: ({ page }) => page.bringToFront(),
  },
  {
    name: 'setEffect rejected',
    inject: ({ page }) => page.evaluate(async () => {
      const track = window.APP?.store?.getState()['features/base/tracks'].find(({ local, mediaType }) => local && mediaType === 'video')?.jitsiTrack as unknown as { setEffect(effect: object): Promise<void> };
      const effect = { isEnabled: () => true, startEffect: () => { throw new Error('refused on purpose'); }, stopEffect: () => undefined };
      const taken = await track.setEffect(effect).then(() => true, () => false);
      if (taken) throw new Error('the library took an effect that throws');
    }),
    // The library has taken the track out of the session by then, and puts none back.
    remedy: ({ page }) => changeCamera(page),
  },
  {
    name: 'allocation fails',
    inject: async ({ page }) => {
      await workerOf(page, 'effects-worker').evaluate(() => {
        const fail = (): never => { throw new RangeError('Array buffer allocation failed'); };
        Object.assign(self, { VideoFrame: function Broken() { return fail(); } });
        WebAssembly.Memory.prototype.grow = fail;
      });
      await leavesOn(page);
    },
  },
  {
    name: 'output track stopped by the app',
    inject: async ({ page }) => {
      await page.evaluate(() => window.APP?.store?.getState()['features/base/tracks'].find(({ local, mediaType }) => local && mediaType === 'video')?.jitsiTrack.getTrack().stop());
      await pause(STAY_MS);
      await muteCamera(page, true);
    },
    remedy: ({ page }) => muteCamera(page, false),
  },
  {
    name: 'system blur flips',
    start: 'system that blurs',
    inject: async ({ page, b }) => {
      for (let i = 0; i < 11; i++) {
        await page.evaluate((on) => window.greenroomCameras?.systemBlur(on), i % 2 === 0);
        await waitForFrames(b, 6);
      }
    },
    remedy: ({ page }) => page.evaluate(() => window.greenroomCameras?.systemBlur(false)),
  },
  { name: 'model missing', start: 'model missing', remedy: mendServer },
  { name: 'model cut off', start: 'model cut off', remedy: mendServer },
  { name: 'model garbled', start: 'model garbled', remedy: mendServer },
  // The policy of a worker that runs stays what it was: only a new page gets another.
  { name: 'wasm refused by policy', start: 'policy without wasm', recoverable: false },
];

/** The file is there again, and the user takes the notice's advice. */
async function mendServer({ page, server }: Stage): Promise<void> {
  server.start = undefined;
  await clickInside(page, '.status button');
}

/** One meeting in one privacy mode: B in it for good, A coming anew whenever a fault needs a fresh page. */
class Stage {
  page!: Page;
  readonly #endings: (() => Promise<void>)[] = [];
  #room = '';

  private constructor(
    readonly privacy: Privacy,
    readonly meeting: Meeting,
    readonly a: Launched,
    readonly b: Page,
    readonly server: { start: Start | undefined },
  ) {}

  static async open(privacy: Privacy): Promise<Stage> {
    const server: { start: Start | undefined } = { start: undefined };
    const meeting = await startMeeting({
      greenroom: { effects: { default: 'blur', privacy, remember: false } },
      tamper: (asset, content, response) => tamper(server.start, asset, content, (name, value) => void response.setHeader(name, value)),
    });
    const [camera, guest] = await Promise.all([footage({ mark: true }), footage({ background: 'wall', mirrored: true })]);
    const [a, far] = await Promise.all([launchChromium({ video: camera.y4m, allow: [meeting.origin] }), launchChromium({ video: guest.y4m, allow: [meeting.origin] })]);
    const b = await far.browser.newPage();
    const stage = new Stage(privacy, meeting, a, b, server);
    stage.#endings.push(() => meeting.stop(), () => a.close(), () => far.close());
    stage.#room = `faults${Date.now()}`;
    await b.evaluateOnNewDocument(HELPER);
    await watchIncoming(b);
    await join(b, meeting, stage.#room, { name: 'Bea' });
    return stage;
  }

  async close(): Promise<void> {
    for (const end of this.#endings.splice(0).reverse()) await end();
  }

  /** A joins on a page of its own. */
  async enter(start: Start | undefined): Promise<void> {
    this.server.start = start;
    this.page = await this.a.browser.newPage();
    await this.page.evaluateOnNewDocument(`${HELPER} (${cameraTools.toString()})(${start === 'system that blurs'});`);
    await join(this.page, this.meeting, this.#room, { name: 'Ann' });
    await this.page.evaluate(() => {
      window.greenroomNotices = [];
      const look = (): void => {
        for (const { uid } of window.APP?.store?.getState()['features/notifications'].notifications ?? []) if (uid.startsWith('greenroom-effects')) window.greenroomNotices?.push(uid);
      };
      window.APP?.store?.subscribe(look);
      look();
    });
    await clickButton(this.page, 'greenroom-effects');
    await waitForFrames(this.b, 20, 40_000);
  }

  async leave(): Promise<void> {
    await hangUp(this.page);
    await this.page.close();
  }
}

function tamper(start: Start | undefined, asset: string, content: Buffer, setHeader: (name: string, value: string) => void): Buffer | null {
  const isModel = asset.startsWith('assets/') && !/\.(js|wasm|svg|webp|map|txt)$/.test(asset);
  if (/effects-worker\.\w+\.js$/.test(asset)) {
    if (start === 'policy without wasm') setHeader('Content-Security-Policy', "default-src 'self'; script-src 'self'");
    return Buffer.concat([Buffer.from(`${HELPER} (${workerTools.toString()})(${start === 'system that blurs'});\n`), content]);
  }
  if (!isModel) return content;
  switch (start) {
    case 'model missing':
      return null;
    case 'model cut off':
      return content.subarray(0, content.length >> 1);
    case 'model garbled':
      // The head and the tables behind it stay: whatever reads the file finds a model, with other weights.
      return Buffer.from(content.map((byte, i) => (i > content.length / 4 && i < content.length / 2 ? byte ^ 0x5a : byte)));
    default:
      return content;
  }
}

/** One fault after the other. Whatever goes wrong in a cell is its outcome, and the next begins on a fresh page. */
export async function runMatrix(privacy: Privacy, chosen: readonly Fault[], onOutcome: (outcome: Outcome) => void): Promise<void> {
  const stage = await Stage.open(privacy);
  try {
    let fresh = false;
    for (const [i, fault] of chosen.entries()) {
      if (fault.control && privacy === 'required') continue;
      await resetIncoming(stage.b);
      if (!fresh || fault.start !== undefined) {
        await stage.enter(fault.start);
        fresh = true;
      }
      const broken = fault.start !== undefined && fault.start !== 'system that blurs';
      await waitForEffect(stage.page, broken ? 'bad' : 'on');
      // The next fault goes on with this page if it can.
      const next = chosen[i + 1];
      const last = next === undefined || next.start !== undefined || fault.start !== undefined;
      const outcome = await runCell(stage, fault, last);
      if (last || !outcome.meetingOk || outcome.recovered === false) fresh = false;
      if (!fresh && !stage.page.isClosed()) await stage.page.close();
      onOutcome(outcome);
    }
  } finally {
    await stage.close();
  }
}

async function runCell(stage: Stage, fault: Fault, last: boolean): Promise<Outcome> {
  const { page, b, privacy } = stage;
  if (fault.start === undefined) await page.evaluate(() => window.greenroomNotices?.splice(0));

  const attempt = async (action: () => Promise<unknown>): Promise<boolean> => action().then(() => true, (error: unknown) => {
    process.stderr.write(`${privacy}, ${fault.name}: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}\n`);
    return false;
  });
  let at = performance.now();
  let recovered: boolean | null = null;
  let seconds: number | null = null;
  const shown = await attempt(async () => { const began = await fault.inject?.(stage); if (typeof began === 'number') at = began; });
  if (!fault.inject) await pause(STAY_MS);
  const controlled = fault.control ? await incoming(b) : undefined;
  if (fault.recoverable !== false) {
    if (fault.remedy) {
      at = performance.now();
      await attempt(async () => fault.remedy?.(stage));
    }
    recovered = shown && (await attempt(() => effectAt(stage)));
    seconds = recovered ? (performance.now() - at) / 1000 : null;
  }
  let meetingOk = (await attempt(async () => {
    await waitForFrames(b, 10);
    await muteCamera(page, true);
    await waitForRemoteMute(b, 'video', true);
    await muteCamera(page, false);
    await waitForRemoteMute(b, 'video', false);
    await waitForFrames(b, 10);
  })) && shown;
  const { frames, marks, failures } = controlled ?? (await incoming(b));
  const notice = await page.evaluate(() => (window.greenroomNotices?.length ?? 0) > 0).catch(() => false);
  if (last) meetingOk = (await attempt(() => stage.leave())) && meetingOk;
  return { fault: fault.name, privacy, frames, rawFrames: marks + failures, recovered, seconds, meetingOk, notice };
}

/** Resolves when A's page says that the effect runs, and B sees something that is neither the card nor too old. */
async function effectAt({ page, b }: Stage): Promise<void> {
  const until = performance.now() + GIVE_UP_MS;
  await waitForEffect(page, 'on');
  while (await nextPicture(b).then(isCard)) if (performance.now() > until) throw new Error('B still sees the card');
}

/** The card is one dark, plain sky along its upper edge, which a room is not. */
function isCard({ width, height, data }: { width: number; height: number; data: Uint8Array }): boolean {
  const row = Math.round(height * 0.04);
  return Array.from({ length: 19 }, (_, i) => data[row * width + Math.round((width * (i + 0.5)) / 19)] ?? 0).every((luma) => luma > 44 && luma < 68);
}

const workerOf = (page: Page, script: string): WebWorker => {
  const worker = page.workers().filter((each) => each.url().includes(script)).at(-1);
  if (!worker) throw new Error(`there is no worker ${script}`);
  return worker;
};

async function choose(page: Page, effect: 'off' | 'blur'): Promise<void> {
  await clickInside(page, `input[value="${effect}"]`);
  await waitForEffect(page, effect === 'off' ? '' : 'on');
  if (effect === 'off') await pause(STAY_MS);
}

/** Waits until A's page says that the effect is not there. */
async function leavesOn(page: Page): Promise<void> {
  await page.waitForFunction(() => !document.querySelector('#greenroom')?.shadowRoot?.querySelector('.status .dot')?.classList.contains('on'), { timeout: 10_000, polling: 'raf' });
}
