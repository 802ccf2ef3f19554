// One contestant per page: a camera, its treatment, and a video element that shows the result.
import { Effects } from '../../../effects';
import { bundledAssets } from '../../../effects/segmenter/assets';
import type { ReaderReport, ToReader } from '../../bench/reader.worker';

export type Contestant = 'bare' | 'floor' | 'floor-mediapipe' | 'ours' | 'v1' | 'v2' | 'livekit' | 'naive';

export interface BenchSetup {
  readonly contestant: Contestant;
  readonly width: number;
  readonly height: number;
  /** Whether ours may choose how often it makes a mask. */
  readonly governed?: boolean;
  /** A clip to play in place of a camera, for browsers whose fake one shows nobody. */
  readonly clip?: string;
  /** Also count the output's raw frames, from its very first frame on. */
  readonly countRaw?: boolean;
}

interface PeerEffect {
  onInferenceFailure: (() => void) | null;
  startEffect(stream: MediaStream): MediaStream;
}
type CreatePeer = (background: object) => Promise<PeerEffect>;

interface LiveKit {
  BackgroundProcessor(options: object): { init(options: { kind: 'video'; track: MediaStreamTrack; element: HTMLVideoElement }): Promise<void>; readonly processedTrack?: MediaStreamTrack };
}

/** Where the bench serves MediaPipe's engine and its landscape model. */
const WASM = '/vision';
const MODEL = '/livekit/landscape.tflite';

let presented = 0;
let camera: MediaStreamTrack;
let output: MediaStreamTrack;
let reader: Worker | undefined;

const loadScript = (src: string): Promise<void> =>
  new Promise((resolve, reject) => {
    document.head.append(Object.assign(document.createElement('script'), { src, onload: () => resolve(), onerror: () => reject(new Error(`no ${src}`)) }));
  });

/** Every frame of a track, for a worker. Chromium only. */
const framesOf = (track: MediaStreamTrack): ReadableStream<VideoFrame> => new MediaStreamTrackProcessor({ track: track.clone() as MediaStreamVideoTrack, maxBufferSize: 1 }).readable;

const treat = async ({ contestant, governed = false }: BenchSetup): Promise<MediaStreamTrack> => {
  switch (contestant) {
    case 'bare':
      return camera;
    case 'floor': {
      const worker = new Worker(/* webpackChunkName: "floor-worker" */ new URL('../../bench/floor.worker.ts', import.meta.url));
      const readable = framesOf(camera);
      worker.postMessage({ readable, assets: bundledAssets() }, [readable]);
      return camera;
    }
    case 'floor-mediapipe': {
      const worker = new Worker(/* webpackChunkName: "floor-mediapipe-worker" */ new URL('../../bench/floor-mediapipe.worker.ts', import.meta.url));
      const readable = framesOf(camera);
      worker.postMessage({ readable, wasm: WASM, model: MODEL }, [readable]);
      return camera;
    }
    case 'ours':
      return new Promise((resolve) => {
        const { track } = new Effects().process(camera, {
          spec: { kind: 'blur', strength: 0.8 },
          cover: { title: '', detail: '' },
          maskRate: governed ? 'governed' : 'every-frame',
          onState: (state) => {
            if (state.kind === 'running') resolve(track);
          },
        });
        watchRaw(track); // the card before the first mask counts as well
      });
    case 'v1':
    case 'v2': {
      // Without a GPU, software WebGL makes the engine collapse: it gets the machine it would choose its canvas for.
      // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the receiver it is given
      const native = HTMLCanvasElement.prototype.getContext;
      HTMLCanvasElement.prototype.getContext = function (this: HTMLCanvasElement, kind: string, ...rest: unknown[]) {
        return kind.startsWith('webgl') ? null : (native as (...all: unknown[]) => unknown).call(this, kind, ...rest);
      } as typeof native;
      Object.assign(window, { APP: { store: { getState: () => ({ 'features/base/config': { virtualBackground: { enableV2: contestant === 'v2' } } }) } } });
      await loadScript('/peer/peer.js');
      const { createVirtualBackgroundEffect } = window as unknown as { createVirtualBackgroundEffect: CreatePeer };
      const effect = await createVirtualBackgroundEffect({ backgroundType: 'blur', blurValue: 25, backgroundEffectEnabled: true });
      effect.onInferenceFailure = () => undefined; // the app listens as well, and shows a notice
      return effect.startEffect(new MediaStream([camera])).getVideoTracks()[0]!;
    }
    case 'livekit': {
      await loadScript('/livekit/livekit.js');
      const { livekit } = window as unknown as { livekit: LiveKit };
      const element = Object.assign(document.createElement('video'), { muted: true, srcObject: new MediaStream([camera]) });
      await element.play();
      // Its defaults, but that the files come from here.
      const processor = livekit.BackgroundProcessor({ mode: 'background-blur', assetPaths: { tasksVisionFileSet: '/livekit/wasm', modelAssetPath: '/livekit/square.tflite' } });
      await processor.init({ kind: 'video', track: camera, element });
      return processor.processedTrack!;
    }
    case 'naive': {
      const { naive } = await import(/* webpackChunkName: "naive" */ '../../bench/naive');
      return naive(camera, WASM, MODEL);
    }
  }
};

const openCamera = async ({ width, height, clip }: BenchSetup): Promise<MediaStreamTrack> => {
  if (clip === undefined) return (await navigator.mediaDevices.getUserMedia({ video: { width, height, frameRate: 30 } })).getVideoTracks()[0]!;
  const video = Object.assign(document.createElement('video'), { src: clip, muted: true });
  await video.play();
  return (video as HTMLVideoElement & { mozCaptureStream(): MediaStream }).mozCaptureStream().getVideoTracks()[0]!;
};

const startReader = (message: ToReader, transfer: Transferable[]): void => {
  reader = new Worker(/* webpackChunkName: "reader-worker" */ new URL('../../bench/reader.worker.ts', import.meta.url));
  reader.postMessage(message, transfer);
};

let countsRaw = false;
const watchRaw = (track: MediaStreamTrack): void => {
  if (!countsRaw || reader) return;
  const frames = framesOf(track);
  startReader({ type: 'raw', output: frames }, [frames]);
};

const bench = {
  async start(setup: BenchSetup): Promise<void> {
    countsRaw = setup.countRaw ?? false;
    camera = await openCamera(setup);
    output = await treat(setup);
    watchRaw(output);
    const video = document.createElement('video');
    Object.assign(video, { muted: true, width: 640, height: 360, srcObject: new MediaStream([output]) });
    document.body.append(video);
    await video.play();
    const count: VideoFrameRequestCallback = (_, metadata) => {
      presented = metadata.presentedFrames;
      video.requestVideoFrameCallback(count);
    };
    video.requestVideoFrameCallback(count);
  },
  presented: () => presented,
  /** From now on the numbers on the chest are read, at the camera and in the output. Chromium only. */
  watchLatency(): void {
    const [from, to] = [framesOf(camera), framesOf(output)];
    startReader({ type: 'latency', camera: from, output: to }, [from, to]);
  },
  /** What was read since the last time. */
  report: (): Promise<ReaderReport> =>
    new Promise((resolve) => {
      reader!.onmessage = ({ data }: MessageEvent<ReaderReport>) => resolve(data);
      reader!.postMessage({ type: 'report' } satisfies ToReader);
    }),
};

export type Bench = typeof bench;
Object.assign(window, { bench });
