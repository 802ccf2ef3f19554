import { awaitEndOfLife } from './life';
import type { Ready } from './protocol';
import { EffectError } from './spec';

/** How often a worker is asked for a sign of life, ms. */
const ASK_MS = 250;

export interface WatchedWorkerOptions<From> {
  readonly create: () => Worker;
  readonly onReady?: () => void;
  readonly onMessage: (message: From) => void;
  /** The worker is gone, or was taken for stuck and ended. The next {@link WatchedWorker.started} starts another. */
  readonly onLost: (cause: string, stuck: boolean) => void;
  /** How long, in ms, a worker may be silent before it counts as stuck; asked anew each time. */
  readonly patience: () => number;
}

/**
 * A worker that is started on first need and whose end is noticed, whether it throws, closes itself, dies or is stuck.
 * It posts {@link Ready} when it is up and answers `ping` with anything.
 */
export class WatchedWorker<To extends object, From extends { readonly type: string }> {
  readonly #options: WatchedWorkerOptions<From>;
  #worker: Worker | undefined;
  #ready: Promise<void> | undefined;
  #abort = new AbortController();
  #asking: ReturnType<typeof setInterval> | undefined;
  #unanswered = 0;
  #firstUnansweredAt = 0;

  constructor(options: WatchedWorkerOptions<From>) {
    this.#options = options;
  }

  /** What is posted arrives somewhere. */
  get running(): boolean {
    return this.#worker !== undefined;
  }

  /** @throws EffectError `worker-unavailable`; the next call tries again */
  started(): Promise<void> {
    this.#ready ??= this.#start();
    return this.#ready;
  }

  /** Goes nowhere while there is no worker. */
  post(message: To, transfer: Transferable[] = []): void {
    this.#worker?.postMessage(message, transfer);
  }

  /** Whether the worker is asked for signs of life: as long as it has something to do. */
  watch(on: boolean): void {
    if (on === (this.#asking !== undefined)) return;
    clearInterval(this.#asking);
    this.#unanswered = 0;
    this.#asking = on ? setInterval(() => this.#ask(), ASK_MS) : undefined;
  }

  dispose(): void {
    this.watch(false);
    this.#abort.abort();
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#ready = undefined;
  }

  #start(): Promise<void> {
    const abort = (this.#abort = new AbortController());
    const worker = (this.#worker = this.#options.create());
    return new Promise<void>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<From | Ready>) => {
        if (worker !== this.#worker) return;
        this.#unanswered = 0;
        if (!isReady(data)) {
          this.#options.onMessage(data);
          return;
        }
        if (data.life !== undefined) awaitEndOfLife(data.life, abort.signal, () => this.#lost(worker, 'it ended by itself'));
        this.#options.onReady?.();
        resolve();
      };
      worker.onerror = (event) => {
        event.preventDefault(); // reported by us, once, with words that help
        const cause = event.message || 'the worker script could not be loaded';
        reject(new EffectError('worker-unavailable', cause));
        this.#lost(worker, cause);
      };
    });
  }

  #ask(): void {
    const now = performance.now();
    // More than one question, however long ago: a page that was itself held up does not blame the worker.
    if (this.#unanswered > 1 && now - this.#firstUnansweredAt > this.#options.patience()) {
      if (this.#worker) this.#lost(this.#worker, `no answer for ${Math.round(now - this.#firstUnansweredAt)} ms`, true);
      return;
    }
    if (this.#unanswered++ === 0) this.#firstUnansweredAt = now;
    this.#worker?.postMessage({ type: 'ping' });
  }

  #lost(worker: Worker, cause: string, stuck = false): void {
    if (worker !== this.#worker) return;
    this.dispose();
    this.#options.onLost(cause, stuck);
  }
}

const isReady = (message: { readonly type: string }): message is Ready => message.type === 'ready';
