import type { CoverText, EffectSpec, EffectState, MaskRate } from './spec';
import { EffectError, toFailure } from './spec';
import { isBlurredBySystem, trackIsBlurred } from './system-blur';
import type { LaneStreams, Loss, WorkerHost, WorkerLane } from './worker-host';

/** How a pipeline takes part. */
export interface GuardedPipeline {
  /** Given up so that frames travel in the workers alone; absent where they travel through the page. */
  readonly streams?: LaneStreams;
  /** The pipeline owns the frame. */
  onFrame(frame: VideoFrame): void;
  onDropped(): void;
  /** The effect is over, for whatever reason: the camera is to be released. May be called again. */
  onEnded(): void;
}

/** What a frame that reaches the page may do: leave as it is, be replaced by the cover card, or go to the worker. */
export type FrameRule = 'pass' | 'cover' | 'process';

export interface GuardRequest {
  readonly host: WorkerHost;
  readonly camera: MediaStreamTrack;
  readonly spec: EffectSpec;
  readonly cover: CoverText;
  /** Whether `none` lets the camera through. Without it, `none` shows the cover card. */
  readonly allowRaw: boolean;
  /** Whether a blur steps aside while the operating system says that it blurs. */
  readonly trustSystemBlur: boolean;
  readonly maskRate: MaskRate;
  /** Called at every change, and once at the start. */
  readonly onState: (state: EffectState) => void;
}

/**
 * Decides what leaves. A raw frame may pass only while the effect is `none`; with any other effect there is the
 * worker's frame or the cover card, whatever fails. The one exception is a blur that the operating system does for us.
 */
export class Guard {
  readonly cover: CoverText;
  readonly #host: WorkerHost;
  readonly #onState: (state: EffectState) => void;
  readonly #pipeline: GuardedPipeline;
  readonly #allowRaw: boolean;
  readonly #camera: MediaStreamTrack;
  readonly #trustSystemBlur: boolean;
  readonly #maskRate: MaskRate;
  readonly #abort = new AbortController();
  #spec: EffectSpec;
  #state: EffectState | undefined;
  #lane: WorkerLane | undefined;
  #opening = false;
  /** Why there is no effect to show, while there is no lane. */
  #obstacle: EffectState = { kind: 'covered' };
  #laneKnowsBlurred = false;
  /** Whether frames no longer reach the page: nothing leaves then without a lane. */
  #away = false;

  constructor(request: GuardRequest, pipeline: GuardedPipeline) {
    this.cover = request.cover;
    this.#host = request.host;
    this.#onState = request.onState;
    this.#spec = request.spec;
    this.#pipeline = pipeline;
    this.#allowRaw = request.allowRaw;
    this.#camera = request.camera;
    this.#trustSystemBlur = request.trustSystemBlur;
    this.#maskRate = request.maskRate;
    this.#camera.addEventListener('configurationchange', () => this.#tellLane(), { signal: this.#abort.signal });
    // The pipeline is still being constructed: it must be whole before the worker can ask it for its streams.
    queueMicrotask(() => this.update(request.spec));
  }

  get rule(): FrameRule {
    if (this.#spec.kind === 'none') return this.#allowRaw ? 'pass' : 'cover';
    return this.#lane ? 'process' : 'cover';
  }

  /** The rule for one frame: the operating system may have blurred it already. */
  ruleFor(frame: VideoFrame): FrameRule {
    const { rule } = this;
    if (rule !== 'cover' || this.#spec.kind !== 'blur') return rule;
    if (this.#trustSystemBlur && isBlurredBySystem(frame, trackIsBlurred(this.#camera))) {
      this.#tell({ kind: 'system' });
      return 'pass';
    }
    if (this.#state?.kind === 'system') this.#tell(this.#obstacle);
    return rule;
  }

  /** Also the way to try again after a failure: the same effect, once more. */
  update(spec: EffectSpec): void {
    if (this.#state?.kind === 'ended') return;
    this.#spec = spec;
    this.#obstacle = { kind: 'covered' };
    this.#lane?.update(spec);
    if (!this.#lane && (spec.kind !== 'none' || this.#away)) {
      this.#tell({ kind: 'covered' });
      void this.#open();
    } else if (spec.kind === 'none') this.#tell({ kind: this.#allowRaw ? 'passing' : 'covered' });
  }

  /** `frame` is consumed. Only while {@link rule} is `process`. */
  process(frame: VideoFrame): void {
    if (this.#lane) {
      this.#tellLane(); // not every browser says when a setting changes
      this.#lane.process(frame);
    } else {
      frame.close();
      this.#pipeline.onDropped();
    }
  }

  /** The camera or the output is over. */
  end(): void {
    this.#abort.abort();
    this.#tell({ kind: 'ended' });
    this.#lane?.close();
    this.#lane = undefined;
    if (this.#pipeline.streams) this.#host.closeOutput(this.#pipeline.streams);
    this.#pipeline.onEnded();
  }

  async #open(): Promise<void> {
    if (this.#opening) return;
    this.#opening = true;
    try {
      const { streams } = this.#pipeline;
      const lane = await this.#host.open(
        {
          onState: (state) => (state.kind === 'ended' ? this.end() : this.#tell(state)),
          onFrame: (frame) => this.#pipeline.onFrame(frame),
          onDropped: () => this.#pipeline.onDropped(),
          onLost: (loss) => this.#lost(loss),
        },
        { spec: () => this.#spec, cover: this.cover, allowRaw: this.#allowRaw, trustSystemBlur: this.#trustSystemBlur, maskRate: this.#maskRate, ...(streams ? { streams } : {}) },
      );
      this.#away = streams !== undefined;
      if (this.#state?.kind === 'ended') {
        lane.close();
        if (streams) this.#host.closeOutput(streams);
      } else {
        this.#lane = lane;
        this.#laneKnowsBlurred = false;
        this.#tellLane();
      }
    } catch (error) {
      this.#tell({ kind: 'failed', failure: error instanceof EffectError ? error.failure : toFailure('worker-unavailable', error) });
    } finally {
      this.#opening = false;
    }
  }

  #lost({ remedy, failure }: Loss): void {
    this.#lane?.close(); // only where the output was lost
    this.#lane = undefined;
    if (remedy === 'reopen') {
      this.#tell({ kind: 'covered' });
      void this.#open();
    } else this.#tell({ kind: 'failed', failure });
    this.#pipeline.onDropped();
  }

  #tellLane(): void {
    const on = trackIsBlurred(this.#camera);
    if (!this.#lane || on === this.#laneKnowsBlurred) return;
    this.#laneKnowsBlurred = on;
    this.#lane.setSystemBlur(on);
  }

  #tell(state: EffectState): void {
    if (this.#state?.kind === 'ended' || (state.kind !== 'failed' && state.kind === this.#state?.kind)) return;
    this.#state = state;
    if (state.kind === 'failed') this.#obstacle = state;
    this.#onState(state);
  }
}
