/**
 * Reads frame numbers off the page's thread: those on the chest, to tell how long frames take from camera to output, or
 * those in the background, to tell which frames of an output are raw.
 */
import { decodeMark } from '../tools/marks';
import type { ChestRect } from './chest';
import { chestRect, readChest } from './chest';

export type ToReader =
  | { readonly type: 'latency'; readonly camera: ReadableStream<VideoFrame>; readonly output: ReadableStream<VideoFrame> }
  | { readonly type: 'raw'; readonly output: ReadableStream<VideoFrame> }
  /** Asks for everything since the last time. */
  | { readonly type: 'report' };

export interface ReaderReport {
  /** How much later than at the camera each frame came out, ms. */
  readonly latencies: readonly number[];
  readonly frames: number;
  /** Frames whose background could be read. */
  readonly raw: number;
}

const scope = self as unknown as { postMessage(report: ReaderReport): void; onmessage: ((event: MessageEvent<ToReader>) => void) | null };
let latencies: number[] = [];
let frames = 0;
let raw = 0;

/** Luma of a part of a frame; of RGB, green stands in, for marks are grey. */
const lumaOf = async (frame: VideoFrame, rect: { x: number; y: number; width: number; height: number }): Promise<Uint8Array> => {
  const planar = frame.format !== null && /^(I420|NV12)/.test(frame.format);
  const options: VideoFrameCopyToOptions = planar ? { rect } : { rect, format: 'RGBA' };
  const bytes = new Uint8Array(frame.allocationSize(options));
  await frame.copyTo(bytes, options);
  const area = rect.width * rect.height;
  return planar ? bytes.subarray(0, area) : Uint8Array.from({ length: area }, (_, i) => bytes[4 * i + 1]!);
};

const each = async (stream: ReadableStream<VideoFrame>, look: (frame: VideoFrame, at: number) => Promise<void>): Promise<void> => {
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    const at = performance.now();
    await look(next.value, at);
    next.value.close();
  }
};

const numberOf = async (frame: VideoFrame): Promise<number | null> => {
  const rect: ChestRect = chestRect(frame.codedWidth, frame.codedHeight);
  const { x, y, width, height } = rect;
  return readChest(await lumaOf(frame, { x, y, width, height }), rect);
};

const cameraTimes = new Map<number, number>();

scope.onmessage = ({ data }) => {
  switch (data.type) {
    case 'latency':
      void each(data.camera, async (frame, at) => {
        const number = await numberOf(frame);
        if (number !== null) cameraTimes.set(number, at);
      });
      void each(data.output, async (frame, at) => {
        frames++;
        const number = await numberOf(frame);
        const made = number === null ? undefined : cameraTimes.get(number);
        if (number === null || made === undefined) return;
        cameraTimes.delete(number); // an output may show a frame twice
        latencies.push(at - made);
      });
      break;
    case 'raw':
      void each(data.output, async (frame) => {
        frames++;
        const { codedWidth: width, codedHeight: height } = frame;
        if (decodeMark(await lumaOf(frame, { x: 0, y: 0, width, height }), width, height, width)) raw++;
      });
      break;
    case 'report':
      scope.postMessage({ latencies, frames, raw });
      latencies = [];
      frames = 0;
      raw = 0;
      break;
  }
};
