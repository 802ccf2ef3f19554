import { CoverFrames } from '../cover';
import type { GuardRequest } from '../guard';
import { Guard } from '../guard';
import type { EffectSpec } from '../spec';
import type { Pipeline } from './pipeline';

/**
 * Chromium: the camera's frames as a stream, the output's frames as a stream. Both are transferred to the workers as
 * soon as an effect needs it; until then the page itself pumps, passing frames on or replacing them by the cover card.
 */
export class StreamsPipeline implements Pipeline {
  readonly output: MediaStreamTrack;
  readonly #guard: Guard;
  readonly #cover: CoverFrames;
  readonly #sink: MediaStreamTrackGenerator<VideoFrame>;
  readonly #size: { width: number; height: number };
  readonly #camera: MediaStreamTrack;
  /** Set while the page itself reads the camera: ends that, once the frame that it waits for has come. */
  #leave: ((then: () => void) => void) | undefined;
  #release: (() => void) | undefined;
  /** Whoever waits for the pump to have no frame in hand. */
  #onRest: (() => void) | undefined;

  static get supported(): boolean {
    return typeof MediaStreamTrackProcessor === 'function' && typeof MediaStreamTrackGenerator === 'function';
  }

  constructor(camera: MediaStreamTrack, request: GuardRequest) {
    const { width = 640, height = 360 } = camera.getSettings();
    this.#camera = camera;
    this.#size = { width, height };
    this.#sink = new MediaStreamTrackGenerator({ kind: 'video' });
    this.output = this.#sink;
    this.#cover = new CoverFrames(request.cover);
    this.#guard = new Guard(request, {
      streams: {
        rest: () =>
          new Promise<void>((resolve) => {
            this.#onRest = resolve;
            setTimeout(resolve, LONGEST_FRAME_MS);
          }),
        // Read anew for every worker: what was given to one that died is lost with it.
        readable: () => sourceOf(camera).readable,
        writable: () => {
          this.#release?.();
          return { writable: this.#sink.writable, ...this.#size };
        },
      },
      // Frames never come back to the page on this pipeline.
      onFrame: (frame) => frame.close(),
      onDropped: () => undefined,
      onEnded: () => this.#stopCamera(),
    });
    void this.#pump(sourceOf(camera).readable);
  }

  update(spec: EffectSpec): void {
    this.#guard.update(spec);
  }

  dispose(): void {
    this.#guard.end();
    this.#cover.dispose();
  }

  /**
   * Chromium loses a frame that comes while a read is given up, be it that the reader is cancelled or the camera stopped: it
   * is never closed, and the console says so. Whoever reads is therefore given its frame first.
   */
  #stopCamera(): void {
    if (!this.#leave) {
      this.#camera.stop();
      return;
    }
    const late = setTimeout(() => this.#camera.stop(), LONGEST_FRAME_MS);
    this.#leave(() => {
      clearTimeout(late);
      this.#camera.stop();
    });
  }

  async #pump(readable: ReadableStream<VideoFrame>): Promise<void> {
    const reader = readable.getReader();
    const writer = this.#sink.writable.getWriter();
    let over = false;
    const isOver = (): boolean => over;
    let afterwards: () => void = () => undefined;
    this.#leave = (then) => {
      over = true;
      afterwards = then;
    };
    this.#release = () => {
      over = true;
      this.#release = undefined;
      writer.releaseLock();
    };
    try {
      // The first picture leaves at once, so that nobody waits for a camera that starts slowly.
      if (this.#guard.rule !== 'pass') await send(writer, this.#cover.frame(this.#size.width, this.#size.height, performance.now() * 1000));
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        if (isOver()) {
          next.value.close();
          return;
        }
        await this.#forward(next.value, writer);
        if (this.#onRest) {
          this.#onRest();
          this.#onRest = undefined;
          await new Promise((resolve) => setTimeout(resolve));
        }
        if (isOver()) return;
      }
      // The camera ended; or this was released, and the writer is no longer ours to close.
      await writer.close();
    } catch {
      // The output was stopped: this pump has nothing left to do.
    } finally {
      this.#leave = undefined;
      void reader.cancel().catch(() => undefined);
      afterwards();
    }
  }

  async #forward(frame: VideoFrame, writer: WritableStreamDefaultWriter<VideoFrame>): Promise<void> {
    if (this.#guard.ruleFor(frame) === 'pass') {
      await send(writer, frame);
      return;
    }
    const { displayWidth, displayHeight, timestamp } = frame;
    frame.close();
    await send(writer, this.#cover.frame(displayWidth, displayHeight, timestamp));
  }
}

/** A camera that gives nothing for so long has no frame on its way either. */
const LONGEST_FRAME_MS = 500;

/** The output closes what it takes; what it refuses, because it was handed over or stopped meanwhile, is closed here. */
const send = (writer: WritableStreamDefaultWriter<VideoFrame>, frame: VideoFrame): Promise<void> =>
  writer.write(frame).catch((error: unknown) => {
    frame.close();
    throw error;
  });

const sourceOf = (camera: MediaStreamTrack) => new MediaStreamTrackProcessor({ track: camera as MediaStreamVideoTrack, maxBufferSize: 1 });
