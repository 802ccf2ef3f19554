import type { Page } from 'puppeteer-core';

import { launchChromium, type Launched, listen, type Watch, watchRequests } from '../tools/browsers';
import { footage } from '../tools/footage';
import { tone } from '../tools/sound';
import { changeCamera, hangUp, join, muteCamera, muteMicrophone, type OpenedMeeting, openMeeting, shareScreen, waitForRemoteMute, waitForRemoteVideo } from './harness';
import { incoming, nextPicture, resetIncoming, waitForFrames, watchIncoming } from './watch';

/** The meeting by itself, without the plugin: what every other test here stands on. */

let meeting: OpenedMeeting;
let sender: Launched;
let receiver: Launched;
let a: Page;
let b: Page;
let watches: Watch[];
let said: readonly string[];
/** Ended in reverse, also when the preparation breaks off half way. */
const running: (() => Promise<void>)[] = [];

beforeAll(async () => {
  const clip = await footage({ mark: true });
  meeting = await openMeeting({ plugin: false });
  running.push(() => meeting.stop());
  [sender, receiver] = await Promise.all([
    launchChromium({ video: clip.y4m, audio: await tone(440), allow: [meeting.origin], args: ['--auto-select-tab-capture-source-by-title=slides'] }),
    launchChromium({ args: ['--use-fake-device-for-media-stream=device-count=3'], allow: [meeting.origin] }),
  ]);
  running.push(() => sender.close(), () => receiver.close());
  watches = await Promise.all([sender, receiver].map(({ browser }) => watchRequests(browser, meeting.origin)));
  [a, b] = await Promise.all([sender.browser.newPage(), receiver.browser.newPage()]);
  said = listen(b);
  await watchIncoming(b);
  await join(a, meeting, 'standin', { name: 'Ada' });
  await join(b, meeting, 'standin', { name: 'Ben' });
}, 60_000);

afterAll(async () => {
  for (const end of running.reverse()) await end();
});

test('two browsers see each other, and the mark is read in practically every frame', async () => {
  expect((await waitForRemoteVideo(a)).width).toBeGreaterThan(0);
  await waitForRemoteVideo(b);
  const { marks, frames, failures } = await waitForFrames(b, 60);
  expect(failures).toBe(0);
  expect(marks / frames).toBeGreaterThan(0.97);
  const { width, height, data } = await nextPicture(b);
  expect(data).toHaveLength(width * height);
}, 30_000);

test('sound arrives: 440 Hz is the loudest frequency', async () => {
  const loudest = await b.evaluate(async () => {
    const track = window.APP?.store?.getState()['features/base/tracks'].find(({ local, mediaType }) => !local && mediaType === 'audio');
    if (!track) throw new Error('no remote sound');
    const context = new AudioContext({ sampleRate: 48_000 });
    const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
    context.createMediaStreamSource(new MediaStream([track.jitsiTrack.getTrack()])).connect(analyser);
    const levels = new Float32Array(analyser.frequencyBinCount);
    const deadline = performance.now() + 8000;
    let best = 0;
    while (performance.now() < deadline) {
      analyser.getFloatFrequencyData(levels);
      best = levels.indexOf(Math.max(...levels));
      if ((levels[best] ?? -Infinity) > -50) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await context.close();
    return (best * 48_000) / 8192;
  });
  expect(Math.abs(loudest - 440)).toBeLessThan(12);
}, 20_000);

test('mute and unmute are seen at the far end', async () => {
  await muteMicrophone(a, true);
  await waitForRemoteMute(b, 'audio', true);
  await muteMicrophone(a, false);
  await waitForRemoteMute(b, 'audio', false);
  await muteCamera(a, true);
  await waitForRemoteMute(b, 'video', true);
  await resetIncoming(b);
  await muteCamera(a, false);
  await waitForRemoteMute(b, 'video', false);
  await waitForFrames(b, 15);
  expect((await incoming(b)).marks).toBeGreaterThan(10);
}, 40_000);

test('changing the camera puts another track on the same connection', async () => {
  await changeCamera(a);
  await resetIncoming(b);
  await waitForFrames(b, 15);
  expect((await incoming(b)).marks).toBeGreaterThan(10);

  const label = (): Promise<string | undefined> => b.evaluate(() => window.APP?.store?.getState()['features/base/tracks'].find(({ local, mediaType }) => local && mediaType === 'video')?.jitsiTrack.getTrack().label);
  const before = await label();
  // The last of the three: the second gives 16-bit depth, which no encoder takes.
  const other = await b.evaluate(async () => (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === 'videoinput').pop()?.deviceId);
  await changeCamera(b, other);
  expect(await label()).not.toBe(before);
  await waitForRemoteVideo(a);
}, 40_000);

test('the screen takes the place of the camera and gives it back', async () => {
  const slides = await sender.browser.newPage();
  await slides.goto(meeting.url());
  await slides.evaluate(() => {
    document.title = 'slides';
  });
  await a.bringToFront();
  await shareScreen(a, true);
  await b.waitForFunction(() => window.APP?.store?.getState()['features/base/tracks'].some(({ local, videoType }) => !local && videoType === 'desktop'), { timeout: 10_000 });
  await shareScreen(a, false);
  await resetIncoming(b);
  await waitForFrames(b, 30);
  expect((await incoming(b)).marks).toBeGreaterThan(10);
}, 40_000);

test('hanging up leaves the room and gives the devices back', async () => {
  await hangUp(a);
  await b.waitForFunction(() => window.APP?.store?.getState()['features/base/participants'].remote.size === 0, { timeout: 10_000 });
  expect(await a.evaluate(() => window.APP?.store?.getState()['features/base/tracks'])).toEqual([]);
}, 20_000);

test('nothing left the origin and nothing was refused or failed', () => {
  expect(watches.flatMap(({ outside }) => outside)).toEqual([]);
  expect(watches.flatMap(({ errors }) => errors)).toEqual([]);
  expect(said.filter((line) => line.startsWith('uncaught'))).toEqual([]);
});
