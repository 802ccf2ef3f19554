/** Camera effects for any MediaStreamTrack: frames in, frames out, never a raw one unless asked for. */
import type { GuardRequest } from './guard';
import { mirrorCamera } from './mirror';
import { CallbackPipeline } from './pipeline/callback';
import type { Pipeline } from './pipeline/pipeline';
import { StreamsPipeline } from './pipeline/streams';
import type { CoverText, EffectSpec, EffectState, MaskRate } from './spec';
import { EffectError } from './spec';
import { WorkerHost } from './worker-host';

export type { CoverText, EffectFailure, EffectSpec, EffectState, FailureCode, MaskRate, PictureSource } from './spec';
export { EffectError } from './spec';
export { isMirrored } from './mirror';
export { inspectVideo } from './backdrop/inspect';
export { MAX_CLIP_BYTES } from './backdrop/limits';

/** A camera whose picture leaves through an effect. */
export interface EffectTrack {
  /**
   * Exists at once and stays the same through every {@link update}; answers as the camera would. Stopping it, and
   * every clone of it, releases the camera.
   */
  readonly track: MediaStreamTrack;
  readonly state: EffectState;
  /** Changes the effect on the same track. The same effect once more tries again after a failure. */
  update(spec: EffectSpec): void;
}

export interface EffectTrackOptions {
  readonly spec: EffectSpec;
  readonly cover: CoverText;
  /** Default true. Where it is false, `none` shows the cover card: nothing raw can be asked for. */
  readonly allowRaw?: boolean;
  /** Default true: a blur steps aside while the operating system says that it blurs. Pictures and colours never do. */
  readonly trustSystemBlur?: boolean;
  /** Default `governed`. */
  readonly maskRate?: MaskRate;
  readonly onState?: (state: EffectState) => void;
}

/** The door to the effects. One per page: its cameras share the workers and one segmenter. */
export class Effects {
  readonly #host = new WorkerHost();

  /** Whether this browser has what any of the pipelines needs. */
  static get supported(): boolean {
    return StreamsPipeline.supported || CallbackPipeline.supported;
  }

  /**
   * @param camera belongs to the result from now on: it is stopped with it
   * @throws EffectError when this browser cannot give an output track; the camera is left as it is
   */
  process(camera: MediaStreamTrack, options: EffectTrackOptions): EffectTrack {
    let state: EffectState = options.spec.kind === 'none' ? { kind: 'passing' } : { kind: 'covered' };
    const request: GuardRequest = {
      host: this.#host,
      camera,
      spec: options.spec,
      cover: options.cover,
      allowRaw: options.allowRaw ?? true,
      trustSystemBlur: options.trustSystemBlur ?? true,
      maskRate: options.maskRate ?? 'governed',
      onState: (next) => {
        state = next;
        options.onState?.(next);
      },
    };
    let pipeline: Pipeline;
    try {
      pipeline = StreamsPipeline.supported ? new StreamsPipeline(camera, request) : new CallbackPipeline(camera, request);
    } catch (error) {
      throw new EffectError('frame-failed', error);
    }
    const track = mirrorCamera(pipeline.output, camera, () => pipeline.dispose());
    return {
      track,
      get state() {
        return state;
      },
      update: (spec) => pipeline.update(spec),
    };
  }

  /** Ends the workers. Outputs that are still alive show their last picture. */
  dispose(): void {
    this.#host.dispose();
  }
}
