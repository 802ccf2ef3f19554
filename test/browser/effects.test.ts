import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Page } from 'puppeteer-core';
import type { Launched } from '../tools/browsers';
import { launchChromium, launchFirefox, listen } from '../tools/browsers';
import type { Footage } from '../tools/footage';
import { footage } from '../tools/footage';
import { textureOf } from '../tools/texture';
import type { EffectsLab } from './pages/effects';
import type { PageServer } from './serve';
import { servePages } from './serve';

declare const lab: EffectsLab;

const BLUR = { kind: 'blur', strength: 0.8 } as const;
const NONE = { kind: 'none' } as const;

let folder: string;
let clip: Footage;
let server: PageServer;
let missing: RegExp | null = null;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'greenroom-effects-'));
  clip = await footage({ mark: true });
  execFileSync('ffmpeg', ['-v', 'error', '-i', clip.y4m, '-c:v', 'libvpx', '-b:v', '4M', '-deadline', 'realtime', '-cpu-used', '8', path.join(folder, 'clip.webm')]);
  server = await servePages({ missing: () => missing, folders: { clips: folder } });
}, 120_000);

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const open = async ({ browser }: Launched): Promise<{ page: Page; said: readonly string[] }> => {
  const page = await browser.newPage();
  const said = listen(page);
  await page.goto(`${server.origin}/effects.html`);
  return { page, said };
};

const complaints = (said: readonly string[]): string[] => said.filter((line) => /^(error|uncaught)/.test(line));

describe('in Chromium', () => {
  let chromium: Launched;
  let page: Page;

  beforeAll(async () => {
    chromium = await launchChromium({ video: clip.y4m, allow: [server.origin] });
  });
  afterAll(() => chromium.close());
  afterEach(async () => {
    missing = null;
    await page.close();
  });

  test('nothing raw leaves from the first frame on; the effect goes off and on again on the same track', async () => {
    const opened = await open(chromium);
    page = opened.page;
    await page.evaluate((spec) => lab.open(spec), BLUR);
    await page.evaluate(() => lab.state('running'));
    await page.evaluate(() => lab.more(30));
    const covered = await page.evaluate(() => lab.frames());
    expect(covered.total).toBeGreaterThan(30);
    expect(covered.marked).toBe(0);

    // The same frames, with the effect off on purpose, carry the mark: the reader works.
    await page.evaluate((spec) => lab.update(spec), NONE);
    await page.evaluate(() => lab.state('passing'));
    await page.evaluate(() => lab.more(5)); // those on their way when the effect went off
    const before = await page.evaluate(() => lab.frames());
    await page.evaluate(() => lab.more(20));
    const after = await page.evaluate(() => lab.frames());
    expect(after.marked - before.marked).toBe(after.total - before.total);

    await page.evaluate((spec) => lab.update(spec), BLUR);
    await page.evaluate(() => lab.state('running'));
    const again = await page.evaluate(() => lab.frames());
    await page.evaluate(() => lab.more(20));
    expect((await page.evaluate(() => lab.frames())).marked).toBe(again.marked);
    expect(await page.evaluate(() => lab.states())).toEqual(['covered', 'running', 'passing', 'running']);
    expect(complaints(opened.said)).toEqual([]);
  });

  test('an effect that starts while the camera is passing covers it from the next frame on', async () => {
    ({ page } = await open(chromium));
    await page.evaluate((spec) => lab.open(spec), NONE);
    await page.evaluate(() => lab.more(10));
    await page.evaluate((spec) => lab.update(spec), BLUR);
    await page.evaluate(() => lab.more(3)); // those on their way
    const before = await page.evaluate(() => lab.frames());
    await page.evaluate(() => lab.state('running'));
    await page.evaluate(() => lab.more(20));
    const after = await page.evaluate(() => lab.frames());
    expect(before.marked).toBeGreaterThan(0);
    expect(after.marked).toBe(before.marked);
    expect(await page.evaluate(() => lab.states())).toEqual(['passing', 'covered', 'running']);
  });

  test('where raw is not allowed, no effect means the cover card', async () => {
    ({ page } = await open(chromium));
    await page.evaluate((spec) => lab.open(spec, { allowRaw: false }), NONE);
    await page.evaluate(() => lab.more(10));
    await page.evaluate((spec) => lab.update(spec), BLUR);
    await page.evaluate(() => lab.state('running'));
    await page.evaluate((spec) => lab.update(spec), NONE);
    await page.evaluate(() => lab.more(20));
    expect((await page.evaluate(() => lab.frames())).marked).toBe(0);
  });

  test.each([
    ['worker', /effects-worker/, 'failed worker-unavailable'],
    ['model', /\.tflite$/, 'failed model-unavailable'],
    ['wasm', /vision_wasm_internal\.[0-9a-f]+\.wasm$/, 'failed engine-unavailable'],
    ['wasm loader', /vision_wasm_internal\.[0-9a-f]+\.js$/, 'failed engine-unavailable'],
  ])('without the %s the card leaves, the failure has a code, and trying again works once it is back', async (_, file, state) => {
    missing = file;
    ({ page } = await open(chromium));
    await page.evaluate((spec) => lab.open(spec), BLUR);
    await page.evaluate((expected) => lab.state(expected), state);
    await page.evaluate(() => lab.more(20));
    expect((await page.evaluate(() => lab.frames())).marked).toBe(0);

    missing = null;
    await page.evaluate((spec) => lab.update(spec), BLUR);
    await page.evaluate(() => lab.state('running'));
    await page.evaluate(() => lab.more(10));
    expect((await page.evaluate(() => lab.frames())).marked).toBe(0);
  });

  test('a worker that is ended leaves nothing raw behind', async () => {
    ({ page } = await open(chromium));
    await page.evaluate((spec) => lab.open(spec), BLUR);
    await page.evaluate(() => lab.state('running'));
    await page.evaluate(() => lab.dispose());
    await page.evaluate((spec) => lab.update(spec), NONE);
    expect((await page.evaluate(() => lab.frames())).marked).toBe(0);
  });

  test('the output answers as the camera does, follows its constraints and releases it with its last clone', async () => {
    ({ page } = await open(chromium));
    await page.evaluate((spec) => lab.open(spec), BLUR);
    const { camera, output, clone } = await page.evaluate(() => lab.compare());
    expect(output).toEqual(camera);
    expect(clone).toEqual(camera);
    expect(await page.evaluate(() => lab.constrain(320))).toBe(320);
  });

  test('stopping the last handle releases the camera; a clone keeps it', async () => {
    ({ page } = await open(chromium));
    await page.evaluate((spec) => lab.open(spec), BLUR);
    await page.evaluate(() => lab.state('running'));
    expect(await page.evaluate(() => lab.release())).toEqual(['live', 'ended', 'ended', 'ended']);
    await page.evaluate(() => lab.state('ended'));
  });

  test('an unplugged camera ends the output, and the output says so', async () => {
    ({ page } = await open(chromium));
    await page.evaluate((spec) => lab.open(spec), BLUR);
    expect(await page.evaluate(() => lab.unplug())).toBe('ended');
    await page.evaluate(() => lab.state('ended'));
  });

  test('where no output can be made there is an error with a code, and no track', async () => {
    ({ page } = await open(chromium));
    await page.evaluate((spec) => lab.open(spec), BLUR);
    expect(await page.evaluate(() => lab.refused())).toBe('frame-failed');
  });
});

describe('in Firefox', () => {
  test('the blur reaches the output by canvas: background smooth, person sharp, console clean', async () => {
    const firefox = await launchFirefox();
    try {
      const { page, said } = await open(firefox);
      await page.evaluate((spec) => lab.open(spec, { clip: '/clips/clip.webm' }), NONE);
      await page.evaluate(() => lab.state('passing'));
      const textures = async () => {
        await page.evaluate(() => lab.presented(10)); // what was on its way to the element before the effect ran
        return textureOf(Uint8Array.from(await page.evaluate(() => lab.picture())), clip);
      };
      const raw = await textures();
      await page.evaluate((spec) => lab.update(spec), BLUR);
      await page.evaluate(() => lab.state('running'));
      const blurred = await textures();
      expect(blurred.background).toBeLessThan(raw.background / 5);
      expect(blurred.person).toBeGreaterThan(raw.person * 0.75);
      expect(complaints(said)).toEqual([]);
    } finally {
      await firefox.close();
    }
  });
});
