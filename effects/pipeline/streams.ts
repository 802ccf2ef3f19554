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
  #release: (() => void) | undefined;
  /** Whoever waits for the pump to have no frame in hand. */
  #onRest: (() => void) | undefined;

  static get supported(): boolean {
    return typeof MediaStreamTrackProcessor === 'function' && typeof MediaStreamTrackGenerator === 'function';
  }

  constructor(camera: MediaStreamTrack, request: GuardRequest) {
    const { width = 640, height = 360 } = camera.getSettings();
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

  async #pump(readable: ReadableStream<VideoFrame>): Promise<void> {
    const reader = readable.getReader();
    const writer = this.#sink.writable.getWriter();
    let released = false;
    const isReleased = (): boolean => released;
    const release = (): void => {
      if (released) return;
      released = true;
      this.#release = undefined;
      void reader.cancel().catch(() => undefined);
      writer.releaseLock();
    };
    this.#release = release;
    try {
      // The first picture leaves at once, so that nobody waits for a camera that starts slowly.
      if (this.#guard.rule !== 'pass') await send(writer, this.#cover.frame(this.#size.width, this.#size.height, performance.now() * 1000));
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        await this.#forward(next.value, writer);
        if (!this.#onRest) continue;
        this.#onRest();
        this.#onRest = undefined;
        await new Promise((resolve) => setTimeout(resolve));
        if (isReleased()) return;
      }
      // The camera ended; or this was released, and the writer is no longer ours to close.
      await writer.close();
    } catch {
      // Handed over to the worker, or the output was stopped: either way this pump has nothing left to do.
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
