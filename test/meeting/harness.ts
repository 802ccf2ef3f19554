import type { Frame, Page } from 'puppeteer-core';

import { startProxy } from './proxy';
import { type Meeting, type MeetingOptions, startMeeting } from './server';

export interface OpenedMeeting extends Meeting {
  /** False where it is a real Jitsi Meet behind the proxy: `config`, `basePath` and `dist` have no effect there. */
  readonly standIn: boolean;
}

/**
 * The meeting the tests run against: the stand-in or, if `GREENROOM_JITSI` holds an address, that Jitsi Meet behind
 * a proxy which adds the plugin. Either way the caller ends it with `stop()`.
 */
export async function openMeeting(options: MeetingOptions = {}): Promise<OpenedMeeting> {
  const site = process.env['GREENROOM_JITSI'];
  if (site === undefined || site === '') return { ...(await startMeeting(options)), standIn: true };
  const { plugin, greenroom, missing, port } = options;
  const given = { ...(plugin === undefined ? {} : { plugin }), ...(greenroom === undefined ? {} : { greenroom }), ...(missing === undefined ? {} : { missing }), ...(port === undefined ? {} : { port }) };
  return { ...(await startProxy({ target: new URL(site), ...given })), standIn: false };
}

export interface JoinOptions {
  /** Display name. Default "Guest". */
  readonly name?: string;
  /** More `config.…` overrides for the address, by their names without "config.". */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** The address of a room, with what keeps a real Jitsi Meet from asking questions first. */
export function roomUrl(meeting: Meeting, room: string, { name = 'Guest', config = {} }: JoinOptions = {}): string {
  const settings = { 'prejoinConfig.enabled': false, prejoinPageEnabled: false, requireDisplayName: false, 'p2p.enabled': true, disableDeepLinking: true, ...config };
  const parts = [...Object.entries(settings).map(([key, value]) => [`config.${key}`, value] as const), ['userInfo.displayName', name] as const];
  return `${meeting.url(room)}#${parts.map(([key, value]) => `${key}=${encodeURIComponent(JSON.stringify(value))}`).join('&')}`;
}

/**
 * Opens a room and waits until it is joined. Camera and microphone have to be allowed for the meeting's origin, by
 * the browser's `allow` option or `allowMedia()`.
 * @throws if the site does not answer, or it is not joined within 30 s, with the page's notices
 */
export async function join(page: Page, meeting: Meeting, room: string, options: JoinOptions = {}): Promise<void> {
  // Another fragment of the same address is no navigation: the page has to be asked to start again.
  const answer = (await page.goto(roomUrl(meeting, room, options))) ?? (await page.reload());
  if (answer?.ok() === false) throw new Error(`${meeting.url(room)} answers ${answer.status()}: ${(await answer.text()).slice(0, 200)}`);
  await page.waitForFunction(() => window.APP?.conference.isJoined() === true && window.APP.conference._room !== undefined, { timeout: 30_000, polling: 50 }).catch(async () => {
    const notices = await page.$$eval('#notifications-container > *, [role=alert]', (elements) => elements.map(({ textContent }) => textContent));
    throw new Error(`${room} was not joined within 30 s: ${notices.join('; ') || 'no notice'}`);
  });
}

/** The size of a participant's video, once its pictures are being decoded here. With two in the room: the other's. */
export async function waitForRemoteVideo(page: Page, timeout = 20_000): Promise<{ width: number; height: number }> {
  const handle = await page.waitForFunction(async () => {
    const track = window.APP?.store?.getState()['features/base/tracks'].find(({ local, mediaType, muted }) => !local && mediaType === 'video' && !muted);
    if (!track) return null;
    // An element of our own, so that nothing depends on how the app lays out its page.
    const video = document.createElement('video');
    video.muted = true;
    video.srcObject = new MediaStream([track.jitsiTrack.getTrack()]);
    try {
      const seen = new Promise<void>((resolve) => video.requestVideoFrameCallback(() => resolve()));
      await video.play();
      await Promise.race([seen, new Promise((resolve) => setTimeout(resolve, 1000))]);
      return video.videoWidth > 0 && video.currentTime > 0 ? { width: video.videoWidth, height: video.videoHeight } : null;
    } catch {
      // The track was replaced meanwhile.
      return null;
    } finally {
      video.srcObject = null;
    }
  }, { timeout, polling: 100 });
  const size = await handle.jsonValue();
  if (size === null) throw new Error('no remote video');
  return size;
}

/** Waits until the other participant's camera or microphone is seen as muted, or not, here. */
export async function waitForRemoteMute(page: Page, type: 'audio' | 'video', muted: boolean, timeout = 10_000): Promise<void> {
  await page.waitForFunction((type, muted) => {
    const track = window.APP?.store?.getState()['features/base/tracks'].find(({ local, mediaType }) => !local && mediaType === type);
    return track?.muted === muted;
  }, { timeout, polling: 50 }, type, muted);
}

/** Mutes or unmutes one's own camera as the toolbar does, and waits until the library has done it. */
export async function muteCamera(page: Page, mute: boolean): Promise<void> {
  await page.evaluate((mute) => void window.APP?.conference.muteVideo(mute), mute);
  await page.waitForFunction((mute) => window.APP?.conference.isLocalVideoMuted() === mute, { timeout: 10_000, polling: 50 }, mute);
}

/** Mutes or unmutes one's own microphone as the toolbar does, and waits until the library has done it. */
export async function muteMicrophone(page: Page, mute: boolean): Promise<void> {
  await page.evaluate((mute) => void window.APP?.conference.muteAudio(mute), mute);
  await page.waitForFunction((mute) => {
    const track = window.APP?.store?.getState()['features/base/tracks'].find(({ local, mediaType }) => local && mediaType === 'audio');
    return track?.muted === mute;
  }, { timeout: 10_000, polling: 50 }, mute);
}

/**
 * Chooses a camera as the device menu does, and waits until the new local track has taken the old one's place.
 * @param deviceId default: the one in use, which is opened anew
 */
export async function changeCamera(page: Page, deviceId?: string): Promise<void> {
  await changeDevice(page, 'video', deviceId ?? (await page.evaluate(async () => {
    const devices = await navigator.mediaDevices.enumerateDevices();
    return devices.find(({ kind }) => kind === 'videoinput')?.deviceId ?? '';
  })));
}

/**
 * Chooses a microphone as the device menu does, and waits until the new local track has taken the old one's place.
 * @param deviceId by default the system's, which is opened anew if it is in use
 */
export async function changeMicrophone(page: Page, deviceId = 'default'): Promise<void> {
  await changeDevice(page, 'audio', deviceId);
}

async function changeDevice(page: Page, type: 'audio' | 'video', deviceId: string): Promise<void> {
  const before = await page.evaluateHandle((type) => window.APP?.store?.getState()['features/base/tracks'].find(({ local, mediaType }) => local && mediaType === type)?.jitsiTrack, type);
  await page.evaluate((action, deviceId) => void window.APP?.store?.dispatch({ type: action, deviceId }), type === 'video' ? 'SET_VIDEO_INPUT_DEVICE' : 'SET_AUDIO_INPUT_DEVICE', deviceId);
  await page.waitForFunction((before, type) => {
    const track = window.APP?.store?.getState()['features/base/tracks'].find(({ local, mediaType }) => local && mediaType === type)?.jitsiTrack;
    return track !== undefined && track !== before;
  }, { timeout: 10_000, polling: 50 }, before, type);
  await before.dispose();
}

/** Starts or stops sharing the screen as the toolbar does, and waits until the local video is of that kind. */
export async function shareScreen(page: Page, share: boolean): Promise<void> {
  await page.evaluate((share) => void window.APP?.conference.toggleScreenSharing(share), share);
  await page.waitForFunction((share) => {
    const tracks = window.APP?.store?.getState()['features/base/tracks'] ?? [];
    return tracks.some(({ local, videoType, muted }) => local && videoType === 'desktop' && !muted) === share;
  }, { timeout: 10_000, polling: 50 }, share);
}

/** Ids of the buttons that plugins have put into the toolbar. */
export async function customButtons(page: Page): Promise<string[]> {
  return page.evaluate(() => (window.config?.customToolbarButtons ?? []).map(({ id }) => id));
}

/** What the app does when a custom button is clicked. */
export async function clickButton(page: Page | Frame, id: string): Promise<void> {
  await page.evaluate((id) => window.APP?.API.notifyToolbarButtonClicked(id, false), id);
}

/** Leaves the meeting, and waits until the app has let go of the room. */
export async function hangUp(page: Page): Promise<void> {
  await page.evaluate(() => void window.APP?.conference.hangup());
  await page.waitForFunction(() => window.APP?.conference.isJoined() !== true, { timeout: 10_000, polling: 50 });
}
