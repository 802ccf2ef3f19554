import type { Picture, PlanarCompositor, Plane } from '../compositor/planar';
import type { PictureSource } from '../spec';
import { EffectError } from '../spec';
import type { Backdrop } from './backdrop';
import type { FromRgb } from './colour';
import { encodingOf, fromRgb } from './colour';
import { openSource } from './source';

/** A picture to stand behind the person. Owns its bitmap until {@link dispose}. */
export class StillBackdrop implements Backdrop {
  readonly #bitmap: ImageBitmap;
  #painted = '';

  private constructor(bitmap: ImageBitmap) {
    this.#bitmap = bitmap;
  }

  /**
   * @param source an address of this origin, or the picture's file
   * @throws EffectError `picture-unavailable`
   */
  static async load(source: PictureSource): Promise<StillBackdrop> {
    try {
      return new StillBackdrop(await createImageBitmap(await openSource(source)));
    } catch (error) {
      throw new EffectError('picture-unavailable', error);
    }
  }

  paint(compositor: PlanarCompositor, frame: VideoFrame): void {
    const { width, height } = compositor;
    const { rotation = 0, flip = false } = frame as VideoFrame & { rotation?: number; flip?: boolean };
    const encoding = encodingOf(frame);
    const key = [width, height, encoding.matrix, encoding.fullRange, rotation, flip].join();
    if (key === this.#painted) return;
    writePlanes(this.#cover(width, height, rotation, flip), compositor.backdrop, fromRgb(encoding));
    this.#painted = key;
  }

  dispose(): void {
    this.#bitmap.close();
  }

  /**
   * The picture, scaled to cover the frame and cropped evenly. Whoever shows the frame turns it clockwise by `rotation`
   * degrees and then flips it: the picture is laid out the other way round, so that it comes out upright.
   */
  #cover(width: number, height: number, rotation: number, flip: boolean): ImageData {
    const context = new OffscreenCanvas(width, height).getContext('2d', { alpha: false, willReadFrequently: true });
    if (!context) throw new Error('no 2D canvas for the picture');
    const [across, down] = rotation % 180 === 0 ? [width, height] : [height, width];
    const { width: w, height: h } = this.#bitmap;
    const scale = Math.max(across / w, down / h);
    context.imageSmoothingQuality = 'high';
    context.translate(width / 2, height / 2);
    context.rotate((-rotation * Math.PI) / 180);
    if (flip) context.scale(-1, 1);
    context.drawImage(this.#bitmap, (-w * scale) / 2, (-h * scale) / 2, w * scale, h * scale);
    return context.getImageData(0, 0, width, height);
  }
}

/** RGBA into I420 planes of the same size; chroma is the mean of up to 2 x 2 pixels. */
const writePlanes = ({ data, width, height }: ImageData, { y: luma, u, v }: Picture, convert: FromRgb): void => {
  const put = (plane: Plane, column: number, row: number, value: number): void => {
    plane.data[row * plane.stride + column] = Math.min(255, Math.max(0, Math.round(value)));
  };
  for (let top = 0; top < height; top += 2) {
    for (let left = 0; left < width; left += 2) {
      let [red, green, blue, count] = [0, 0, 0, 0];
      for (let row = top; row < Math.min(top + 2, height); row++) {
        for (let column = left; column < Math.min(left + 2, width); column++, count++) {
          const at = 4 * (row * width + column);
          const [r, g, b] = [data[at]!, data[at + 1]!, data[at + 2]!];
          put(luma, column, row, convert(r, g, b).y);
          red += r;
          green += g;
          blue += b;
        }
      }
      const mean = convert(red / count, green / count, blue / count);
      put(u, left >> 1, top >> 1, mean.u);
      put(v, left >> 1, top >> 1, mean.v);
    }
  }
};
