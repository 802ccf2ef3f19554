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
  /** Until it is handed over. */
  #source: MediaStreamTrackProcessor<VideoFrame> | undefined;
  readonly #sink: MediaStreamTrackGenerator<VideoFrame>;
  readonly #size: { width: number; height: number };
  #release: (() => void) | undefined;

  static get supported(): boolean {
    return typeof MediaStreamTrackProcessor === 'function' && typeof MediaStreamTrackGenerator === 'function';
  }

  constructor(camera: MediaStreamTrack, request: GuardRequest) {
    const { width = 640, height = 360 } = camera.getSettings();
    this.#size = { width, height };
    this.#source = sourceOf(camera);
    this.#sink = new MediaStreamTrackGenerator({ kind: 'video' });
    this.output = this.#sink;
    this.#cover = new CoverFrames(request.cover);
    this.#guard = new Guard(request, {
      streams: {
        readable: () => {
          // What was given to a worker that died is lost with it; a camera can be read anew.
          const source = this.#source ?? sourceOf(camera);
          this.#source = undefined;
          return source.readable;
        },
        writable: () => {
          this.#release?.();
          return { writable: this.#sink.writable, ...this.#size };
        },
      },
      // Frames never come back to the page on this pipeline.
      onFrame: (frame) => frame.close(),
      onDropped: () => undefined,
    });
    void this.#pump(this.#source.readable);
  }

  update(spec: EffectSpec): void {
    this.#guard.update(spec);
  }

  dispose(): void {
    this.#guard.end();
    this.#release?.();
    this.#cover.dispose();
  }

  async #pump(readable: ReadableStream<VideoFrame>): Promise<void> {
    const reader = readable.getReader();
    const writer = this.#sink.writable.getWriter();
    const pump = { running: true };
    this.#release = () => {
      this.#release = undefined;
      pump.running = false;
      reader.releaseLock();
      writer.releaseLock();
    };
    try {
      // The first picture leaves at once, so that nobody waits for a camera that starts slowly.
      if (this.#guard.rule !== 'pass') await writer.write(this.#cover.frame(this.#size.width, this.#size.height, performance.now() * 1000));
      while (pump.running) {
        const { done, value: frame } = await reader.read();
        if (done) {
          await writer.close();
          break;
        }
        await this.#forward(frame, writer);
      }
    } catch {
      // Handed over to the worker, or the output was stopped: either way this pump has nothing left to do.
    }
  }

  async #forward(frame: VideoFrame, writer: WritableStreamDefaultWriter<VideoFrame>): Promise<void> {
    if (this.#guard.ruleFor(frame) === 'pass') {
      await writer.write(frame).catch((error: unknown) => {
        frame.close();
        throw error;
      });
      return;
    }
    const { displayWidth, displayHeight, timestamp } = frame;
    frame.close();
    await writer.write(this.#cover.frame(displayWidth, displayHeight, timestamp));
  }
}

const sourceOf = (camera: MediaStreamTrack) => new MediaStreamTrackProcessor({ track: camera as MediaStreamVideoTrack, maxBufferSize: 1 });
