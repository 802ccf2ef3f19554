import { BlurCompositor, fullPlanes, toRgba } from './compositor/blur';
import { FrameReader, visibleSize } from './compositor/frames';
import { plane } from './compositor/planes';
import { CoverFrames } from './cover';
import type { FromWorker, LaneState, SegmenterAssets, ToWorker } from './protocol';
import { MASK_HEIGHT, MASK_WIDTH, Segmenter } from './segmenter/segmenter';
import type { EffectSpec } from './spec';
import { EffectError, toFailure } from './spec';

/** The part of DedicatedWorkerGlobalScope used here; the DOM and worker type libraries exclude each other. */
interface WorkerScope {
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
}
const scope = self as unknown as WorkerScope;

/** One segmenter for all cameras of the page, loaded when the first effect needs it. */
class SharedSegmenter {
  #loading: Promise<Segmenter> | undefined;
  ready: Segmenter | undefined;

  /** @throws EffectError; the next call tries again */
  load(assets: SegmenterAssets): Promise<Segmenter> {
    this.#loading ??= Segmenter.load(assets).then(
      (segmenter) => (this.ready = segmenter),
      (error: unknown) => {
        this.#loading = undefined;
        throw error;
      },
    );
    return this.#loading;
  }
}
const segmenter = new SharedSegmenter();

/**
 * One camera's way through the worker. Whatever happens in {@link transform}, a raw frame comes out of it only while
 * the effect is `none` and raw frames are allowed.
 */
class Lane {
  readonly #id: number;
  readonly #allowRaw: boolean;
  readonly #assets: SegmenterAssets;
  readonly #cover: CoverFrames;
  readonly #reader = new FrameReader();
  readonly #picture = new ImageData(MASK_WIDTH, MASK_HEIGHT);
  readonly #pictureScratch = fullPlanes(MASK_WIDTH, MASK_HEIGHT);
  readonly #mask = plane(MASK_WIDTH, MASK_HEIGHT);
  readonly #fresh = new Uint8Array(MASK_WIDTH * MASK_HEIGHT);
  #hasMask = false;
  #stop: () => void = () => undefined;
  #compositor: BlurCompositor | undefined;
  #spec: EffectSpec;
  #state: LaneState | undefined;

  constructor({ lane, spec, cover, allowRaw, assets }: Extract<ToWorker, { type: 'open' }>) {
    this.#id = lane;
    this.#allowRaw = allowRaw;
    this.#assets = assets;
    this.#cover = new CoverFrames(cover);
    this.#spec = spec;
    this.#prepare();
  }

  update(spec: EffectSpec): void {
    this.#spec = spec;
    this.#state = undefined; // whatever comes of it is news
    this.#prepare();
  }

  /** Runs until the camera ends, the output is stopped or the lane is closed. */
  async run(readable: ReadableStream<VideoFrame>, writable: WritableStream<VideoFrame>): Promise<void> {
    const reader = readable.getReader();
    const writer = writable.getWriter();
    this.#stop = () => void reader.cancel().catch(() => undefined);
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        const out = await this.transform(next.value);
        await writer.write(out).catch((error: unknown) => {
          out.close();
          throw error;
        });
      }
      await writer.close(); // the camera ended: so does the output
    } catch {
      await reader.cancel().catch(() => undefined); // the output was stopped: nothing can leave any more
    }
    this.#tell({ kind: 'ended' });
  }

  /**
   * @param frame is consumed: closed, or handed on when nothing is to be done to it
   * @returns the frame that may leave
   */
  async transform(frame: VideoFrame): Promise<VideoFrame> {
    const spec = this.#spec;
    if (spec.kind === 'none' && this.#allowRaw) {
      this.#tell({ kind: 'passing' });
      return frame;
    }
    const { width, height } = visibleSize(frame);
    const { timestamp } = frame;
    try {
      const out = spec.kind === 'none' ? undefined : await this.#blur(frame, spec.strength);
      if (out) {
        this.#tell({ kind: 'running' });
        return out;
      }
    } catch (error) {
      this.#hasMask = false;
      this.#tell({ kind: 'failed', failure: toFailure('frame-failed', error) });
    } finally {
      frame.close();
    }
    return this.#cover.frame(width, height, timestamp);
  }

  close(): void {
    this.#stop();
    this.#cover.dispose();
  }

  #prepare(): void {
    if (this.#spec.kind === 'none' || segmenter.ready) return;
    this.#tell({ kind: 'covered' });
    segmenter.load(this.#assets).catch((error: unknown) => {
      if (this.#spec.kind === 'none') return;
      this.#tell({ kind: 'failed', failure: error instanceof EffectError ? error.failure : toFailure('engine-unavailable', error) });
    });
  }

  async #blur(frame: VideoFrame, strength: number): Promise<VideoFrame | undefined> {
    const engine = segmenter.ready;
    if (!engine) return undefined;
    const picture = await this.#reader.read(frame);
    toRgba(picture, this.#picture, this.#pictureScratch);
    engine.segment(this.#picture, this.#fresh);
    // Half of the last mask stays: enough against flicker at rest, gone within two frames of a move.
    const mask = this.#mask.data;
    for (let i = 0; i < mask.length; i++) mask[i] = this.#hasMask ? (mask[i]! + this.#fresh[i]! + 1) >> 1 : this.#fresh[i]!;
    this.#hasMask = true;
    const { width, height } = picture.y;
    if (this.#compositor?.width !== width || this.#compositor.height !== height) this.#compositor = new BlurCompositor(width, height);
    this.#compositor.apply(picture, this.#mask, strength);
    return this.#reader.write(frame);
  }

  #tell(state: LaneState): void {
    if (this.#state?.kind === state.kind && (state.kind !== 'failed' || (this.#state.kind === 'failed' && this.#state.failure.code === state.failure.code))) return;
    this.#state = state;
    scope.postMessage({ type: 'state', lane: this.#id, state });
  }
}

const lanes = new Map<number, Lane>();
let ticking: ReturnType<typeof setInterval> | undefined;

scope.onmessage = ({ data: message }) => {
  switch (message.type) {
    case 'open': {
      const lane = new Lane(message);
      lanes.set(message.lane, lane);
      if (message.streams) void lane.run(message.streams.readable, message.streams.writable);
      break;
    }
    case 'frame': {
      const { lane: id, frame } = message;
      const lane = lanes.get(id);
      if (!lane) {
        frame.close();
        scope.postMessage({ type: 'dropped', lane: id });
        break;
      }
      lane.transform(frame).then(
        (out) => scope.postMessage({ type: 'frame', lane: id, frame: out }, [out]),
        () => scope.postMessage({ type: 'dropped', lane: id }),
      );
      break;
    }
    case 'update':
      lanes.get(message.lane)?.update(message.spec);
      break;
    case 'close':
      lanes.get(message.lane)?.close();
      lanes.delete(message.lane);
      break;
    case 'ticks':
      clearInterval(ticking);
      ticking = message.periodMs > 0 ? setInterval(() => scope.postMessage({ type: 'tick' }), message.periodMs) : undefined;
      break;
  }
};

scope.postMessage({ type: 'ready' });
