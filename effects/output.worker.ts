import { CoverFrames } from './cover';
import { holdLife } from './life';
import type { FromOutput, ToOutput, ToSink } from './protocol';

/**
 * The worker that keeps the output tracks. It touches no pixel and so has nothing to fail at: when the worker that
 * makes the frames dies or is stuck, the output track, which nobody could take out of a dead worker, is still here,
 * shows the cover card, and takes its frames from the next one.
 */

/** The part of DedicatedWorkerGlobalScope used here; the DOM and worker type libraries exclude each other. */
interface WorkerScope {
  postMessage(message: FromOutput): void;
  onmessage: ((event: MessageEvent<ToOutput>) => void) | null;
}
const scope = self as unknown as WorkerScope;

/** How often the card is sent, ms: seldom, and often enough for whoever joins meanwhile. */
const CARD_MS = 200;

/** One camera's output track. */
class Output {
  readonly #id: number;
  readonly #writer: WritableStreamDefaultWriter<VideoFrame>;
  readonly #cover: CoverFrames;
  #port: MessagePort | undefined;
  #cards: ReturnType<typeof setInterval> | undefined;
  #size: { readonly width: number; readonly height: number };
  /** Of the newest frame, microseconds, and when it came, ms: what follows must not be older. */
  #newest = { timestamp: performance.now() * 1000, at: performance.now() };

  constructor({ output, writable, cover, width, height }: Extract<ToOutput, { type: 'open' }>) {
    this.#id = output;
    this.#writer = writable.getWriter();
    this.#cover = new CoverFrames(cover);
    this.#size = { width, height };
    // The output was stopped: nothing can leave any more.
    this.#writer.closed.catch(() => undefined).finally(() => {
      this.#drop();
      scope.postMessage({ type: 'ended', output: this.#id });
    });
  }

  /** Frames come from `port` from now on. Until the first is there, what was shown last stays. */
  connect(port: MessagePort): void {
    this.#leavePort();
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<ToSink>) => {
      switch (data.type) {
        case 'frame':
          clearInterval(this.#cards);
          this.#size = { width: data.frame.displayWidth, height: data.frame.displayHeight };
          this.#newest = { timestamp: data.frame.timestamp, at: performance.now() };
          this.#write(data.frame);
          break;
        case 'card':
          this.#writeCard();
          break;
        case 'end':
          this.close();
          break;
      }
    };
  }

  /** Nothing comes from the present port any more: the card is shown until another one is connected and gives frames. */
  showCard(): void {
    this.#leavePort();
    clearInterval(this.#cards);
    this.#cards = setInterval(() => this.#writeCard(), CARD_MS);
    this.#writeCard();
  }

  /** Ends the track. */
  close(): void {
    this.#drop();
    this.#writer.close().catch(() => undefined); // it was stopped already
  }

  #writeCard(): void {
    const elapsed = (performance.now() - this.#newest.at) * 1000;
    this.#write(this.#cover.frame(this.#size.width, this.#size.height, this.#newest.timestamp + elapsed));
  }

  #write(frame: VideoFrame): void {
    this.#writer.write(frame).catch(() => frame.close());
  }

  /**
   * Frames may still be on their way. Those that arrive at a closed port are lost unclosed, and the browser complains of
   * that, so the port stays open until the other side says that it ends; with a dead one it goes by itself.
   */
  #leavePort(): void {
    const port = this.#port;
    this.#port = undefined;
    if (!port) return;
    port.onmessage = ({ data }: MessageEvent<ToSink>) => {
      if (data.type === 'frame') data.frame.close();
      else if (data.type === 'end') port.close();
    };
  }

  #drop(): void {
    clearInterval(this.#cards);
    this.#leavePort();
    this.#cover.dispose();
    outputs.delete(this.#id);
  }
}

const outputs = new Map<number, Output>();

scope.onmessage = ({ data: message }) => {
  switch (message.type) {
    case 'open':
      outputs.set(message.output, new Output(message));
      break;
    case 'connect':
      outputs.get(message.output)?.connect(message.port);
      break;
    case 'card':
      outputs.get(message.output)?.showCard();
      break;
    case 'close':
      outputs.get(message.output)?.close();
      break;
    case 'ping':
      scope.postMessage({ type: 'pong' });
      break;
  }
};

holdLife((life) => scope.postMessage({ type: 'ready', life }));
