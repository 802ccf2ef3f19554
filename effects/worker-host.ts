import type { EngineAssets, FromOutput, FromWorker, LaneState, ToOutput, ToWorker } from './protocol';
import { bundledAssets } from './segmenter/assets';
import type { CoverText, EffectFailure, EffectSpec, MaskRate } from './spec';
import { toFailure } from './spec';
import { WatchedWorker } from './watched-worker';

/** What a lane hears. */
export interface LaneListener {
  onState(state: LaneState): void;
  /** The listener owns the frame. */
  onFrame(frame: VideoFrame): void;
  onDropped(): void;
  /** The worker is gone, and with it the lane. An output that was handed over shows the card until the next lane. */
  onLost(loss: Loss): void;
}

export interface Loss {
  /**
   * - `reopen`: another worker will do, from now on
   * - `wait`: it was lost too often to begin again unasked
   * - `output`: the output is gone as well, and nothing but another one will do
   */
  readonly remedy: 'reopen' | 'wait' | 'output';
  readonly failure: EffectFailure;
}

/** One camera's place in the worker. */
export interface WorkerLane {
  update(spec: EffectSpec): void;
  /** What the camera's settings say of the operating system's blur; counts for the frames handed over after it. */
  setSystemBlur(on: boolean): void;
  /** Hands a frame over; exactly one `onFrame` or `onDropped` answers, or `onLost`. */
  process(frame: VideoFrame): void;
  /** The output stays; see {@link WorkerHost.closeOutput}. */
  close(): void;
}

export interface LaneRequest {
  readonly spec: () => EffectSpec;
  readonly cover: CoverText;
  readonly allowRaw: boolean;
  readonly trustSystemBlur: boolean;
  readonly maskRate: MaskRate;
  /** Absent where frames travel one by one. */
  readonly streams?: LaneStreams;
}

/** Both ends of a camera's way. They are asked for only once there are workers to take them. */
export interface LaneStreams {
  /**
   * Resolves once the page has no frame of its own on its way: one that arrives while a stream changes hands is lost, and
   * the browser complains of it when it is collected. Unless `writable` is asked for before the next task, the page goes on.
   */
  rest(): Promise<void>;
  /** The camera's frames; asked for once per lane. */
  readable(): ReadableStream<VideoFrame>;
  /** The output track's; asked for once, since nothing gets it back. With the camera's size, pixels. */
  writable(): { readonly writable: WritableStream<VideoFrame>; readonly width: number; readonly height: number };
}

/** An output track in the keeping of its worker, and who feeds it. */
interface Output {
  readonly id: number;
  listener: LaneListener;
}

const TICK_MS = 66;

/** How long a worker that runs may be silent, ms: a frame takes it a hundredth of that. */
const PATIENCE_MS = 1000;
/** It has nothing to get stuck in, and its loss costs an output. */
const KEEPER_PATIENCE_MS = 5000;
/** While a worker compiles its engine, which keeps a healthy worker busy. */
const START_PATIENCE_MS = 10_000;
/** A worker whose frames fail for so long, ms, is replaced: an engine that was aborted fails for good. */
const FAILING_MS = 700;
/** Losses within this time, ms, count together. */
const MEMORY_MS = 30_000;
/** That many of them, and another worker is not started unasked: each costs as much as some frames, and none is raw. */
const MAX_LOSSES = 8;

/**
 * The page's side of the two workers: one makes the frames of all cameras and can be replaced, the other keeps the
 * outputs. Both are started on first need.
 */
export class WorkerHost {
  #nextLane = 1;
  readonly #tickers = new Set<() => void>();
  readonly #lanes = new Map<number, LaneListener>();
  /** Lanes whose engine is not up yet. */
  readonly #starting = new Set<number>();
  readonly #outputs = new Map<LaneStreams, Output>();
  /** A machine that is merely slow makes workers look stuck: each makes the next one's time longer. */
  #losses: readonly { readonly at: number; readonly stuck: boolean }[] = [];
  /** Runs while a lane's frames fail. */
  readonly #failing = new Map<number, ReturnType<typeof setTimeout>>();
  readonly #assets: EngineAssets = bundledAssets();

  readonly #engine = new WatchedWorker<ToWorker, Exclude<FromWorker, { type: 'ready' }>>({
    create: () => new Worker(/* webpackChunkName: "effects-worker" */ new URL('./worker.ts', import.meta.url)),
    onReady: () => this.#setTicks(),
    onMessage: (message) => this.#deliver(message),
    onLost: (cause, stuck) => this.#engineLost(toFailure('worker-crashed', cause), stuck),
    patience: () => (this.#starting.size > 0 ? START_PATIENCE_MS : PATIENCE_MS * 2 ** this.#recentLosses().filter(({ stuck }) => stuck).length),
  });

  readonly #keeper = new WatchedWorker<ToOutput, Exclude<FromOutput, { type: 'ready' }>>({
    create: () => new Worker(/* webpackChunkName: "effects-output" */ new URL('./output.worker.ts', import.meta.url)),
    onMessage: (message) => {
      if (message.type === 'ended') for (const { id, listener } of [...this.#outputs.values()]) if (id === message.output) listener.onState({ kind: 'ended' });
    },
    onLost: (cause) => this.#keeperLost(cause),
    patience: () => KEEPER_PATIENCE_MS,
  });

  /** @throws EffectError `worker-unavailable`; no stream was then asked for */
  async open(listener: LaneListener, { spec, cover, allowRaw, trustSystemBlur, maskRate, streams }: LaneRequest): Promise<WorkerLane> {
    const start = () => Promise.all([this.#engine.started(), streams && this.#keeper.started()]);
    await start();
    if (streams && !this.#outputs.has(streams)) {
      await streams.rest();
      // A worker may have died meanwhile, and what it is given then is lost for good.
      while (!this.#engine.running || !this.#keeper.running) {
        await start();
        await streams.rest();
      }
    }
    const lane = this.#nextLane++;
    const post = (message: ToWorker, transfer: Transferable[] = []): void => this.#engine.post(message, transfer);
    const stream = streams && this.#connect(lane, listener, streams, cover);
    this.#lanes.set(lane, listener);
    this.#starting.add(lane);
    this.#engine.watch(true);
    post(
      { type: 'open', lane, spec: spec(), cover, allowRaw, trustSystemBlur, maskRate, assets: this.#assets, ...(stream ? { stream } : {}) },
      stream ? [stream.readable, stream.sink] : [],
    );
    return {
      update: (next) => post({ type: 'update', lane, spec: next }),
      setSystemBlur: (on) => post({ type: 'system-blur', lane, on }),
      process: (frame) => post({ type: 'frame', lane, frame }, [frame]),
      close: () => {
        this.#follow(lane, undefined);
        if (!this.#lanes.delete(lane)) return;
        post({ type: 'close', lane });
        if (this.#lanes.size === 0) this.#engine.watch(false);
      },
    };
  }

  /** Ends the output track of these streams, if it was ever handed over. */
  closeOutput(streams: LaneStreams): void {
    const output = this.#outputs.get(streams);
    if (!output) return;
    this.#outputs.delete(streams);
    this.#keeper.post({ type: 'close', output: output.id });
    if (this.#outputs.size === 0) this.#keeper.watch(false);
  }

  /**
   * Calls `listener` some 15 times a second from the worker's clock, since the page's own is slowed while it is hidden.
   *
   * @returns ends it
   */
  subscribeTicks(listener: () => void): () => void {
    this.#tickers.add(listener);
    this.#setTicks();
    this.#engine.started().catch(() => undefined); // no worker, no ticks: whoever needs the worker for frames hears of it
    return () => {
      this.#tickers.delete(listener);
      this.#setTicks();
    };
  }

  dispose(): void {
    this.#engine.dispose();
    this.#keeper.dispose();
    this.#forgetLanes();
    this.#outputs.clear();
  }

  /** Puts a lane's two ends into place: its output into the keeper's hands, if it is not there yet, and a port between the workers. */
  #connect(lane: number, listener: LaneListener, streams: LaneStreams, cover: CoverText): { readonly readable: ReadableStream<VideoFrame>; readonly sink: MessagePort } {
    const output = this.#outputs.get(streams) ?? { id: lane, listener };
    if (!this.#outputs.has(streams)) {
      const { writable, width, height } = streams.writable();
      this.#keeper.post({ type: 'open', output: output.id, writable, cover, width, height }, [writable]);
      this.#outputs.set(streams, output);
      this.#keeper.watch(true);
    }
    output.listener = listener;
    const { port1: sink, port2: port } = new MessageChannel();
    this.#keeper.post({ type: 'connect', output: output.id, port }, [port]);
    return { readable: streams.readable(), sink };
  }

  #setTicks(): void {
    this.#engine.post({ type: 'ticks', periodMs: this.#tickers.size > 0 ? TICK_MS : 0 });
  }

  #deliver(message: Exclude<FromWorker, { type: 'ready' }>): void {
    if (message.type === 'pong') return;
    if (message.type === 'tick') {
      for (const listener of this.#tickers) listener();
      return;
    }
    const listener = this.#lanes.get(message.lane);
    switch (message.type) {
      case 'state':
        if (!listener) break;
        this.#follow(message.lane, message.state);
        listener.onState(message.state);
        break;
      case 'frame':
        if (listener) listener.onFrame(message.frame);
        else message.frame.close();
        break;
      case 'dropped':
        listener?.onDropped();
        break;
    }
  }

  /** What a lane's state tells about the worker. */
  #follow(lane: number, state: LaneState | undefined): void {
    if (state?.kind === 'covered') this.#starting.add(lane);
    else this.#starting.delete(lane);
    clearTimeout(this.#failing.get(lane));
    this.#failing.delete(lane);
    if (state?.kind !== 'failed' || state.failure.code !== 'frame-failed') return;
    const { failure } = state;
    this.#failing.set(lane, setTimeout(() => {
      this.#engine.dispose();
      this.#engineLost(failure, false);
    }, FAILING_MS));
  }

  #engineLost(failure: EffectFailure, stuck: boolean): void {
    this.#losses = [...this.#recentLosses(), { at: performance.now(), stuck }];
    const remedy = this.#losses.length < MAX_LOSSES ? 'reopen' : 'wait';
    for (const { id } of this.#outputs.values()) this.#keeper.post({ type: 'card', output: id });
    const listeners = [...this.#lanes.values()];
    this.#forgetLanes();
    for (const listener of listeners) listener.onLost({ remedy, failure });
  }

  #keeperLost(cause: string): void {
    const outputs = [...this.#outputs.values()];
    this.#outputs.clear();
    for (const { listener } of outputs) listener.onLost({ remedy: 'output', failure: toFailure('worker-crashed', cause, false) });
  }

  #forgetLanes(): void {
    for (const lane of this.#lanes.keys()) this.#follow(lane, undefined);
    this.#lanes.clear();
  }

  #recentLosses() {
    const now = performance.now();
    return this.#losses.filter(({ at }) => now - at < MEMORY_MS);
  }
}
