import { nameOf, RecorderError, throwIfAborted } from './errors';

/** What the user let us see and hear. */
export interface CaptureReport {
  /** `browser` is a tab. `unknown` where the browser does not say (Firefox). */
  readonly surface: 'browser' | 'window' | 'monitor' | 'unknown';
  /** The browser's label of the captured sound ("Tab audio"), or null: the others will not be heard in the recording. */
  readonly audioLabel: string | null;
  /** Whether it is this very tab; null where the browser does not say. */
  readonly ownTab: boolean | null;
}

/** The owner stops both tracks. */
export interface Capture {
  readonly video: MediaStreamTrack;
  readonly audio: MediaStreamTrack | null;
  readonly report: CaptureReport;
}

/** Chromium's, missing in the DOM typings: https://www.w3.org/TR/capture-handle-identity/ */
interface CaptureHandles {
  setCaptureHandleConfig?: (config: { handle: string; permittedOrigins: string[] }) => void;
}
interface CapturedTrack {
  getCaptureHandle?: () => { readonly handle?: string } | null;
}

/** How long the browser is given to say which tab it captures, ms. */
const HANDLE_MS = 1000;

/** Whether this browser captures a tab with its sound, and this page may ask for it. */
export function canCaptureTab(): boolean {
  const { featurePolicy } = document as { featurePolicy?: { allowsFeature(feature: string): boolean } };
  // Of the browsers that capture, those without a controller (Firefox) have neither tabs to choose nor their sound.
  return 'CaptureController' in window && featurePolicy?.allowsFeature('display-capture') !== false;
}

// Chromium's options that the DOM typings do not know yet; other browsers ignore them.
interface TabCaptureOptions extends DisplayMediaStreamOptions {
  preferCurrentTab: boolean;
  selfBrowserSurface: 'include';
  surfaceSwitching: 'exclude';
  systemAudio: 'exclude';
  audio: MediaTrackConstraints & { suppressLocalAudioPlayback: boolean };
}

const options: TabCaptureOptions = {
  preferCurrentTab: true,
  selfBrowserSurface: 'include',
  // Switching to another tab would replace the picture of the meeting half-way, and its sound with it.
  surfaceSwitching: 'exclude',
  systemAudio: 'exclude',
  video: { displaySurface: 'browser', frameRate: { max: 30 } },
  // The tab's sound is a finished mix, not a microphone: processing would only damage it. And it must stay audible.
  audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false, suppressLocalAudioPlayback: false },
};

/**
 * Asks the user for the current tab. Calls getDisplayMedia before it returns, as browsers demand the user's click.
 * @throws RecorderError `denied`, `unsupported`, `capture`, `aborted`
 */
export async function captureTab(signal: AbortSignal | undefined): Promise<Capture> {
  throwIfAborted(signal);
  // Absent on pages without a secure origin and in mobile browsers, whatever the typings say.
  const devices = navigator.mediaDevices as Partial<MediaDevices> | undefined;
  if (devices?.getDisplayMedia === undefined) throw new RecorderError('unsupported', 'This browser cannot capture a tab');

  const handle = claimTab(devices as CaptureHandles);
  const prompt = devices.getDisplayMedia(options);
  const stream = await abortable(prompt, signal).catch((error: unknown) => {
    if (nameOf(error) === 'NotAllowedError') throw new RecorderError('denied', 'The capture was refused', error);
    throw RecorderError.from(error, 'capture', 'The tab could not be captured');
  });
  const video = stream.getVideoTracks()[0];
  if (video === undefined) {
    stopAll(stream);
    throw new RecorderError('capture', 'The capture has no picture');
  }
  const audio = stream.getAudioTracks()[0] ?? null;
  const surface = surfaceOf(video);
  return { video, audio, report: { surface, audioLabel: audio?.label ?? null, ownTab: surface === 'browser' ? await isOwn(video, handle) : surface === 'unknown' ? null : false } };
}

/** Puts a mark onto this tab that only this site's captures can read. Null where that cannot be done, as in a frame. */
function claimTab(devices: CaptureHandles): string | null {
  if (devices.setCaptureHandleConfig === undefined) return null;
  const handle = crypto.randomUUID();
  try {
    devices.setCaptureHandleConfig({ handle, permittedOrigins: [location.origin] });
    return handle;
  } catch {
    return null;
  }
}

async function isOwn(video: MediaStreamTrack, handle: string | null): Promise<boolean | null> {
  const track = video as CapturedTrack;
  if (handle === null || track.getCaptureHandle === undefined) return null;
  // The mark goes through other processes, and may arrive after the picture.
  if (track.getCaptureHandle()?.handle !== handle) {
    await new Promise<void>((resolve) => {
      video.addEventListener('capturehandlechange', () => resolve(), { once: true });
      setTimeout(resolve, HANDLE_MS);
    });
  }
  return track.getCaptureHandle()?.handle === handle;
}

// The prompt cannot be closed by a script: whatever the user grants after an abort is given back at once.
function abortable(prompt: Promise<MediaStream>, signal: AbortSignal | undefined): Promise<MediaStream> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => {
      reject(new RecorderError('aborted', 'Aborted while asking for the tab', signal?.reason));
      prompt.then(stopAll, () => undefined);
    };
    signal?.addEventListener('abort', giveUp);
    prompt.then(resolve, reject).finally(() => signal?.removeEventListener('abort', giveUp));
  });
}

function stopAll(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

function surfaceOf(track: MediaStreamTrack): CaptureReport['surface'] {
  const { displaySurface } = track.getSettings();
  return displaySurface === 'browser' || displaySurface === 'window' || displaySurface === 'monitor' ? displaySurface : 'unknown';
}
