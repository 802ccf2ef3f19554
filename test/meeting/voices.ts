import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Page } from 'puppeteer-core';

import { probe } from '../browser/media';
import { launchChromium, type Launched } from '../tools/browsers';
import { plain } from '../tools/footage';
import { pcmOf } from '../tools/hearing';
import { tone } from '../tools/sound';
import { type Cast, Diary, judgePicture, judgeSound, tonesOf, type Verdict } from '../tools/voices';
import { changeCamera, changeMicrophone, clickButton, hangUp, join, muteCamera, muteMicrophone, openMeeting, shareScreen, waitForRemoteVideo } from './harness';
import { clickInside, download, recordedFor, waitInside } from './ui';

/** The one who records, and the one who is called. */
type Name = 'Ann' | 'Bob';
const voices = { Ann: { frequency: 880, colour: '#c00000' }, Bob: { frequency: 440, colour: '#00a000' } } as const;
const SCREEN = { title: 'slides', colour: '#0000c0' };
const GAIN = 0.3;

const cast: Cast = {
  tones: new Map(Object.entries(voices).map(([who, { frequency }]) => [who, frequency])),
  colours: new Map([...Object.entries(voices).map(([who, { colour }]) => [who, colour] as const), ['screen', SCREEN.colour]]),
  amplitude: GAIN,
};

/** A picture is looked at when nothing has changed for so long, or will, ms, or for almost half of the time between two changes: a call's picture comes, and comes back, slowly. */
const APART_MS = 2000;

export interface MeetingVoices extends Verdict {
  readonly recordedS: number;
}

/**
 * Records the room in a real conference of two, while they come, go, mute, change their devices and share, and listens to what
 * was recorded. Chromium only.
 * @param seconds about how long
 * @param rounds how often in that time everything is done that can be done
 */
export async function runMeetingVoices(seconds: number, rounds: number): Promise<MeetingVoices> {
  const folder = await mkdtemp(path.join(tmpdir(), 'greenroom-voices-'));
  const meeting = await openMeeting();
  const launched: Launched[] = [];
  try {
    const room = `voices${Date.now()}`;
    // Without the browser's care for voices: it takes a steady tone for noise and turns it down.
    const enter = (page: Page, name: Name): Promise<void> => join(page, meeting, room, { name, config: { disableAP: true } });
    const open = async (who: Name): Promise<Page> => {
      const { frequency, colour } = voices[who];
      const browser = await launchChromium({ video: await plain(colour), audio: await tone(frequency, GAIN, seconds + 60), allow: [meeting.origin], args: [`--auto-select-tab-capture-source-by-title=${SCREEN.title}`] });
      launched.push(browser);
      const slides = await browser.browser.newPage();
      await slides.goto(`data:text/html,<title>${SCREEN.title}</title><body style="background:${encodeURIComponent(SCREEN.colour)}">`);
      return await browser.browser.newPage();
    };
    const ann = await open('Ann');
    const bob = await open('Bob');
    const pages = { Ann: ann, Bob: bob };
    await ann.evaluateOnNewDocument(() => {
      // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the receivers it is given
      const start = MediaRecorder.prototype.start;
      MediaRecorder.prototype.start = function (timeslice) {
        Object.assign(window, { recordingStartedAt: Date.now() });
        start.call(this, timeslice);
      };
    });
    await enter(bob, 'Bob');
    await enter(ann, 'Ann');
    await waitForRemoteVideo(ann);
    await clickButton(ann, 'greenroom-record');
    await clickInside(ann, 'input[value=room]');
    await waitInside(ann, 'input[value=room]:checked');
    await clickInside(ann, '.primary');
    await waitInside(ann, '.pill');

    const startedAt = await ann.evaluate(() => (window as unknown as { recordingStartedAt: number }).recordingStartedAt);
    const now = (): number => Date.now() - startedAt;
    const diary = new Diary();
    for (const who of Object.keys(voices)) {
      diary.open('heard', who, 0);
      diary.open('seen', who, 0);
    }
    const mute = async (who: Name): Promise<void> => {
      const at = now();
      await muteMicrophone(pages[who], true);
      diary.close('heard', who, diary.note(`${who} mutes`, at, true));
    };
    const unmute = async (who: Name): Promise<void> => {
      const at = now();
      await muteMicrophone(pages[who], false);
      diary.open('heard', who, diary.note(`${who} unmutes`, at, true));
    };
    const microphone = async (who: Name): Promise<void> => {
      const at = now();
      await changeMicrophone(pages[who]);
      diary.note(`${who} changes the microphone`, at, true);
    };
    const camera = async (who: Name): Promise<void> => {
      const at = now();
      await changeCamera(pages[who]);
      diary.note(`${who} changes the camera`, at);
    };
    const hide = async (who: Name): Promise<void> => {
      const at = now();
      await muteCamera(pages[who], true);
      diary.close('seen', who, diary.note(`${who} turns the camera off`, at));
    };
    const show = async (who: Name): Promise<void> => {
      const at = now();
      await muteCamera(pages[who], false);
      diary.open('seen', who, diary.note(`${who} turns the camera on`, at));
    };
    // In a call of two, the screen takes the camera's place.
    const share = async (who: Name): Promise<void> => {
      await shareScreen(pages[who], true);
      const at = diary.note(`${who} shares the screen`, now());
      diary.close('seen', who, at);
      diary.open('seen', 'screen', at);
    };
    const unshare = async (who: Name): Promise<void> => {
      await shareScreen(pages[who], false);
      const at = diary.note(`${who} stops sharing`, now());
      diary.open('seen', who, at);
      diary.close('seen', 'screen', at);
    };
    const leave = async (): Promise<void> => {
      const at = now();
      await hangUp(bob);
      diary.note('Bob leaves', at);
      diary.close('heard', 'Bob', at);
      diary.close('seen', 'Bob', at);
    };
    const comeBack = async (): Promise<void> => {
      await enter(bob, 'Bob');
      const since = await firstPacket(ann);
      diary.open('heard', 'Bob', diary.note('Bob is back', since - startedAt));
      await waitForRemoteVideo(ann);
      diary.open('seen', 'Bob', diary.note('Bob is seen again', now()));
    };

    const round: (() => Promise<void>)[] = [
      () => mute('Bob'), () => mute('Ann'), () => unmute('Bob'), () => unmute('Ann'), () => share('Bob'), () => microphone('Bob'), () => unshare('Bob'),
      () => hide('Bob'), () => show('Bob'), () => leave(), () => comeBack(), () => microphone('Ann'), () => camera('Ann'), () => share('Ann'), () => unshare('Ann'),
    ];
    const steps = Array.from({ length: rounds }, () => round).flat();
    for (const [index, step] of steps.entries()) {
      await recordedFor(ann, Math.floor(((index + 1) * seconds) / (steps.length + 1)));
      await step();
    }
    await recordedFor(ann, seconds);
    await clickInside(ann, '.pill .stop');
    await clickButton(ann, 'greenroom-record');
    const file = await download(ann, folder);

    const durationMs = 1000 * ((await probe(file)).duration ?? NaN);
    const pcm = await pcmOf(file);
    return {
      recordedS: durationMs / 1000, done: diary.done,
      ...judgeSound(pcm, tonesOf(pcm, cast), cast, diary, durationMs),
      pictures: await judgePicture(file, cast, diary, Math.min(APART_MS, (450 * seconds) / (steps.length + 1)), durationMs),
    };
  } finally {
    for (const each of launched) await each.close();
    await meeting.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** When the first packet of the other's voice came to this page, epoch ms: from then on there is something to be heard. */
async function firstPacket(page: Page): Promise<number> {
  const handle = await page.waitForFunction(() => {
    const track = window.APP?.store?.getState()['features/base/tracks'].find(({ local, mediaType }) => !local && mediaType === 'audio')?.jitsiTrack.getTrack();
    return track !== undefined && !track.muted ? Date.now() : null;
  }, { timeout: 20_000, polling: 10 });
  return (await handle.jsonValue()) ?? NaN;
}
