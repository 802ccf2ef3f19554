import { drawCover } from '../cover';
import type { GuardRequest } from '../guard';
import { Guard } from '../guard';
import type { EffectSpec } from '../spec';
import type { WorkerHost } from '../worker-host';
import type { Pipeline } from './pipeline';

/**
 * Firefox and Safari: a video element presents the camera's frames, a canvas is the output. Frames go to the worker
 * and come back one at a time.
 */
export class CallbackPipeline implements Pipeline {
  readonly output: MediaStreamTrack;
  readonly #guard: Guard;
  readonly #host: WorkerHost;
  readonly #video: HTMLVideoElement;
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #abort = new AbortController();
  #card: OffscreenCanvas | undefined;
  #inWorker = false;
  #endTicks: (() => void) | undefined;

  static get supported(): boolean {
    return typeof VideoFrame === 'function' && 'captureStream' in HTMLCanvasElement.prototype && 'requestVideoFrameCallback' in HTMLVideoElement.prototype;
  }

  /** @throws Error when the browser has no canvas to capture */
  constructor(camera: MediaStreamTrack, request: GuardRequest) {
    const { width = 640, height = 360 } = camera.getSettings();
    this.#host = request.host;
    this.#canvas = document.createElement('canvas');
    this.#canvas.width = width;
    this.#canvas.height = height;
    const context = this.#canvas.getContext('2d', { alpha: false });
    if (!context) throw new Error('no 2D canvas');
    this.#context = context;
    const [output] = this.#canvas.captureStream().getVideoTracks();
    if (!output) throw new Error('no track from the canvas');
    this.output = output;

    this.#guard = new Guard(request, {
      onFrame: (frame) => {
        this.#inWorker = false;
        this.#draw(frame, frame.displayWidth, frame.displayHeight);
        frame.close();
      },
      onDropped: () => {
        this.#inWorker = false;
      },
      onEnded: () => camera.stop(),
    });
    if (this.#guard.rule !== 'pass') this.#drawCover();

    this.#video = document.createElement('video');
    this.#video.muted = true;
    this.#video.playsInline = true;
    this.#video.srcObject = new MediaStream([camera]);
    this.#video.play().catch(() => undefined); // an ended camera: there is nothing to present
    this.#awaitFrame();
    document.addEventListener('visibilitychange', () => this.#followVisibility(), { signal: this.#abort.signal });
    this.#followVisibility();
  }

  update(spec: EffectSpec): void {
    this.#guard.update(spec);
  }

  dispose(): void {
    this.#abort.abort();
    this.#guard.end();
    this.#endTicks?.();
    this.#video.srcObject = null;
  }

  #awaitFrame(): void {
    this.#video.requestVideoFrameCallback(() => {
      if (this.#abort.signal.aborted) return;
      this.#awaitFrame();
      if (!document.hidden) this.#frame();
    });
  }

  /** A hidden page gets no video callbacks: the worker's clock stands in. */
  #followVisibility(): void {
    this.#endTicks?.();
    this.#endTicks = document.hidden ? this.#host.subscribeTicks(() => this.#frame()) : undefined;
  }

  #frame(): void {
    const video = this.#video;
    if (this.#abort.signal.aborted || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    switch (this.#guard.rule) {
      case 'pass':
        this.#draw(video, video.videoWidth, video.videoHeight);
        break;
      case 'cover':
        this.#drawCover();
        break;
      case 'process':
        this.#card = undefined; // 4 MB at 720p, and drawn within a frame's time
        if (this.#inWorker) return; // the worker is busy: this frame is dropped, the next one is newer
        this.#inWorker = true;
        try {
          this.#guard.process(new VideoFrame(video, { timestamp: performance.now() * 1000 }));
        } catch {
          this.#inWorker = false; // the element had no picture to give, as while the camera changes size
        }
        break;
    }
  }

  #draw(picture: CanvasImageSource, width: number, height: number): void {
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      this.#canvas.width = width;
      this.#canvas.height = height;
    }
    this.#context.drawImage(picture, 0, 0, width, height);
  }

  #drawCover(): void {
    const { width, height } = this.#canvas;
    if (this.#card?.width !== width || this.#card.height !== height) this.#card = drawCover(width, height, this.#guard.cover);
    this.#context.drawImage(this.#card, 0, 0);
  }
}
