import type { SegmenterAssets } from '../protocol';
import { EffectError } from '../spec';
import { Network } from './network';

/** Size of the model's picture and mask, in pixels. @public */
export const MASK_WIDTH = 256;
/** @public */
export const MASK_HEIGHT = 144;

/** A person mask for a small picture, by MediaPipe's selfie model on the CPU. */
export interface Segmenter {
  /**
   * @param picture RGBA, {@link MASK_WIDTH} x {@link MASK_HEIGHT}
   * @param mask receives the person's confidence, 0 to 255, row by row, same size
   * @throws when the engine fails; the mask is then worth nothing
   */
  segment(picture: ImageData, mask: Uint8Array): void;
  dispose(): void;
}

/**
 * Our own straight code for the model where WebAssembly has SIMD; elsewhere MediaPipe's engine, which is loaded only then.
 *
 * @throws EffectError with `model-unavailable` or `engine-unavailable`
 */
export const loadSegmenter = async (assets: SegmenterAssets): Promise<Segmenter> => {
  const code = await fetchFile(assets.network, 'engine-unavailable');
  if (WebAssembly.validate(code)) {
    const weights = await fetchFile(assets.weights, 'model-unavailable');
    return await Network.load(code, weights);
  }
  console.warn('[greenroom] this browser cannot run the fast segmenter; effects will be slow');
  const { MediaPipeSegmenter } = await import(/* webpackChunkName: "mediapipe" */ './mediapipe').catch((error: unknown) => {
    throw new EffectError('engine-unavailable', error);
  });
  return await MediaPipeSegmenter.load(assets);
};

/** @throws EffectError with `code` */
const fetchFile = async (url: string, code: 'engine-unavailable' | 'model-unavailable'): Promise<Uint8Array<ArrayBuffer>> => {
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${response.status} for ${url}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    throw new EffectError(code, error);
  }
};
