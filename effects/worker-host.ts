import type { EngineAssets, FromWorker, LaneState, ToWorker } from './protocol';
import { bundledAssets } from './segmenter/assets';
import type { CoverText, EffectFailure, EffectSpec, MaskRate } from './spec';
import { EffectError, toFailure } from './spec';

/** What a lane hears from the worker. */
export interface LaneListener {
  onState(state: LaneState): void;
  /** The listener owns the frame. */
  onFrame(frame: VideoFrame): void;
  onDropped(): void;
  /** The worker is gone; nothing will come any more from this lane. */
  onLost(failure: EffectFailure): void;
}

/** One camera's place in the worker. */
export interface WorkerLane {
  update(spec: EffectSpec): void;
  /** What the camera's settings say of the operating system's blur; counts for the frames handed over after it. */
  setSystemBlur(on: boolean): void;
  /** Hands a frame over; exactly one `onFrame` or `onDropped` answers. */
  process(frame: VideoFrame): void;
  close(): void;
}

const TICK_MS = 66;

/** A worker that ran and then leaves this many questions unanswered, one a second, is taken for dead or stuck. */
const PATIENCE = 3;

/** The page's side of the one worker: started on first need, started anew after it died. */
export class WorkerHost {
  #worker: Worker | undefined;
  #ready: Promise<Worker> | undefined;
  #nextLane = 1;
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  #unanswered = 0;
  readonly #tickers = new Set<() => void>();
  readonly #lanes = new Map<number, LaneListener>();
  readonly #assets: EngineAssets = bundledAssets();

  /** @throws EffectError `worker-unavailable`; `streams`, when given, are transferred only after the worker is up */
  async open(listener: LaneListener, spec: () => EffectSpec, cover: CoverText, allowRaw: boolean, trustSystemBlur: boolean, maskRate: MaskRate, streams?: () => { readable: ReadableStream<VideoFrame>; writable: WritableStream<VideoFrame> }): Promise<WorkerLane> {
    const worker = await this.#started();
    const lane = this.#nextLane++;
    const post = (message: ToWorker, transfer: Transferable[] = []): void => worker.postMessage(message, transfer);
    const pair = streams?.();
    this.#lanes.set(lane, listener);
    post(
      { type: 'open', lane, spec: spec(), cover, allowRaw, trustSystemBlur, maskRate, assets: this.#assets, ...(pair ? { streams: pair } : {}) },
      pair ? [pair.readable, pair.writable] : [],
    );
    return {
      update: (next) => post({ type: 'update', lane, spec: next }),
      setSystemBlur: (on) => post({ type: 'system-blur', lane, on }),
      process: (frame) => post({ type: 'frame', lane, frame }, [frame]),
      close: () => {
        this.#lanes.delete(lane);
        if (this.#lanes.size === 0) this.#stopHeartbeat();
        post({ type: 'close', lane });
      },
    };
  }

  /**
   * Calls `listener` some 15 times a second from the worker's clock, since the page's own is slowed while it is hidden.
   *
   * @returns ends it
   */
  subscribeTicks(listener: () => void): () => void {
    this.#tickers.add(listener);
    this.#setTicks();
    this.#started().catch(() => undefined); // no worker, no ticks: whoever needs the worker for frames hears of it
    return () => {
      this.#tickers.delete(listener);
      this.#setTicks();
    };
  }

  dispose(): void {
    this.#stopHeartbeat();
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#ready = undefined;
    this.#lanes.clear();
  }

  #setTicks(): void {
    this.#worker?.postMessage({ type: 'ticks', periodMs: this.#tickers.size > 0 ? TICK_MS : 0 } satisfies ToWorker);
  }

  #started(): Promise<Worker> {
    this.#ready ??= new Promise<Worker>((resolve, reject) => {
      const worker = new Worker(/* webpackChunkName: "effects-worker" */ new URL('./worker.ts', import.meta.url));
      this.#worker = worker;
      worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
        if (data.type === 'ready') {
          if (this.#tickers.size > 0) this.#setTicks();
          resolve(worker);
        } else this.#deliver(data);
      };
      worker.onerror = (event) => {
        event.preventDefault(); // reported by us, once, with words that help
        const cause = event.message || 'the worker script could not be loaded';
        reject(new EffectError('worker-unavailable', cause));
        this.#lost(toFailure('worker-crashed', cause));
      };
    }).catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    });
    return this.#ready;
  }

  #deliver(message: Exclude<FromWorker, { type: 'ready' }>): void {
    this.#unanswered = 0;
    if (message.type === 'pong') return;
    if (message.type === 'tick') {
      for (const listener of this.#tickers) listener();
      return;
    }
    if (message.type === 'state' && message.state.kind === 'running') this.#startHeartbeat();
    const listener = this.#lanes.get(message.lane);
    switch (message.type) {
      case 'state':
        listener?.onState(message.state);
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

  /**
   * A worker that is out of memory or closes itself fires no event, and one that is stuck never would. Asked only
   * once an effect has run: compiling the engine keeps a healthy worker busy for a while.
   */
  #startHeartbeat(): void {
    this.#heartbeat ??= setInterval(() => {
      if (this.#unanswered >= PATIENCE) {
        this.#lost(toFailure('worker-crashed', `no answer for ${PATIENCE} s`));
        return;
      }
      // Counted before the next question, so that a page that was itself held up does not blame the worker.
      this.#unanswered++;
      this.#worker?.postMessage({ type: 'ping' } satisfies ToWorker);
    }, 1000);
  }

  #stopHeartbeat(): void {
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
    this.#unanswered = 0;
  }

  #lost(failure: EffectFailure): void {
    const listeners = [...this.#lanes.values()];
    this.dispose();
    for (const listener of listeners) listener.onLost(failure);
  }
}
