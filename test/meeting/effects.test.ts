import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { ElementHandle, Page } from 'puppeteer-core';

import type { Launched, Watch } from '../tools/browsers';
import { launchChromium, launchFirefox, listen, watchRequests } from '../tools/browsers';
import type { Footage } from '../tools/footage';
import { footage } from '../tools/footage';
import { textureOf } from '../tools/texture';
import type { OpenedMeeting } from './harness';
import { changeCamera, clickButton, join, muteCamera, openMeeting, waitForRemoteMute, waitForRemoteVideo } from './harness';
import type { MeetingOptions } from './server';
import { distFolder } from './server';
import { chooseEffect, clickInside, waitForEffect, waitInside } from './ui';
import { incoming, nextPicture, resetIncoming, waitForFrames, watchIncoming } from './watch';

jest.setTimeout(180_000);

let plain: Footage;
let marked: Footage;
let guestVideo: string;
let rooms = 0;

beforeAll(async () => {
  plain = await footage();
  marked = await footage({ mark: true });
  guestVideo = (await footage({ background: 'wall', mirrored: true })).y4m;
});

/** A meeting with the plugin, the far end B already in it, and a browser for A; ended after the test. */
interface Stage {
  readonly meeting: OpenedMeeting;
  readonly a: Launched;
  readonly b: Page;
  readonly room: string;
  readonly watches: readonly Watch[];
  readonly openA: () => Promise<Page>;
}
const endings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

const setUp = async (video: Footage, options: MeetingOptions = {}, launchA: (options: { video: string; allow: string[] }) => Promise<Launched> = launchChromium): Promise<Stage> => {
  const meeting = await openMeeting(options);
  endings.push(() => meeting.stop());
  const [a, far] = await Promise.all([launchA({ video: video.y4m, allow: [meeting.origin] }), launchChromium({ video: guestVideo, allow: [meeting.origin] })]);
  endings.push(() => a.close(), () => far.close());
  const watches = [await watchRequests(far.browser, meeting.origin)];
  const room = `effects${Date.now()}x${rooms++}`;
  const b = await far.browser.newPage();
  await watchIncoming(b);
  await join(b, meeting, room, { name: 'Bea' });
  return { meeting, a, b, room, watches, openA: () => a.browser.newPage() };
};

/** The mean texture of some pictures decoded at B in full size: a busy machine's sender, or its governor, may lower it for a while. */
const textureAt = async (b: Page, clip: Footage): Promise<{ background: number; person: number }> => {
  await b.waitForFunction((width) => window.greenroomWatch?.incoming.width === width, { timeout: 30_000, polling: 100 }, clip.width);
  await waitForFrames(b, 45); // the encoder starts low and sharpens over its first seconds
  const sums = { background: 0, person: 0 };
  const count = 5;
  for (let i = 0; i < count;) {
    const { data, width } = await nextPicture(b);
    if (width === clip.width) {
      const texture = textureOf(data, clip);
      sums.background += texture.background / count;
      sums.person += texture.person / count;
      i++;
    }
    await waitForFrames(b, 5);
  }
  return sums;
};

const expectCleanBrowsers = (watches: readonly Watch[]): void => {
  for (const { outside, errors } of watches) {
    expect(outside).toEqual([]);
    expect(errors).toEqual([]);
  }
};

test('the picture decoded at B: the background is blurred, the person is sharp', async () => {
  const { meeting, a, b, room, watches, openA } = await setUp(plain);
  const all = [...watches, await watchRequests(a.browser, meeting.origin)];
  const page = await openA();
  await join(page, meeting, room, { name: 'Ann' });
  await waitForRemoteVideo(b);
  await chooseEffect(page, 'off');
  const raw = await textureAt(b, plain);
  await chooseEffect(page, 'blur');
  const blurred = await textureAt(b, plain);
  console.log(`texture at B, blurred to unblurred: background ${(blurred.background / raw.background).toFixed(3)}, person ${(blurred.person / raw.person).toFixed(3)}`);
  expect(blurred.background).toBeLessThanOrEqual(raw.background / 5);
  expect(blurred.person).toBeGreaterThanOrEqual(raw.person * 0.75);
  expectCleanBrowsers(all);
});

test('marked frames: the mark is never read at B while an effect is chosen, and always when it is off', async () => {
  const { meeting, a, b, room, watches, openA } = await setUp(marked, { greenroom: { effects: { default: 'blur' } } });
  const all = [...watches, await watchRequests(a.browser, meeting.origin)];
  const page = await openA();
  await join(page, meeting, room, { name: 'Ann' });
  await waitForFrames(b, 60);
  await muteCamera(page, true);
  await waitForRemoteMute(b, 'video', true);
  await muteCamera(page, false);
  await waitForFrames(b, 45);
  await changeCamera(page);
  await waitForFrames(b, 45);
  await chooseEffect(page, 'slight-blur');
  await waitForFrames(b, 30);
  await chooseEffect(page, 'blur');
  await waitForFrames(b, 30);
  const hidden = await incoming(b);
  console.log(`with an effect: ${hidden.frames} frames at B, ${hidden.marks} marks read`);
  expect(hidden.failures).toBe(0);
  expect(hidden.marks).toBe(0);

  // Off on purpose: now each frame has to give the mark away, or the test could not have failed above.
  await chooseEffect(page, 'off');
  await waitForFrames(b, 30); // the encoder catches up with a picture that is suddenly full of detail
  await resetIncoming(b);
  const shown = await waitForFrames(b, 90);
  console.log(`without: ${shown.frames} frames at B, ${shown.marks} marks read`);
  expect(shown.marks).toBe(shown.frames);
  expectCleanBrowsers(all);
});

test('with privacy required the mark is never read, whatever is chosen or remembered', async () => {
  const { meeting, b, room, openA } = await setUp(marked, { greenroom: { effects: { privacy: 'required' } } });
  const page = await openA();
  await page.evaluateOnNewDocument(() => localStorage.setItem('greenroom.effect', 'off'));
  await join(page, meeting, room, { name: 'Ann' });
  await waitForFrames(b, 60);
  await clickButton(page, 'greenroom-effects');
  await waitForEffect(page, 'on');
  const offered = await page.$$eval('#greenroom >>> input[name=effect]', (inputs) => inputs.map((input) => input.value));
  expect(offered.slice(0, 2)).toEqual(['slight-blur', 'blur']);
  expect(offered).not.toContain('off');
  expect((await incoming(b)).marks).toBe(0);
});

test.each([
  ['worker', /effects-worker/, 'worker is missing'],
  ['model', /selfie_segmentation\.[0-9a-f]+\.bin$/, 'model file is missing'],
])('without the %s file the meeting goes on, the card is shown, and one notice says what to do', async (_, missing, sentence) => {
  const { meeting, b, room, openA } = await setUp(marked, { missing, greenroom: { effects: { default: 'blur' } } });
  const page = await openA();
  const said = listen(page);
  await join(page, meeting, room, { name: 'Ann' });
  await page.waitForFunction((text) => document.body.textContent.includes(text), { timeout: 20_000, polling: 100 }, sentence);
  await waitForFrames(b, 60);
  const { marks, failures } = await incoming(b);
  expect({ marks, failures }).toEqual({ marks: 0, failures: 0 });
  const notices = await page.evaluate(() => {
    const state = window.APP?.store?.getState()['features/notifications'];
    return state?.notifications.map(({ uid }) => uid) ?? [];
  });
  expect(notices.filter((uid) => uid.startsWith('greenroom'))).toEqual(['greenroom-effects-failure']);
  expect(said.filter((line) => line.startsWith('uncaught'))).toEqual([]);

  // The meeting goes on: the camera can be turned off and on, and what comes back is the card again.
  await muteCamera(page, true);
  await waitForRemoteMute(b, 'video', true);
  await muteCamera(page, false);
  await waitForFrames(b, 20);
  expect((await incoming(b)).marks).toBe(0);
});

test('without the file of the panels the effect runs, a notice says so, and the meeting goes on', async () => {
  const { meeting, b, room, openA } = await setUp(marked, { missing: /panels\.[0-9a-f]+\.js/, greenroom: { effects: { default: 'blur' } } });
  const page = await openA();
  const said = listen(page);
  await join(page, meeting, room, { name: 'Ann' });
  await page.waitForFunction((words) => document.body.textContent.includes(words), { timeout: 20_000, polling: 100 }, 'the panels are missing');
  await clickButton(page, 'greenroom-effects');
  await waitForFrames(b, 60);
  const { marks, failures } = await incoming(b);
  expect({ marks, failures }).toEqual({ marks: 0, failures: 0 });
  expect(said.filter((line) => line.startsWith('uncaught'))).toEqual([]);
});

test.each([
  ['the worker that makes the frames', 'throws', 'effects-worker', () => void setTimeout(() => { throw new Error('ended on purpose'); })],
  ['the worker that makes the frames', 'closes itself', 'effects-worker', () => void setTimeout(() => close())],
  ['the worker that makes the frames', 'is stuck for 20 s', 'effects-worker', () => void setTimeout(() => { for (const until = Date.now() + 20_000; Date.now() < until;); })],
  ['the worker that keeps the outputs', 'closes itself', 'effects-output', () => void setTimeout(() => close())],
])('%s %s: no raw frame leaves, and the effect is back by itself', async (who, fate, script, harm) => {
  const { meeting, b, room, openA } = await setUp(marked, { greenroom: { effects: { default: 'blur' } } });
  const page = await openA();
  await join(page, meeting, room, { name: 'Ann' });
  await waitForFrames(b, 45, 30_000);
  await clickButton(page, 'greenroom-effects');
  await waitForEffect(page, 'on');
  const output = () => page.evaluate(() => window.APP?.store?.getState()['features/base/tracks'].find(({ local, mediaType }) => local && mediaType === 'video')?.jitsiTrack.getTrack().id);
  const before = await output();
  const again = new Promise((resolve) => page.once('workercreated', resolve));
  const [worker] = page.workers().filter((each) => each.url().includes(script));
  const at = Date.now();
  void worker?.evaluate(harm).catch(() => undefined); // a worker that is gone does not answer
  await again;
  await waitForEffect(page, 'on');
  console.log(`${who} ${fate}: the effect was back after ${Date.now() - at} ms`);
  await waitForFrames(b, 45);
  const { marks, failures } = await incoming(b);
  expect({ marks, failures }).toEqual({ marks: 0, failures: 0 });
  // Only the loss of the output itself takes the camera's track with it.
  expect((await output()) === before).toBe(script === 'effects-worker');
});

test('own pictures: a file that is none is refused in words, a picture is kept for the next visit, and deleting it leaves the blur', async () => {
  const { meeting, a, b, room, watches, openA } = await setUp(marked, { greenroom: { effects: { default: 'blur' } } });
  const all = [...watches, await watchRequests(a.browser, meeting.origin)];
  const page = await openA();
  await join(page, meeting, room, { name: 'Ann' });
  await waitForFrames(b, 20);
  await chooseEffect(page, 'picture:library');
  await clickButton(page, 'greenroom-effects');
  const upload = async (file: string): Promise<void> => {
    const input = (await page.$('#greenroom >>> .file')) as ElementHandle<HTMLInputElement> | null;
    await input?.uploadFile(path.resolve(__dirname, '../fixtures', file));
  };
  await upload('README.md');
  await waitInside(page, '.refusal:not(:empty)');
  expect(await page.$eval('#greenroom >>> .refusal', ({ textContent }) => textContent)).toContain('not a picture');
  await upload('coffee.png');
  await waitInside(page, 'input[value^="own:"]:checked');
  await waitInside(page, '.refusal:empty');
  await waitForEffect(page, 'on');
  await waitForFrames(b, 30);

  await join(page, meeting, room, { name: 'Ann' });
  await clickButton(page, 'greenroom-effects');
  await waitInside(page, 'input[value^="own:"]:checked');
  await waitForEffect(page, 'on');
  await clickInside(page, '.remove');
  await waitInside(page, 'input[value="blur"]:checked');
  await waitForEffect(page, 'on');
  await waitForFrames(b, 30);
  expect((await incoming(b)).marks).toBe(0);
  expect(await page.evaluate(() => localStorage.getItem('greenroom.effect'))).toBe('blur');
  expectCleanBrowsers(all);
});

test('in Firefox the blur reaches the other side by the canvas, and the console stays clean', async () => {
  // Firefox's fake camera shows no person: a played clip stands in for the device, under the plugin's gate.
  const folder = mkdtempSync(path.join(tmpdir(), 'greenroom-firefox-'));
  endings.push(() => rm(folder, { recursive: true, force: true }));
  cpSync(distFolder, folder, { recursive: true });
  execFileSync('ffmpeg', ['-v', 'error', '-i', plain.y4m, '-c:v', 'libvpx', '-b:v', '4M', '-deadline', 'realtime', '-cpu-used', '8', path.join(folder, 'clip.webm')]);
  const { meeting, b, room, openA } = await setUp(plain, { dist: folder, greenroom: { effects: { default: 'off' } } }, launchFirefox);
  if (!meeting.standIn) return; // a real site does not serve the clip
  const page = await openA();
  await page.evaluateOnNewDocument(() => {
    const devices = MediaDevices.prototype;
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the receiver it is given
    const native = devices.getUserMedia;
    devices.getUserMedia = async function (constraints) {
      const stream = await native.call(this, constraints);
      if (stream.getVideoTracks().length === 0) return stream;
      const video = document.createElement('video');
      Object.assign(video, { src: '/static/greenroom/clip.webm', loop: true, muted: true });
      await video.play();
      const canvas = document.createElement('canvas');
      canvas.width = video.videoWidth;
      canvas.height = video.videoHeight;
      const draw = (): void => {
        canvas.getContext('2d')?.drawImage(video, 0, 0);
        requestAnimationFrame(draw);
      };
      draw();
      return new MediaStream([...stream.getAudioTracks(), ...canvas.captureStream(30).getVideoTracks()]);
    };
  });
  const said = listen(page);
  const requests: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  await join(page, meeting, room, { name: 'Ann' });
  await waitForRemoteVideo(b, 30_000);
  const raw = await textureAt(b, plain);
  await chooseEffect(page, 'blur');
  const blurred = await textureAt(b, plain);
  console.log(`Firefox, texture at B, blurred to unblurred: background ${(blurred.background / raw.background).toFixed(3)}, person ${(blurred.person / raw.person).toFixed(3)}`);
  expect(blurred.background).toBeLessThanOrEqual(raw.background / 5);
  expect(blurred.person).toBeGreaterThanOrEqual(raw.person * 0.75);
  expect(said.filter((line) => /^(error|uncaught)/.test(line))).toEqual([]);
  expect(requests.length).toBeGreaterThan(5);
  expect(requests.filter((url) => !url.startsWith(`${meeting.origin}/`) && !url.startsWith(`${meeting.origin.replace('http', 'ws')}/`))).toEqual([]);
});
