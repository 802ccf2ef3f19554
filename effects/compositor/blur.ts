import type { Plane, Picture } from './planes';
import { blurField, pictureIn, plane, scaledRow, shrink } from './planes';

/** The background is blurred at a quarter of the size: what is smaller than four pixels would not survive anyway. */
const REDUCTION = 4;

/**
 * Blurs what the mask does not cover, in planes.
 *
 * The blur is weighted by the background, so that the person's colours do not bleed into a halo around them: both the
 * picture times (1 - mask) and (1 - mask) are blurred, and divided.
 */
export class BlurCompositor {
  readonly width: number;
  readonly height: number;
  readonly #small: { y: Plane; u: Plane; v: Plane };
  readonly #smallMask: Plane;
  readonly #weight: Float32Array;
  readonly #field: Float32Array;
  readonly #line: Float32Array;
  readonly #rows: { mask: Uint8Array; back: Uint8Array; scratch: Uint16Array };

  /** @param width, height of the frames it will get, in pixels */
  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    const w = Math.max(2, Math.ceil(width / REDUCTION));
    const h = Math.max(2, Math.ceil(height / REDUCTION));
    this.#small = { y: plane(w, h), u: plane(w, h), v: plane(w, h) };
    this.#smallMask = plane(w, h);
    this.#weight = new Float32Array(w * h);
    this.#field = new Float32Array(w * h);
    this.#line = new Float32Array(Math.max(w, h));
    this.#rows = { mask: new Uint8Array(width), back: new Uint8Array(width), scratch: new Uint16Array(Math.max(width, 512)) };
  }

  /**
   * @param picture is changed in place
   * @param mask the person, 0 to 255, any size
   * @param strength 0 to 1
   */
  apply(picture: Picture, mask: Plane, strength: number): void {
    const { width: w, height: h } = this.#smallMask;
    const scratch = this.#rows.scratch;
    for (let y = 0; y < h; y++) scaledRow(mask, y, h, this.#smallMask.data.subarray(y * w, (y + 1) * w), scratch);
    // A floor keeps the division defined deep inside the person, where the result is not shown.
    for (let i = 0; i < w * h; i++) this.#weight[i] = (255 - this.#smallMask.data[i]!) / 255 + 1 / 512;
    const weights = this.#weight.slice();
    const radius = Math.max(1, Math.round(Math.min(w, h) * (0.02 + 0.07 * strength)));
    blurField(this.#weight, w, h, radius, this.#line);

    for (const key of ['y', 'u', 'v'] as const) {
      const full = picture[key];
      const small = this.#small[key];
      if (full.width >= w && full.height >= h) shrink(full, small);
      else for (let y = 0; y < h; y++) scaledRow(full, y, h, small.data.subarray(y * w, (y + 1) * w), scratch);
      const field = this.#field;
      for (let i = 0; i < w * h; i++) field[i] = small.data[i]! * weights[i]!;
      blurField(field, w, h, radius, this.#line);
      for (let i = 0; i < w * h; i++) small.data[i] = field[i]! / this.#weight[i]! + 0.5;
      this.#blend(full, small, mask);
    }
  }

  #blend(full: Plane, back: Plane, mask: Plane): void {
    const { width, height, data } = full;
    const maskRow = this.#rows.mask.subarray(0, width);
    const backRow = this.#rows.back.subarray(0, width);
    for (let y = 0; y < height; y++) {
      scaledRow(mask, y, height, maskRow, this.#rows.scratch);
      scaledRow(back, y, height, backRow, this.#rows.scratch);
      const row = y * width;
      for (let x = 0; x < width; x++) {
        const b = backRow[x]!;
        const m = maskRow[x]!;
        data[row + x] = b + (((data[row + x]! - b) * (m + (m >> 7)) + 128) >> 8);
      }
    }
  }
}

/**
 * Writes a picture as RGBA at the size of `target`, for the segmenter, by BT.601 limited range: the model was trained
 * on camera pictures of every kind and does not mind the difference to other matrices.
 */
export const toRgba = (picture: Picture, target: ImageData, planes: Picture): void => {
  const { width, height, data } = target;
  for (const key of ['y', 'u', 'v'] as const) {
    const from = picture[key];
    const to = planes[key];
    if (from.width >= width && from.height >= height) shrink(from, to);
    else for (let y = 0; y < height; y++) scaledRow(from, y, height, to.data.subarray(y * width, (y + 1) * width), new Uint16Array(from.width));
  }
  for (let i = 0, o = 0; i < width * height; i++, o += 4) {
    const y = 1.164 * (planes.y.data[i]! - 16);
    const u = planes.u.data[i]! - 128;
    const v = planes.v.data[i]! - 128;
    data[o] = y + 1.596 * v;
    data[o + 1] = y - 0.392 * u - 0.813 * v;
    data[o + 2] = y + 2.017 * u;
    data[o + 3] = 255;
  }
};

/** Three planes of one size, the scratch space of {@link toRgba}. */
export const fullPlanes = (width: number, height: number): Picture => ({ y: plane(width, height), u: plane(width, height), v: plane(width, height) });

/** Converts RGBA (or BGRA) into I420, BT.601 limited range, chroma averaged over 2x2. */
export const fromRgba = (rgba: Uint8Array, width: number, height: number, buffer: Uint8Array, blueFirst = false): Picture => {
  const picture = pictureIn(width, height, buffer);
  const red = blueFirst ? 2 : 0;
  const blue = 2 - red;
  for (let y = 0; y < height; y += 2) {
    for (let x = 0; x < width; x += 2) {
      let r = 0;
      let g = 0;
      let b = 0;
      let n = 0;
      for (let dy = 0; dy < 2 && y + dy < height; dy++) {
        for (let dx = 0; dx < 2 && x + dx < width; dx++) {
          const at = (y + dy) * width + x + dx;
          const pr = rgba[at * 4 + red]!;
          const pg = rgba[at * 4 + 1]!;
          const pb = rgba[at * 4 + blue]!;
          picture.y.data[at] = 16.5 + 0.257 * pr + 0.504 * pg + 0.098 * pb;
          r += pr;
          g += pg;
          b += pb;
          n++;
        }
      }
      const at = (y >> 1) * picture.u.width + (x >> 1);
      picture.u.data[at] = 128.5 + (-0.148 * r - 0.291 * g + 0.439 * b) / n;
      picture.v.data[at] = 128.5 + (0.439 * r - 0.368 * g - 0.071 * b) / n;
    }
  }
  return picture;
};
