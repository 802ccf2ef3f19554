import type { Picture, Plane } from '../compositor/planar';
import type { Recoding } from './colour';

/** One plane of a decoded picture: rows `stride` bytes apart, samples `step` bytes apart. */
export interface Samples {
  readonly width: number;
  readonly height: number;
  readonly stride: number;
  readonly step: number;
  readonly data: Uint8Array;
}

/** A decoded picture; chroma has half the width and height, rounded up. */
export interface Decoded {
  readonly y: Samples;
  readonly u: Samples;
  readonly v: Samples;
}

/** How a picture and the frame it stands in are turned before they are shown: clockwise by degrees, then flipped. */
export interface Turns {
  readonly picture: number;
  readonly frame: number;
  readonly flip: boolean;
}

/** Which samples of a line make up each sample of the plane: byte offsets of both neighbours, and the share of the second, of 256. */
interface Taps {
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly share: Uint16Array;
}

/**
 * Scales pictures of one size to cover frames of one size, cropped evenly and upright. Bilinear: a background is seldom
 * far from the camera's own size.
 */
export class Fit {
  readonly #scale: number;
  /** Whether the frame's rows run along the picture's columns; the way along the picture that the frame's x leads, and its y. */
  readonly #turn: { readonly swap: boolean; readonly across: number; readonly down: number };
  readonly #taps = new Map<string, Taps>();

  constructor(from: { readonly width: number; readonly height: number }, to: { readonly width: number; readonly height: number }, turns: Turns) {
    // From the frame to what is shown and back to the picture. A turn after a flip is the opposite turn before it.
    const angle = turns.flip ? -turns.picture - turns.frame : turns.frame - turns.picture;
    const cos = Math.round(Math.cos((angle * Math.PI) / 180));
    const sin = Math.round(Math.sin((angle * Math.PI) / 180));
    const mirror = turns.flip ? -1 : 1;
    const swap = sin !== 0;
    this.#turn = swap ? { swap, across: mirror * sin, down: -sin } : { swap, across: mirror * cos, down: cos };
    const [width, height] = swap ? [from.height, from.width] : [from.width, from.height];
    this.#scale = Math.max(to.width / width, to.height / height);
  }

  /** Writes all planes of `to`. */
  write(from: Decoded, to: Picture): void {
    for (const plane of ['y', 'u', 'v'] as const) this.#plane(from[plane], to[plane]);
  }

  #plane(from: Samples, to: Plane): void {
    const { swap, across, down } = this.#turn;
    const rows = swap ? this.#tapsOf(to.height, from.width, from.step, down) : this.#tapsOf(to.height, from.height, from.stride, down);
    const columns = swap ? this.#tapsOf(to.width, from.height, from.stride, across) : this.#tapsOf(to.width, from.width, from.step, across);
    const { left, right, share } = columns;
    const { data, width, stride } = to;
    const source = from.data;
    const straight = from.step === 1 && !swap && across > 0 && this.#scale === 1;
    for (let y = 0; y < to.height; y++) {
      const [top, bottom, down] = [rows.left[y]!, rows.right[y]!, rows.share[y]!];
      const at = y * stride;
      if (down === 0 && straight && share[0] === 0) data.set(source.subarray(top + left[0]!, top + left[width - 1]! + 1), at);
      else {
        for (let x = 0; x < width; x++) {
          const [l, r, part] = [left[x]!, right[x]!, share[x]!];
          const upper = source[top + l]! * (256 - part) + source[top + r]! * part;
          const lower = source[bottom + l]! * (256 - part) + source[bottom + r]! * part;
          data[at + x] = (upper * (256 - down) + lower * down + 32768) >> 16;
        }
      }
    }
  }

  #tapsOf(count: number, length: number, step: number, direction: number): Taps {
    const key = [count, length, step, direction].join();
    let taps = this.#taps.get(key);
    if (!taps) {
      taps = { left: new Int32Array(count), right: new Int32Array(count), share: new Uint16Array(count) };
      for (let i = 0; i < count; i++) {
        // Centres lie on each other, whatever is cropped.
        const at = Math.min(length - 1, Math.max(0, (direction * (i + 0.5 - count / 2)) / this.#scale + length / 2 - 0.5));
        const low = Math.floor(at);
        taps.left[i] = low * step;
        taps.right[i] = Math.min(length - 1, low + 1) * step;
        taps.share[i] = Math.round((at - low) * 256);
      }
      this.#taps.set(key, taps);
    }
    return taps;
  }
}

const clamp = (value: number): number => (value < 0 ? 0 : value > 255 ? 255 : value);

/** From one encoding of colours to another, in place. */
export const recode = ({ y, u, v }: Picture, { yy, yu, yv, y0, uu, uv, vu, vv }: Recoding): void => {
  for (let row = 0; row < u.height; row++) {
    for (let x = 0; x < u.width; x++) {
      const [i, j] = [row * u.stride + x, row * v.stride + x];
      const [cu, cv] = [u.data[i]! - 128, v.data[j]! - 128];
      u.data[i] = clamp(128.5 + uu * cu + uv * cv);
      v.data[j] = clamp(128.5 + vu * cu + vv * cv);
      const tint = y0 + yu * cu + yv * cv + 0.5;
      // The planes' rows are padded to even lengths; only the last row may stand alone.
      for (let down = 0; down < 2 && 2 * row + down < y.height; down++) {
        const at = (2 * row + down) * y.stride + 2 * x;
        y.data[at] = clamp(yy * y.data[at]! + tint);
        y.data[at + 1] = clamp(yy * y.data[at + 1]! + tint);
      }
    }
  }
};
