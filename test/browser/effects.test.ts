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

/** A square picture: red grows to the right, green downwards. */
const IMAGE = { kind: 'image', source: '/clips/picture.png' } as const;
/** What it has to look like, covering a picture of 640 x 360. */
const imageAt = (x: number, y: number): [number, number, number] => [(255 * x) / 640, (255 * (y + 140)) / 640, 128];
const COLOUR = { kind: 'colour', colour: '#2f6f5e' } as const;
/** Square clips of {@link ROUND} pictures: red grows by {@link STEP} from picture to picture, green grows downwards. */
const ROUND = 24;
const STEP = 10;
const CLIP_FPS = 12;
const videoAt = (red: number) => (_: number, y: number): [number, number, number] => [red, (255 * (y + 140)) / 640, 60];
/** The cover card's upper left corner. */
const CARD = [35, 48, 63];

let folder: string;
let clip: Footage;
let server: PageServer;
let missing: RegExp | null = null;
let prefix = '';

/**
 * No device here blurs, and no frame can be made that says so: this stands in for what the frames of one that does would
 * say, on for half a second and off for half a second of their own time.
 */
const isOn = (timestamp: number): boolean => Math.floor(timestamp / 500_000) % 2 === 0;
const METADATA = `VideoFrame.prototype.metadata = function () { return { backgroundBlur: { enabled: Math.floor(this.timestamp / 500000) % 2 === 0 } }; };`;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'greenroom-effects-'));
  const made = await footage({ mark: true });
  const regions = made.regions(); // seconds of work, and asked for by every comparison
  clip = { ...made, regions: () => regions };
  execFileSync('ffmpeg', ['-v', 'error', '-i', clip.y4m, '-c:v', 'libvpx', '-b:v', '4M', '-deadline', 'realtime', '-cpu-used', '8', path.join(folder, 'clip.webm')]);
  execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', "nullsrc=s=400x400,format=gbrp,geq=r='255*X/W':g='255*Y/H':b=128", '-frames:v', '1', path.join(folder, 'picture.png')]);
  const clipOf = (file: string, ...codec: string[]): void => void execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', `nullsrc=s=400x400:r=${CLIP_FPS},format=gbrp,geq=r='${STEP}*N':g='255*Y/H':b=60`, '-frames:v', String(ROUND), '-pix_fmt', 'yuv420p', ...codec, path.join(folder, file)]);
  clipOf('moving.webm', '-c:v', 'libvpx-vp9', '-crf', '10', '-b:v', '0', '-deadline', 'realtime', '-cpu-used', '8');
  clipOf('moving.mp4', '-c:v', 'libx264', '-crf', '10', '-bf', '3'); // pictures that are shown in another order than they are decoded
  server = await servePages({ missing: () => missing, folders: { clips: folder }, prefix: (pathname) => (pathname.includes('effects') ? prefix : '') });
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

/** Mean distance per channel from the wanted colours where the clip is surely background, and the share of pixels far from them. */
const distance = (pixels: readonly number[], wanted: (x: number, y: number) => readonly number[]): { mean: number; far: number } => {
  const { surelyBackground } = clip.regions();
  let [sum, far, count] = [0, 0, 0];
  surelyBackground.forEach((inside, i) => {
    if (inside === 0) return;
    count++;
    const each = wanted(i % clip.width, Math.floor(i / clip.width)).map((value, channel) => Math.abs(value - pixels[3 * i + channel]!));
    sum += (each[0]! + each[1]! + each[2]!) / 3;
    if (Math.max(...each) > 16) far++;
  });
  return { mean: sum / count, far: far / count };
};
const lumaOf = (pixels: readonly number[]): Uint8Array =>
  Uint8Array.from({ length: pixels.length / 3 }, (_, i) => (pixels[3 * i]! * 66 + pixels[3 * i + 1]! * 129 + pixels[3 * i + 2]! * 25 + 4224) >> 8);

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
    prefix = '';
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
    ['model', /selfie_segmentation\.[0-9a-f]+\.bin$/, 'failed model-unavailable'],
    ['network', /segmenter\.[0-9a-f]+\.wasm$/, 'failed engine-unavailable'],
    ['frame kernel', /kernel\.[0-9a-f]+\.wasm$/, 'failed engine-unavailable'],
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

  test('without SIMD another engine and the scalar kernel do it, and what they cannot keep up with leaves smaller', async () => {
    // No browser here lacks SIMD; the question is answered for one that does, the rest is as it would be.
    prefix = 'WebAssembly.validate = () => false;';
    try {
      ({ page } = await open(chromium));
      await page.evaluate((spec) => lab.open(spec, { maskRate: 'governed' }), BLUR);
      await page.evaluate(() => lab.state('running'));
      await page.evaluate(() => lab.size('320x180'));
      await page.evaluate(() => lab.more(5));
      const { marked, sizes } = await page.evaluate(() => lab.frames());
      expect(marked).toBe(0);
      expect(sizes).toEqual(['640x360', '320x180']);
    } finally {
      prefix = '';
    }
  });

  test('a picture covers the room and leaves the person sharp', async () => {
    const opened = await open(chromium);
    page = opened.page;
    await page.evaluate((spec) => lab.open(spec), NONE);
    await page.evaluate(() => lab.more(5));
    const raw = textureOf(lumaOf(await page.evaluate(() => lab.pixels())), clip);
    await page.evaluate((spec) => lab.update(spec), IMAGE);
    await page.evaluate((colour) => lab.corner(colour), imageAt(4, 4));
    await page.evaluate(() => lab.more(10));
    const pixels = await page.evaluate(() => lab.pixels());
    const { mean, far } = distance(pixels, imageAt);
    expect(mean).toBeLessThan(3);
    expect(far).toBeLessThan(0.02);
    expect(textureOf(lumaOf(pixels), clip).person).toBeGreaterThan(raw.person * 0.9);
    expect(complaints(opened.said)).toEqual([]);
  });

  test('from blur to picture to colour and back: the same track, and not one raw frame between', async () => {
    const opened = await open(chromium);
    page = opened.page;
    await page.evaluate((spec) => lab.open(spec), BLUR);
    await page.evaluate(() => lab.state('running'));
    const track = await page.evaluate(() => lab.track());
    expect(track.readyState).toBe('live');
    await page.evaluate((spec) => lab.update(spec), IMAGE);
    await page.evaluate((colour) => lab.corner(colour), imageAt(4, 4));
    await page.evaluate((spec) => lab.update(spec), COLOUR);
    await page.evaluate((colour) => lab.corner(colour), [0x2f, 0x6f, 0x5e]);
    const plain = distance(await page.evaluate(() => lab.pixels()), () => [0x2f, 0x6f, 0x5e]);
    expect(plain.mean).toBeLessThan(3);
    expect(plain.far).toBeLessThan(0.02);
    await page.evaluate((spec) => lab.update(spec), IMAGE);
    await page.evaluate((colour) => lab.corner(colour), imageAt(4, 4));
    await page.evaluate((spec) => lab.update(spec), BLUR);
    await page.evaluate(() => lab.more(20));
    expect(distance(await page.evaluate(() => lab.pixels()), imageAt).mean).toBeGreaterThan(20);
    expect(await page.evaluate(() => lab.track())).toEqual(track);
    expect((await page.evaluate(() => lab.frames())).marked).toBe(0);
    // No blink: the card was not there again once the effect ran.
    expect(await page.evaluate(() => lab.states())).toEqual(['covered', 'running']);
    expect(complaints(opened.said)).toEqual([]);
  });

  test.each([
    ['is missing', '/clips/nowhere.png'],
    ['is not a picture', '/effects.html'],
    ['is a video that is missing', '/clips/nowhere.webm'],
    ['is a video and none', '/clips/picture.png'],
  ])('a picture that %s means the card and a code; another effect, and the picture once it is there, work', async (what, source) => {
    ({ page } = await open(chromium));
    await page.evaluate((spec) => lab.open(spec), BLUR);
    await page.evaluate(() => lab.state('running'));
    await page.evaluate((broken) => lab.update(broken), { kind: what.includes('video') ? 'video' as const : 'image' as const, source });
    await page.evaluate(() => lab.state('failed picture-unavailable'));
    await page.evaluate(() => lab.more(3)); // those on their way
    await page.evaluate(() => lab.more(10));
    await page.evaluate((colour) => lab.corner(colour), CARD);
    await page.evaluate((spec) => lab.update(spec), COLOUR);
    await page.evaluate((colour) => lab.corner(colour), [0x2f, 0x6f, 0x5e]);
    await page.evaluate((spec) => lab.update(spec), IMAGE);
    await page.evaluate((colour) => lab.corner(colour), imageAt(4, 4));
    expect((await page.evaluate(() => lab.frames())).marked).toBe(0);
    expect(await page.evaluate(() => lab.states())).toEqual(['covered', 'running', 'failed picture-unavailable', 'running']);
  });

  test.each(['moving.webm', 'moving.mp4'])('%s plays over and over behind the person, at its own pace and without a jump', async (file) => {
    const opened = await open(chromium);
    page = opened.page;
    await page.evaluate((spec) => lab.open(spec), BLUR);
    await page.evaluate(() => lab.state('running'));
    await page.evaluate((source) => lab.update({ kind: 'video', source }), `/clips/${file}`);
    await page.waitForFunction((middle) => Math.abs(lab.corners().at(-1)![2] - 60) < 8 && Math.abs(lab.corners().at(-1)![1] - middle) < 8, { polling: 50 }, videoAt(0)(4, 4)[1]);
    const first = (await page.evaluate(() => lab.seen())).length;
    const start = (await page.evaluate(() => lab.seen()))[first - 1]![0];
    const wanted = (2.4 * ROUND) / CLIP_FPS; // more than two rounds
    await page.waitForFunction((end) => lab.seen().at(-1)![0] > end, { polling: 50 }, start + wanted * 1e6);

    const seen = (await page.evaluate(() => lab.seen())).slice(first);
    const pictures = (await page.evaluate(() => lab.corners())).slice(first).map(([red]) => Math.round(red / STEP));
    // Whatever is between two pictures, the way from the one to the other is forwards in the circle, and short.
    const steps = pictures.slice(1).map((picture, i) => (picture - pictures[i]! + ROUND) % ROUND);
    expect(steps.filter((step) => step > ROUND / 2)).toEqual([]);
    const pace = steps.reduce((a, b) => a + b, 0) / ((seen.at(-1)![0] - seen[0]![0]) / 1e6);
    expect(pace / CLIP_FPS).toBeGreaterThan(0.8);
    expect(pace / CLIP_FPS).toBeLessThan(1.2);
    expect(new Set(pictures).size).toBeGreaterThan(ROUND * 0.8);

    const pixels = await page.evaluate(() => lab.pixels());
    const { mean, far } = distance(pixels, videoAt(pixels[0]!));
    expect(mean).toBeLessThan(4);
    expect(far).toBeLessThan(0.02);
    expect((await page.evaluate(() => lab.frames())).marked).toBe(0);
    expect(await page.evaluate(() => lab.states())).toEqual(['covered', 'running']);
    expect(complaints(opened.said)).toEqual([]);
    expect(opened.said.filter((line) => line.includes('garbage collected'))).toEqual([]); // a frame that nobody closed
  });

  test('transparent hands on the person with a matte, and no room under it; another effect on the same track is whole again', async () => {
    const opened = await open(chromium);
    page = opened.page;
    await page.evaluate(() => lab.open({ kind: 'transparent' }));
    await page.evaluate(() => lab.format('I420A'));
    await page.evaluate(() => lab.more(5));
    const [pixels, alpha] = await page.evaluate(() => [lab.pixels(), lab.alpha()] as const);
    const { surelyBackground, surelyPerson } = clip.regions();
    const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
    expect(mean(alpha.filter((_, i) => surelyPerson[i] === 255))).toBeGreaterThan(250);
    expect(mean(alpha.filter((_, i) => surelyBackground[i] === 255))).toBeLessThan(3);
    // Black by itself, whatever becomes of alpha.
    const nothing = alpha.flatMap((value, i) => (value === 0 ? pixels.slice(3 * i, 3 * i + 3) : []));
    expect(nothing.length).toBeGreaterThan(pixels.length / 4);
    expect(mean(nothing)).toBeLessThan(1);

    await page.evaluate((spec) => lab.update(spec), COLOUR);
    await page.evaluate((colour) => lab.corner(colour), [0x2f, 0x6f, 0x5e]);
    expect(new Set(await page.evaluate(() => lab.alpha()))).toEqual(new Set([255]));
    expect((await page.evaluate(() => lab.frames())).marked).toBe(0);
    expect(complaints(opened.said)).toEqual([]);
  });

  test('where workers decode no video the poster stands still; without one there is the card and a code', async () => {
    prefix = 'delete self.VideoDecoder;';
    ({ page } = await open(chromium));
    await page.evaluate(() => lab.open({ kind: 'video', source: '/clips/moving.webm', poster: '/clips/picture.png' }));
    await page.evaluate((colour) => lab.corner(colour), imageAt(4, 4));
    await page.evaluate(() => lab.update({ kind: 'video', source: '/clips/moving.webm' }));
    await page.evaluate(() => lab.state('failed video-unsupported'));
    await page.evaluate((colour) => lab.corner(colour), CARD);
    expect((await page.evaluate(() => lab.frames())).marked).toBe(0);
  });

  test('a clip is looked through before it is taken: the first picture of a whole one, a code for any other', async () => {
    ({ page } = await open(chromium));
    for (const file of ['moving.webm', 'moving.mp4']) {
      const found = await page.evaluate((url) => lab.inspect(url), `/clips/${file}`);
      expect(found.slice(0, 2)).toEqual([400, 400]);
      (found as number[]).slice(2, 5).forEach((value, i) => expect(Math.abs(value - [0, 128, 60][i]!)).toBeLessThan(8));
    }
    expect(await page.evaluate(() => lab.inspect('/clips/picture.png'))).toBe('picture-unavailable');
    expect(await page.evaluate(() => lab.inspect('/clips/moving.webm', 300))).toBe('picture-unavailable');
  });

  test('while a frame says that the system blurs it passes as it is; the very frame that does not is blurred', async () => {
    prefix = METADATA;
    ({ page } = await open(chromium));
    await page.evaluate((spec) => lab.open(spec), BLUR);
    await page.evaluate(() => lab.state('running'));
    await page.evaluate(() => lab.state('system'));
    const before = (await page.evaluate(() => lab.seen())).length;
    await page.evaluate(() => lab.more(100));
    const seen = (await page.evaluate(() => lab.seen())).slice(before);
    expect(seen.filter(([timestamp, marked]) => marked !== isOn(timestamp))).toEqual([]);
    expect(seen.filter(([, marked]) => marked).length).toBeGreaterThan(20);
    expect(seen.filter(([, marked]) => !marked).length).toBeGreaterThan(20);

    // Who wants a picture is not content with a blur.
    await page.evaluate((spec) => lab.update(spec), IMAGE);
    await page.evaluate((colour) => lab.corner(colour), imageAt(4, 4));
    const { marked } = await page.evaluate(() => lab.frames());
    await page.evaluate(() => lab.more(40));
    expect((await page.evaluate(() => lab.frames())).marked).toBe(marked);
  });

  test('before there is a worker, each frame is judged alike, and the failure is told again when the system no longer blurs', async () => {
    prefix = METADATA;
    missing = /effects-worker/;
    ({ page } = await open(chromium));
    await page.evaluate((spec) => lab.open(spec), BLUR);
    await page.evaluate(() => lab.state('system'));
    await page.evaluate(() => lab.state('failed worker-unavailable'));
    await page.evaluate(() => lab.state('system'));
    await page.evaluate(() => lab.more(40));
    const seen = await page.evaluate(() => lab.seen());
    expect(seen.filter(([timestamp, marked]) => marked && !isOn(timestamp))).toEqual([]);
    expect(seen.filter(([, marked]) => marked).length).toBeGreaterThan(10);
    expect(seen.filter(([, marked]) => !marked).length).toBeGreaterThan(10); // cards, whose time is not the camera's
  });

  test('where frames say nothing the settings of the camera count', async () => {
    ({ page } = await open(chromium));
    await page.evaluate((spec) => lab.open(spec), BLUR);
    await page.evaluate(() => lab.state('running'));
    expect((await page.evaluate(() => lab.frames())).marked).toBe(0);
    await page.evaluate(() => lab.systemBlur(true));
    await page.evaluate(() => lab.state('system'));
    await page.evaluate(() => lab.more(10));
    expect((await page.evaluate(() => lab.frames())).marked).toBeGreaterThan(0);
    await page.evaluate(() => lab.systemBlur(false));
    await page.evaluate(() => lab.state('running'));
    await page.evaluate(() => lab.more(3)); // those on their way
    const { marked } = await page.evaluate(() => lab.frames());
    await page.evaluate(() => lab.more(20));
    expect((await page.evaluate(() => lab.frames())).marked).toBe(marked);
  });

  test('a system that is not trusted changes nothing', async () => {
    prefix = METADATA;
    ({ page } = await open(chromium));
    await page.evaluate((spec) => lab.open(spec, { trustSystemBlur: false }), BLUR);
    await page.evaluate(() => lab.state('running'));
    await page.evaluate(() => lab.systemBlur(true));
    await page.evaluate(() => lab.more(40));
    expect((await page.evaluate(() => lab.frames())).marked).toBe(0);
    expect(await page.evaluate(() => lab.states())).toEqual(['covered', 'running']);
  });

  test('a worker that is ended leaves nothing raw behind', async () => {
    ({ page } = await open(chromium));
    await page.evaluate((spec) => lab.open(spec), BLUR);
    await page.evaluate(() => lab.state('running'));
    await page.evaluate(() => lab.dispose());
    await page.evaluate((spec) => lab.update(spec), NONE);
    expect((await page.evaluate(() => lab.frames())).marked).toBe(0);
  });

  test('a worker that keeps ending is replaced a number of times, then the failure is told; a new choice tries again', async () => {
    ({ page } = await open(chromium));
    await page.evaluate((spec) => lab.open(spec), BLUR);
    for (let n = 1; n <= 8; n++) {
      await page.evaluate(() => lab.state('running'));
      // Another one is made after the state was told: what is awaited next is the new one's.
      const next = new Promise((resolve) => void page.once(n < 8 ? 'workercreated' : 'workerdestroyed', resolve));
      void page.workers().filter((each) => each.url().includes('effects-worker')).at(-1)?.evaluate(() => self.close()).catch(() => undefined); // no answer comes from a dead one
      await next;
    }
    await page.evaluate(() => lab.state('failed worker-crashed'));
    await page.evaluate((spec) => lab.update(spec), BLUR);
    await page.evaluate(() => lab.state('running'));
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

      await page.evaluate((spec) => lab.update(spec), COLOUR);
      const plain = await textures();
      expect(plain.background).toBeLessThan(raw.background / 20);
      expect(plain.person).toBeGreaterThan(raw.person * 0.75);

      await page.evaluate((spec) => lab.update(spec), IMAGE);
      // That it loads says no state, and a video element cannot be asked for its colours but by looking.
      await page.waitForFunction(() => {
        const luma = lab.picture();
        return luma[640 * 180 + 630]! - luma[640 * 180 + 10]! > 40; // the picture gets redder to the right
      }, { polling: 200 });
      expect((await textures()).person).toBeGreaterThan(raw.person * 0.75);

      await page.evaluate(() => lab.update({ kind: 'transparent' }));
      await page.waitForFunction(() => lab.picture()[640 * 180 + 630]! < 25, { polling: 200 }); // black
      expect((await textures()).person).toBeGreaterThan(raw.person * 0.75);

      await page.evaluate(() => lab.update({ kind: 'video', source: '/clips/moving.webm' }));
      // Bright, then dark again: it has begun anew.
      for (const bright of [true, false, true]) await page.waitForFunction((wanted) => wanted === (lab.picture()[640 * 350 + 10]! > 150), { polling: 100 }, bright);
      expect((await textures()).person).toBeGreaterThan(raw.person * 0.75);
      expect(complaints(said)).toEqual([]);
    } finally {
      await firefox.close();
    }
  });
});
