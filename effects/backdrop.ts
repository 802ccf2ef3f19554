import { isFullRange } from './compositor/frames';
import type { Picture, PlanarCompositor, Plane } from './compositor/planar';
import type { PictureSource } from './spec';
import { EffectError } from './spec';

/** One sample in a frame's own terms. */
export interface Yuv {
  readonly y: number;
  readonly u: number;
  readonly v: number;
}

type Convert = (red: number, green: number, blue: number) => Yuv;

/** Shares of red and blue in luma, by the matrix that a frame names. A frame that names none is taken for BT.601, as cameras send it. */
const SHARES: Readonly<Record<string, readonly [number, number]>> = { bt709: [0.2126, 0.0722], 'bt2020-ncl': [0.2627, 0.0593] };
const BT601: readonly [number, number] = [0.299, 0.114];

/** @returns from 8-bit RGB to the matrix and range; not rounded */
const converter = (matrix: string | null, fullRange: boolean): Convert => {
  const [kr, kb] = SHARES[matrix ?? ''] ?? BT601;
  const [black, luma, chroma] = fullRange ? [0, 1, 1] : [16, 219 / 255, 224 / 255];
  return (red, green, blue) => {
    const y = kr * red + (1 - kr - kb) * green + kb * blue;
    return { y: black + luma * y, u: 128 + (chroma * (blue - y)) / (2 - 2 * kb), v: 128 + (chroma * (red - y)) / (2 - 2 * kr) };
  };
};

/** The matrix of a frame's samples as they lie in the compositor's planes: what was RGB became BT.601 there. */
const matrixOf = (frame: VideoFrame): string | null => (frame.format !== null && /^(I420|NV12)/.test(frame.format) ? frame.colorSpace.matrix : null);

/** @param colour `#rrggbb` */
export const colourFor = (frame: VideoFrame, colour: string): Yuv => {
  const channel = (at: number): number => parseInt(colour.slice(at, at + 2), 16) || 0;
  const { y, u, v } = converter(matrixOf(frame), isFullRange(frame))(channel(1), channel(3), channel(5));
  return { y: Math.round(y), u: Math.round(u), v: Math.round(v) };
};

/** A picture to stand behind the person. Owns its bitmap until {@link dispose}. */
export class Backdrop {
  readonly #bitmap: ImageBitmap;
  #painted = '';

  private constructor(bitmap: ImageBitmap) {
    this.#bitmap = bitmap;
  }

  /**
   * @param source an address of this origin, or the picture's file
   * @throws EffectError `picture-unavailable`
   */
  static async load(source: PictureSource): Promise<Backdrop> {
    try {
      return new Backdrop(await createImageBitmap(typeof source === 'string' ? await fetchPicture(source) : source));
    } catch (error) {
      throw new EffectError('picture-unavailable', error);
    }
  }

  /** Writes the compositor's backdrop for a frame that was read into it; only when that differs from the last one. */
  paint(compositor: PlanarCompositor, frame: VideoFrame): void {
    const { width, height } = compositor;
    const { rotation = 0, flip = false } = frame as VideoFrame & { rotation?: number; flip?: boolean };
    const key = [width, height, matrixOf(frame), isFullRange(frame), rotation, flip].join();
    if (key === this.#painted) return;
    writePlanes(this.#cover(width, height, rotation, flip), compositor.backdrop, converter(matrixOf(frame), isFullRange(frame)));
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

const fetchPicture = async (url: string): Promise<Blob> => {
  // A picture must not tell another site who is in a meeting, not even by way of a redirection.
  const response = await fetch(url, { mode: 'same-origin' });
  if (!response.ok) throw new Error(`${response.status} for the picture`);
  return response.blob();
};

/** RGBA into I420 planes of the same size; chroma is the mean of up to 2 x 2 pixels. */
const writePlanes = ({ data, width, height }: ImageData, { y: luma, u, v }: Picture, convert: Convert): void => {
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
