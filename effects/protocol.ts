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
      /** Transferred. Absent where frames travel one by one in `frame` messages. */
      readonly streams?: { readonly readable: ReadableStream<VideoFrame>; readonly writable: WritableStream<VideoFrame> };
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

/** Worker to page. */
export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'state'; readonly lane: number; readonly state: LaneState }
  /** `frame` is transferred: the page closes it. */
  | { readonly type: 'frame'; readonly lane: number; readonly frame: VideoFrame }
  | { readonly type: 'dropped'; readonly lane: number }
  | { readonly type: 'tick' }
  | { readonly type: 'pong' };

export type LaneState =
  | { readonly kind: 'passing' | 'covered' | 'running' | 'system' | 'ended' }
  | { readonly kind: 'failed'; readonly failure: EffectFailure };
