import type { PlanarCompositor } from '../compositor/planar';
import type { EffectSpec } from '../spec';
import { EffectError } from '../spec';
import { StillBackdrop } from './still';

/** What stands behind the person. */
export interface Backdrop {
  /**
   * Writes the compositor's backdrop for a frame that was read into it; only where that is not what it wrote last.
   *
   * @throws EffectError when there is nothing to show any more
   */
  paint(compositor: PlanarCompositor, frame: VideoFrame): void;
  dispose(): void;
}

/**
 * Resolves when the backdrop has a picture to show. The caller owns it.
 *
 * @throws EffectError `picture-unavailable`, or `video-unsupported` where a video comes without a poster
 */
export const loadBackdrop = async (spec: Extract<EffectSpec, { kind: 'image' | 'video' }>): Promise<Backdrop> => {
  if (spec.kind === 'image') return StillBackdrop.load(spec.source);
  try {
    // Reading containers takes more code than all the rest: it is fetched when somebody wants a video.
    const { MovingBackdrop } = await import(/* webpackChunkName: "effects-video" */ './moving').catch((error: unknown) => {
      throw new EffectError('picture-unavailable', error);
    });
    return await MovingBackdrop.load(spec.source);
  } catch (error) {
    if (spec.poster !== undefined && error instanceof EffectError && error.failure.code === 'video-unsupported') return StillBackdrop.load(spec.poster);
    throw error;
  }
};
