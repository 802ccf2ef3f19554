import type { FromRoom, ToRoom } from './room-protocol';
import { drawStage, type Scene } from './stage';

/** The part of DedicatedWorkerGlobalScope used here; the DOM and worker type libraries exclude each other. */
interface WorkerScope {
  postMessage(message: FromRoom): void;
  onmessage: ((event: MessageEvent<ToRoom>) => void) | null;
  close(): void;
}

const scope = self as unknown as WorkerScope;

/** A tile's frames. The last one is kept, and closed when the next one comes. */
class Feed {
  #frame: VideoFrame | undefined;
  readonly #reader: ReadableStreamDefaultReader<VideoFrame>;

  constructor(readable: ReadableStream<VideoFrame>) {
    this.#reader = readable.getReader();
    void this.#read().catch(() => undefined);
  }

  get frame(): VideoFrame | undefined {
    return this.#frame;
  }

  close(): void {
    this.#reader.cancel().catch(() => undefined);
    this.#frame?.close();
    this.#frame = undefined;
  }

  async #read(): Promise<void> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return;
      this.#frame?.close();
      this.#frame = value;
    }
  }
}

const feeds = new Map<string, Feed>();
let scene: Scene = { layout: 'gallery', tiles: [] };
let writer: WritableStreamDefaultWriter<VideoFrame> | undefined;
let timer: ReturnType<typeof setInterval> | undefined;

function begin({ width, height, periodMs, writable }: Extract<ToRoom, { type: 'begin' }>): void {
  if (writable === undefined) {
    timer = setInterval(() => scope.postMessage({ type: 'tick' }), periodMs);
    return;
  }
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { alpha: false });
  if (context === null) throw new Error('No canvas to draw on');
  const output = writer = writable.getWriter();
  timer = setInterval(() => {
    if ((output.desiredSize ?? 0) <= 0) return; // the encoder is busy: a frame is left out, and the next one is newer
    drawStage(context, scene, (id) => {
      const frame = feeds.get(id)?.frame;
      return frame === undefined ? undefined : { image: frame, width: frame.displayWidth, height: frame.displayHeight };
    });
    const frame = new VideoFrame(canvas, { timestamp: performance.now() * 1000, alpha: 'discard' });
    output.write(frame).catch(() => frame.close());
  }, periodMs);
}

scope.onmessage = ({ data: message }) => {
  switch (message.type) {
    case 'begin':
      begin(message);
      break;
    case 'scene':
      scene = message.scene;
      break;
    case 'open':
      feeds.get(message.tile)?.close();
      feeds.set(message.tile, new Feed(message.readable));
      break;
    case 'close':
      feeds.get(message.tile)?.close();
      feeds.delete(message.tile);
      break;
    case 'end':
      clearInterval(timer);
      for (const feed of feeds.values()) feed.close();
      writer?.close().catch(() => undefined);
      scope.close();
  }
};
scope.postMessage({ type: 'ready' });
