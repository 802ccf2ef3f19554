import type { Backdrop } from './backdrop/backdrop';
import { loadBackdrop } from './backdrop/backdrop';
import { colourFor } from './backdrop/colour';
import { makeCutOut } from './compositor/cut-out';
import { isFullRange, makeFrame, readFrame, visibleSize } from './compositor/frames';
import type { Background } from './compositor/planar';
import { MODEL_HEIGHT, MODEL_WIDTH, PlanarCompositor } from './compositor/planar';
import { CoverFrames } from './cover';
import { FULL_EFFORT, Governor, MachinePressure } from './governor';
import type { Kernel } from './kernel/kernel';
import { loadKernel } from './kernel/kernel';
import { holdLife } from './life';
import type { EngineAssets, FromWorker, LaneState, ToSink, ToWorker } from './protocol';
import type { Segmenter } from './segmenter/segmenter';
import { loadSegmenter } from './segmenter/segmenter';
import type { EffectSpec } from './spec';
import { EffectError, toFailure } from './spec';
import { isBlurredBySystem } from './system-blur';

/** The part of DedicatedWorkerGlobalScope used here; the DOM and worker type libraries exclude each other. */
interface WorkerScope {
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
}
const scope = self as unknown as WorkerScope;

interface Engine {
  readonly segmenter: Segmenter;
  readonly makeKernel: () => Kernel;
}

/** One segmenter and one compiled kernel for all cameras of the page, loaded when the first effect needs them. */
class SharedEngine {
  #loading: Promise<Engine> | undefined;
  ready: Engine | undefined;

  /** @throws EffectError; the next call tries again */
  load(assets: EngineAssets): Promise<Engine> {
    this.#loading ??= this.#start(assets).catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  async #start(assets: EngineAssets): Promise<Engine> {
    // The kernel first: it is small, and a segmenter that was made for nothing would have to be closed again.
    const makeKernel = await loadKernel(assets.kernel).catch((error: unknown) => {
      throw new EffectError('engine-unavailable', error);
    });
    this.ready = { segmenter: await loadSegmenter(assets), makeKernel };
    return this.ready;
  }
}
const engine = new SharedEngine();

/** A camera that gives nothing for so long has no frame on its way either. */
const LONGEST_FRAME_MS = 500;

/** A person may have moved away from an older mask, whatever the governor wants. */
const LONGEST_MASK_US = 150_000;

/** An effect that has all it needs. */
type Scene = Extract<EffectSpec, { kind: 'blur' | 'colour' | 'transparent' }> | { readonly kind: 'picture'; readonly backdrop: Backdrop };

/**
 * One camera's way through the worker. Whatever happens in {@link transform}, a raw frame comes out of it only while
 * the effect is `none` and raw frames are allowed.
 */
class Lane {
  readonly #id: number;
  readonly #allowRaw: boolean;
  readonly #trustSystemBlur: boolean;
  readonly #assets: EngineAssets;
  readonly #cover: CoverFrames;
  readonly #input = new ImageData(MODEL_WIDTH, MODEL_HEIGHT);
  readonly #mask = new Uint8Array(MODEL_WIDTH * MODEL_HEIGHT);
  /** Of what frame {@link #mask} is, and how many have used it since. */
  #made: { frames: number; readonly timestamp: number; readonly width: number; readonly height: number } | undefined;
  readonly #pressure: MachinePressure | undefined;
  readonly #governor: Governor | undefined;
  #stop: () => void = () => undefined;
  #compositor: PlanarCompositor | undefined;
  #spec: EffectSpec;
  /** What frames are made into; not yet that of the specification while its picture loads. None: the cover card. */
  #scene: Scene | undefined;
  #state: LaneState | undefined;
  /** Why there is no effect to show, whenever that is so. */
  #obstacle: LaneState = { kind: 'covered' };
  #closed = false;
  /** What the camera's settings say; a frame's own word counts more. */
  systemBlur = false;

  constructor({ lane, spec, cover, allowRaw, trustSystemBlur, maskRate, assets }: Extract<ToWorker, { type: 'open' }>) {
    this.#id = lane;
    this.#allowRaw = allowRaw;
    this.#trustSystemBlur = trustSystemBlur;
    if (maskRate === 'governed') {
      const pressure = (this.#pressure = new MachinePressure());
      this.#governor = new Governor(() => pressure.isCritical);
    }
    this.#assets = assets;
    this.#cover = new CoverFrames(cover);
    this.#spec = spec;
    this.#prepare();
  }

  update(spec: EffectSpec): void {
    // After the raw camera there is no effect to go on with while a picture loads.
    if (this.#spec.kind === 'none') this.#show(undefined);
    this.#spec = spec;
    this.#obstacle = { kind: 'covered' };
    this.#state = undefined; // whatever comes of it is news
    this.#prepare();
  }

  /** Runs until the camera ends or the lane is closed. */
  async run(readable: ReadableStream<VideoFrame>, sink: MessagePort): Promise<void> {
    const post = (message: ToSink, transfer: Transferable[] = []): void => sink.postMessage(message, transfer);
    const reader = readable.getReader();
    const cancel = (): void => void reader.cancel().catch(() => undefined);
    // A frame that comes while a read is cancelled is lost without being closed: the next one ends this, if there is any.
    this.#stop = () => void setTimeout(cancel, LONGEST_FRAME_MS);
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      if (this.#closed) {
        next.value.close();
        cancel();
        break;
      }
      // Not even a card could be made, as without memory: the other side has one.
      const frame = await this.transform(next.value).catch(() => undefined);
      if (frame) post({ type: 'frame', frame }, [frame]);
      else post({ type: 'card' });
    }
    post({ type: 'end' });
    sink.close();
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
    if (spec.kind === 'blur' && this.#trustSystemBlur && isBlurredBySystem(frame, this.systemBlur)) {
      this.#tell({ kind: 'system' });
      return frame;
    }
    const { width, height } = visibleSize(frame);
    const { timestamp } = frame;
    try {
      const out = spec.kind === 'none' || !this.#scene ? undefined : await this.#render(frame);
      if (out) {
        this.#tell({ kind: 'running' });
        return out;
      }
      if (this.#state?.kind === 'system') this.#tell(this.#obstacle);
    } catch (error) {
      this.#tell({ kind: 'failed', failure: error instanceof EffectError ? error.failure : toFailure('frame-failed', error) });
    } finally {
      frame.close();
    }
    return this.#cover.frame(width, height, timestamp);
  }

  close(): void {
    this.#closed = true;
    this.#pressure?.close();
    this.#stop();
    this.#show(undefined);
    this.#cover.dispose();
  }

  #prepare(): void {
    const spec = this.#spec;
    if (spec.kind === 'none') return;
    if (spec.kind === 'image' || spec.kind === 'video') void this.#loadPicture(spec);
    else this.#show(spec);
    if (!engine.ready || !this.#scene) this.#tell({ kind: 'covered' });
    if (engine.ready) return;
    engine.load(this.#assets).catch((error: unknown) => {
      if (this.#spec.kind === 'none') return;
      this.#tell({ kind: 'failed', failure: error instanceof EffectError ? error.failure : toFailure('engine-unavailable', error) });
    });
  }

  async #loadPicture(spec: Extract<EffectSpec, { kind: 'image' | 'video' }>): Promise<void> {
    try {
      const backdrop = await loadBackdrop(spec);
      if (this.#spec === spec && !this.#closed) this.#show({ kind: 'picture', backdrop });
      else backdrop.dispose(); // something else was chosen meanwhile
    } catch (error) {
      if (this.#spec !== spec) return;
      this.#show(undefined);
      this.#tell({ kind: 'failed', failure: error instanceof EffectError ? error.failure : toFailure('picture-unavailable', error) });
    }
  }

  #show(scene: Scene | undefined): void {
    if (this.#scene?.kind === 'picture') this.#scene.backdrop.dispose();
    this.#scene = scene;
  }

  /** @returns nothing while there is no engine, or no effect to show */
  async #render(frame: VideoFrame): Promise<VideoFrame | undefined> {
    if (!engine.ready) return undefined;
    const began = performance.now();
    this.#compositor ??= new PlanarCompositor(engine.ready.makeKernel());
    await readFrame(frame, this.#compositor);
    // Looked at only now: it may have changed meanwhile, and from here on nothing waits.
    if (!this.#scene) return undefined;
    const { maskEvery, half } = this.#governor?.effort ?? FULL_EFFORT;
    if (this.#needsMask(frame, maskEvery)) this.#makeMask(frame, this.#compositor, engine.ready.segmenter);
    this.#compositor.render(this.#mask, backgroundOf(this.#scene, this.#compositor, frame));
    const cutOut = this.#scene.kind === 'transparent';
    if (half && !cutOut) this.#compositor.halve();
    const out = cutOut ? makeCutOut(this.#compositor, frame) : makeFrame(this.#compositor, frame);
    this.#governor?.note(frame.timestamp, performance.now() - began);
    return out;
  }

  #needsMask({ timestamp, codedWidth, codedHeight }: VideoFrame, every: number): boolean {
    const made = this.#made;
    if (!made || ++made.frames >= every) return true;
    const age = timestamp - made.timestamp;
    return age < 0 || age > LONGEST_MASK_US || made.width !== codedWidth || made.height !== codedHeight;
  }

  #makeMask(frame: VideoFrame, compositor: PlanarCompositor, segmenter: Segmenter): void {
    this.#made = undefined; // should this fail, there is no mask
    compositor.modelInput(this.#input, isFullRange(frame));
    segmenter.segment(this.#input, this.#mask);
    this.#made = { frames: 0, timestamp: frame.timestamp, width: frame.codedWidth, height: frame.codedHeight };
  }

  #tell(state: LaneState): void {
    if (this.#state?.kind === state.kind && (state.kind !== 'failed' || (this.#state.kind === 'failed' && this.#state.failure.code === state.failure.code))) return;
    this.#state = state;
    if (state.kind === 'covered' || state.kind === 'failed') this.#obstacle = state;
    scope.postMessage({ type: 'state', lane: this.#id, state });
  }
}

/** What the compositor is to put behind the person; a picture is in its planes after this. */
const backgroundOf = (scene: Scene, compositor: PlanarCompositor, frame: VideoFrame): Background => {
  switch (scene.kind) {
    case 'blur':
    case 'transparent':
      return scene;
    case 'colour':
      return { kind: 'colour', ...colourFor(frame, scene.colour) };
    case 'picture':
      scene.backdrop.paint(compositor, frame);
      return { kind: 'picture' };
  }
};

const lanes = new Map<number, Lane>();
let ticking: ReturnType<typeof setInterval> | undefined;

scope.onmessage = ({ data: message }) => {
  switch (message.type) {
    case 'open': {
      const lane = new Lane(message);
      lanes.set(message.lane, lane);
      if (message.stream) void lane.run(message.stream.readable, message.stream.sink);
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
    case 'system-blur': {
      const lane = lanes.get(message.lane);
      if (lane) lane.systemBlur = message.on;
      break;
    }
    case 'close':
      lanes.get(message.lane)?.close();
      lanes.delete(message.lane);
      break;
    case 'ping':
      scope.postMessage({ type: 'pong' });
      break;
    case 'ticks':
      clearInterval(ticking);
      ticking = message.periodMs > 0 ? setInterval(() => scope.postMessage({ type: 'tick' }), message.periodMs) : undefined;
      break;
  }
};

holdLife((life) => scope.postMessage({ type: 'ready', life }));
