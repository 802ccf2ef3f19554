import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Page } from 'puppeteer-core';

import { decode, loudness, probe, samples } from '../browser/media';
import type { Launched } from '../tools/browsers';
import { launchChromium, watchRequests } from '../tools/browsers';
import { footage } from '../tools/footage';
import { tone } from '../tools/sound';
import type { OpenedMeeting } from './harness';
import { clickButton, join, openMeeting, waitForRemoteVideo } from './harness';
import { clickInside, download, recordedFor, startRecording, waitInside } from './ui';

jest.setTimeout(180_000);

let folder: string;
let meeting: OpenedMeeting;
let guest: Launched;
let guestPage: Page;
let video: string;
let room: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'greenroom-meeting-'));
  video = (await footage()).y4m;
  meeting = await openMeeting();
  room = `recording${Date.now()}`;
  guest = await launchChromium({ video: (await footage({ background: 'wall', mirrored: true })).y4m, audio: await tone(440), allow: [meeting.origin] });
  guestPage = await guest.browser.newPage();
  await join(guestPage, meeting, room);
});

afterAll(async () => {
  await guest.close();
  await meeting.stop();
  rmSync(folder, { recursive: true, force: true });
});

let host: Launched;
afterEach(() => host.close());
const launchHost = async (profile: string): Promise<Launched> => launchChromium({ video, audio: await tone(880), profile: path.join(folder, profile), allow: [meeting.origin] });

/** Joins as the one who records; notes what its captures were given, and when a recorder started. */
const enter = async (): Promise<Page> => {
  const page = await host.browser.newPage();
  await page.evaluateOnNewDocument(() => {
    const labels: string[] = [];
    Object.assign(window, { captureLabels: labels });
    /* eslint-disable @typescript-eslint/unbound-method -- called with the receivers they are given */
    const start = MediaRecorder.prototype.start;
    MediaRecorder.prototype.start = function (timeslice) {
      Object.assign(window, { recordingStartedAt: Date.now() });
      start.call(this, timeslice);
    };
    const ask = MediaDevices.prototype.getDisplayMedia;
    /* eslint-enable @typescript-eslint/unbound-method */
    MediaDevices.prototype.getDisplayMedia = async function (options) {
      const stream = await ask.call(this, options);
      labels.push(...stream.getAudioTracks().map((track) => track.label));
      return stream;
    };
  });
  await join(page, meeting, room);
  await waitForRemoteVideo(page);
  return page;
};

test('20 s of a meeting: picture and both voices are in the file, and it decodes to its end', async () => {
  host = await launchHost('whole');
  const watch = await watchRequests(host.browser, meeting.origin);
  const page = await enter();
  await startRecording(page);
  await recordedFor(page, 22);
  await clickInside(page, '.pill .stop');
  await clickButton(page, 'greenroom-record');
  const file = await download(page, folder);

  const { streams } = await probe(file);
  expect(streams.map(({ type }) => type).sort()).toEqual(['audio', 'video']);
  const length = await decode(file);
  expect(length.video).toBeGreaterThan(19);
  expect(length.audio).toBeGreaterThan(19);
  const pcm = await samples(file);
  // Ours is mixed in as it is; the guest's has been through the call. Neither may be a trace of something else.
  expect(loudness(pcm, 880, 5, 15)).toBeGreaterThan(0.02);
  expect(loudness(pcm, 440, 5, 15)).toBeGreaterThan(0.02);
  expect(loudness(pcm, 660, 5, 15)).toBeLessThan(0.002);
  expect(await page.evaluate(() => (window as unknown as { captureLabels: string[] }).captureLabels)).toEqual(['Tab audio']);
  expect(watch.outside).toEqual([]);
  expect(watch.errors).toEqual([]);
});

test('the room, chosen by keyboard: nothing is asked, both are seen and heard, and a moment is marked', async () => {
  host = await launchHost('room');
  const watch = await watchRequests(host.browser, meeting.origin);
  const page = await enter();
  await clickButton(page, 'greenroom-record');
  await waitInside(page, 'input[value=tab]:checked');
  await page.keyboard.press('ArrowDown');
  await waitInside(page, 'input[value=room]:checked');
  await clickInside(page, '.primary');
  await waitInside(page, '.pill');
  await recordedFor(page, 3);
  await clickInside(page, '.pill .mark');
  await page.waitForFunction(() => document.body.textContent.includes('Marked at 0:0'));
  await page.keyboard.press('k');
  await clickButton(page, 'greenroom-record');
  await waitInside(page, '.markers li:nth-child(2)');
  // The two tones stand some 30 dB below full scale, and silence at the meter's end.
  await page.waitForFunction(() => (document.querySelector('#greenroom')?.shadowRoot?.querySelector<HTMLMeterElement>('.panel .level')?.value ?? -60) > -40, { polling: 50 });
  await page.waitForFunction(() => document.querySelector('#greenroom')?.shadowRoot?.querySelector('.panel .room')?.textContent.startsWith('Disk space for ') === true, { polling: 50 });
  await recordedFor(page, 8);
  await clickInside(page, '.panel .stop');
  const file = await download(page, folder);

  const length = await decode(file);
  expect(length.audio).toBeGreaterThan(6);
  expect(length.video).toBeGreaterThan(5);
  const pcm = await samples(file);
  expect(loudness(pcm, 880, 2, 5)).toBeGreaterThan(0.02);
  expect(loudness(pcm, 440, 2, 5)).toBeGreaterThan(0.02);
  expect(loudness(pcm, 660, 2, 5)).toBeLessThan(0.002);
  expect(await page.evaluate(() => (window as unknown as { captureLabels: string[] }).captureLabels)).toEqual([]);
  expect(watch.outside).toEqual([]);
  expect(watch.errors).toEqual([]);
});

test('kill -9 in the middle of a recording: the next start offers it, and its file decodes', async () => {
  host = await launchHost('killed');
  let page = await enter();
  await startRecording(page);
  await recordedFor(page, 6);
  const startedAt = await page.evaluate(() => (window as unknown as { recordingStartedAt: number }).recordingStartedAt);
  const recorded = (Date.now() - startedAt) / 1000;
  await host.kill();

  host = await launchHost('killed');
  page = await enter();
  // Offered in a notice, without being looked for.
  await page.waitForFunction(() => document.body.textContent.includes('An unfinished recording was found'), { timeout: 15_000 });
  await clickButton(page, 'greenroom-record');
  await waitInside(page, '.badge');
  const file = await download(page, folder);
  const length = await decode(file);
  const lost = recorded - Math.max(length.video, length.audio);
  console.log(`kill -9 after ${recorded.toFixed(2)} s of recording: ${lost.toFixed(2)} s lost`);
  expect(lost).toBeLessThan(1.5);
  expect(length.video).toBeGreaterThan(recorded - 2);
});
