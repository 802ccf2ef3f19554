import type { CoverText, EffectFailure, EffectSpec, MaskRate } from './spec';

/** Addresses of what the worker loads on first need; absolute, same origin. */
export interface SegmenterAssets {
  /** The network's code, see segmenter/assembly/, and the weights in its order, see segmenter/weights.cjs. */
  readonly network: string;
  readonly weights: string;
  /** What MediaPipe's engine needs, where SIMD is missing: its loader script, fetched by `importScripts`; its code; the 256x144 model with its metadata completed. */
  readonly mediapipeLoader: string;
  readonly mediapipeWasm: string;
  readonly mediapipeModel: string;
}

/** And the frame kernel, see kernel/. */
export interface EngineAssets extends SegmenterAssets {
  readonly kernel: string;
}

/** Page to worker. A `lane` is one camera's way through the worker. */
export type ToWorker =
  | {
      readonly type: 'open';
      readonly lane: number;
      readonly spec: EffectSpec;
      readonly cover: CoverText;
      /** Whether `none` lets the camera through. */
      readonly allowRaw: boolean;
      /** Whether a blur steps aside while the operating system blurs. */
      readonly trustSystemBlur: boolean;
      readonly maskRate: MaskRate;
      readonly assets: EngineAssets;
      /** Both transferred; `sink` takes {@link ToSink}. Absent where frames travel one by one in `frame` messages. */
      readonly stream?: { readonly readable: ReadableStream<VideoFrame>; readonly sink: MessagePort };
    }
  /** `frame` is transferred: the worker closes it and answers with exactly one `frame`, or with `dropped`. */
  | { readonly type: 'frame'; readonly lane: number; readonly frame: VideoFrame }
  | { readonly type: 'update'; readonly lane: number; readonly spec: EffectSpec }
  /** What the camera's settings say of the operating system's blur, for the frames that come after. Off until told. */
  | { readonly type: 'system-blur'; readonly lane: number; readonly on: boolean }
  | { readonly type: 'close'; readonly lane: number }
  /** Asks for `tick` messages every `periodMs` (0: none), since page timers are slowed while the page is hidden. */
  | { readonly type: 'ticks'; readonly periodMs: number }
  /** Asks whether the worker is still at work; `pong` answers. */
  | { readonly type: 'ping' };

/** `life` is the name of a lock that the worker holds as long as it lives; absent where the browser refuses locks. */
export interface Ready {
  readonly type: 'ready';
  readonly life: string | undefined;
}

/** Worker to page. */
export type FromWorker =
  | Ready
  | { readonly type: 'state'; readonly lane: number; readonly state: LaneState }
  /** `frame` is transferred: the page closes it. */
  | { readonly type: 'frame'; readonly lane: number; readonly frame: VideoFrame }
  | { readonly type: 'dropped'; readonly lane: number }
  | { readonly type: 'tick' }
  | { readonly type: 'pong' };

export type LaneState =
  | { readonly kind: 'passing' | 'covered' | 'running' | 'system' | 'ended' }
  | { readonly kind: 'failed'; readonly failure: EffectFailure };

/** From the worker that makes the frames to the one that keeps the outputs. */
export type ToSink =
  /** Transferred. */
  | { readonly type: 'frame'; readonly frame: VideoFrame }
  /** No frame could be made: the cover card is to be shown. */
  | { readonly type: 'card' }
  /** The camera ended. */
  | { readonly type: 'end' };

/** Page to the worker that keeps the outputs. An `output` bears the number of its first lane. */
export type ToOutput =
  /** `writable` is transferred. `width` and `height` are the camera's, pixels, until there is a frame. */
  | { readonly type: 'open'; readonly output: number; readonly writable: WritableStream<VideoFrame>; readonly cover: CoverText; readonly width: number; readonly height: number }
  /** `port`, transferred, gives {@link ToSink} from now on. */
  | { readonly type: 'connect'; readonly output: number; readonly port: MessagePort }
  /** Nothing more comes from the present port: the cover card is to be shown. */
  | { readonly type: 'card'; readonly output: number }
  | { readonly type: 'close'; readonly output: number }
  | { readonly type: 'ping' };

export type FromOutput = Ready | { readonly type: 'ended'; readonly output: number } | { readonly type: 'pong' };
