import type { EffectSpec } from '../spec';

/** How frames travel from a camera to an output track on this browser. */
export interface Pipeline {
  /** Exists at once; shows nothing raw unless the effect is `none`. */
  readonly output: MediaStreamTrack;
  update(spec: EffectSpec): void;
  dispose(): void;
}
