import type { Page } from 'puppeteer-core';

import { decodeMark, type MarkRead } from '../tools/marks';

/** What arrived at a participant since `watchIncoming` or the last `reset()`. */
export interface Incoming {
  /** Video frames received, from the very first. */
  readonly frames: number;
  /** Frames whose mark could be read, hence showed the sender's background unblurred. */
  readonly marks: number;
  /** The last mark that was read. */
  readonly lastMark: MarkRead | null;
  /** Size of the newest frame. */
  readonly width: number;
  readonly height: number;
  /** Frames that could not be examined; anything but 0 invalidates the counts. */
  readonly failures: number;
}

/** Luma of one received frame, `width` bytes per row. */
export interface LumaPicture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

interface Watcher {
  readonly incoming: { frames: number; marks: number; lastMark: MarkRead | null; width: number; height: number; failures: number };
  readonly onNext: ((plane: Uint8Array, width: number, height: number) => void)[];
}

declare global {
  interface Window {
    greenroomWatch?: Watcher;
  }
}

/**
 * Examines every video frame that this page will receive over WebRTC, from the first one, by an evaluation before the
 * page's own scripts; nothing is added to the page that its policy could refuse. Chromium only. Call it before
 * `page.goto`; a navigation starts the counts again.
 */
export async function watchIncoming(page: Page): Promise<void> {
  // The compilers of the tests may wrap inner functions in a helper that the page does not have.
  const helper = 'const __name = (target) => target;';
  await page.evaluateOnNewDocument(`{ ${helper} (${install.toString()})(${decodeMark.toString()}); }`);
}

/** The counts so far. */
export async function incoming(page: Page): Promise<Incoming> {
  const found = await page.evaluate(() => window.greenroomWatch?.incoming);
  if (!found) throw new Error('watchIncoming() was not called before the page was opened');
  return found;
}

/** Starts the counts again, to look at what follows. */
export async function resetIncoming(page: Page): Promise<void> {
  await page.evaluate(() => {
    if (window.greenroomWatch) Object.assign(window.greenroomWatch.incoming, { frames: 0, marks: 0, lastMark: null, failures: 0 });
  });
}

/** Resolves once `count` more frames have arrived. Rejects after `timeout` ms. */
export async function waitForFrames(page: Page, count: number, timeout = 20_000): Promise<Incoming> {
  const { frames } = await incoming(page);
  await page.waitForFunction((target) => (window.greenroomWatch?.incoming.frames ?? 0) >= target, { timeout, polling: 50 }, frames + count);
  return incoming(page);
}

/** The next frame that arrives, as luma. */
export async function nextPicture(page: Page): Promise<LumaPicture> {
  const { width, height, base64 } = await page.evaluate(() => new Promise<{ width: number; height: number; base64: string }>((resolve, reject) => {
    if (!window.greenroomWatch) {
      reject(new Error('watchIncoming() was not called before the page was opened'));
      return;
    }
    window.greenroomWatch.onNext.push((plane, width, height) => {
      let text = '';
      for (let start = 0; start < plane.length; start += 8192) text += String.fromCharCode(...plane.subarray(start, start + 8192));
      resolve({ width, height, base64: btoa(text) });
    });
  }));
  return { width, height, data: new Uint8Array(Buffer.from(base64, 'base64')) };
}

/** Runs in the page. Reaches nothing outside itself. */
function install(decode: typeof decodeMark): void {
  const incoming: Watcher['incoming'] = { frames: 0, marks: 0, lastMark: null, width: 0, height: 0, failures: 0 };
  const onNext: Watcher['onNext'] = [];
  window.greenroomWatch = { incoming, onNext };

  const examine = async (frame: VideoFrame): Promise<void> => {
    const { width, height } = frame.visibleRect ?? { width: frame.codedWidth, height: frame.codedHeight };
    const buffer = new Uint8Array(frame.allocationSize());
    const [layout] = await frame.copyTo(buffer);
    const stride = layout?.stride ?? width;
    let plane: Uint8Array;
    if (frame.format === 'I420' || frame.format === 'NV12' || frame.format === 'I420A') {
      plane = new Uint8Array(width * height);
      for (let y = 0; y < height; y++) plane.set(buffer.subarray((layout?.offset ?? 0) + y * stride, (layout?.offset ?? 0) + y * stride + width), y * width);
    } else {
      // Four bytes per pixel. Green stands for luma: marks are black and white.
      plane = Uint8Array.from({ length: width * height }, (_, i) => buffer[Math.floor(i / width) * stride + (i % width) * 4 + 1] ?? 0);
    }
    const mark = decode(plane, width, height, width);
    incoming.width = width;
    incoming.height = height;
    if (mark) {
      incoming.marks++;
      incoming.lastMark = mark;
    }
    incoming.frames++;
    for (const listener of onNext.splice(0)) listener(plane, width, height);
  };

  const read = async (track: MediaStreamTrack): Promise<void> => {
    const reader = new MediaStreamTrackProcessor({ track: track as MediaStreamVideoTrack, maxBufferSize: 120 }).readable.getReader();
    // Taken at once and examined in turn, so that a busy page skips no frame; a frame still in the browser's own queue when
    // the track ends would never be closed, and the browser complains of that as if the page had lost it.
    let examined = Promise.resolve();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      examined = examined.then(async () => {
        await examine(value).catch(() => incoming.failures++);
        value.close();
      });
    }
  };

  const Original = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Original {
    constructor(...parameters: ConstructorParameters<typeof RTCPeerConnection>) {
      super(...parameters);
      // Before the page's own listeners. The track itself, not a copy: it is this very object that the page plays.
      this.addEventListener('track', ({ track }) => {
        if (track.kind === 'video') read(track).catch(() => incoming.failures++);
      });
    }
  };
}
