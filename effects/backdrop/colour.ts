import { isFullRange } from '../compositor/frames';

/** One sample in a frame's own terms. */
export interface Yuv {
  readonly y: number;
  readonly u: number;
  readonly v: number;
}

/** How samples stand for colours. A matrix that is not named is taken for BT.601, as cameras send it. */
export interface Encoding {
  readonly matrix: string | null;
  readonly fullRange: boolean;
}

/** Shares of red and blue in luma. */
const SHARES: Readonly<Record<string, readonly [number, number]>> = { bt709: [0.2126, 0.0722], 'bt2020-ncl': [0.2627, 0.0593] };
const BT601: readonly [number, number] = [0.299, 0.114];

const constantsOf = ({ matrix, fullRange }: Encoding) => {
  const [kr, kb] = SHARES[matrix ?? ''] ?? BT601;
  const [black, luma, chroma] = fullRange ? [0, 1, 1] : [16, 219 / 255, 224 / 255];
  return { kr, kb, black, luma, chroma };
};

export type FromRgb = (red: number, green: number, blue: number) => Yuv;

/** @returns from 8-bit RGB; not rounded */
export const fromRgb = (encoding: Encoding): FromRgb => {
  const { kr, kb, black, luma, chroma } = constantsOf(encoding);
  return (red, green, blue) => {
    const y = kr * red + (1 - kr - kb) * green + kb * blue;
    return { y: black + luma * y, u: 128 + (chroma * (blue - y)) / (2 - 2 * kb), v: 128 + (chroma * (red - y)) / (2 - 2 * kr) };
  };
};

/** A sample of another encoding, as sums of its parts: `y = yy * Y + yu * U + yv * V + y0`, U and V around zero. */
export interface Recoding {
  readonly yy: number;
  readonly yu: number;
  readonly yv: number;
  readonly y0: number;
  readonly uu: number;
  readonly uv: number;
  readonly vu: number;
  readonly vv: number;
}

/** @returns nothing where both are the same */
export const recoding = (from: Encoding, to: Encoding): Recoding | undefined => {
  const a = constantsOf(from);
  const b = constantsOf(to);
  if (a.kr === b.kr && a.kb === b.kb && a.black === b.black) return undefined;
  const encode = fromRgb(to);
  const recode = (y: number, u: number, v: number): Yuv => {
    const grey = (y - a.black) / a.luma;
    const red = grey + (v * (2 - 2 * a.kr)) / a.chroma;
    const blue = grey + (u * (2 - 2 * a.kb)) / a.chroma;
    return encode(red, (grey - a.kr * red - a.kb * blue) / (1 - a.kr - a.kb), blue);
  };
  const zero = recode(0, 0, 0);
  const [y, u, v] = [recode(1, 0, 0), recode(0, 1, 0), recode(0, 0, 1)];
  return { yy: y.y - zero.y, yu: u.y - zero.y, yv: v.y - zero.y, y0: zero.y, uu: u.u - zero.u, uv: v.u - zero.u, vu: u.v - zero.v, vv: v.v - zero.v };
};

/** The encoding of a frame's samples as they lie in the compositor's planes: what was RGB became BT.601 there. */
export const encodingOf = (frame: VideoFrame): Encoding => ({
  matrix: frame.format !== null && /^(I420|NV12)/.test(frame.format) ? frame.colorSpace.matrix : null,
  fullRange: isFullRange(frame),
});

/** @param colour `#rrggbb` */
export const colourFor = (frame: VideoFrame, colour: string): Yuv => {
  const channel = (at: number): number => parseInt(colour.slice(at, at + 2), 16) || 0;
  const { y, u, v } = fromRgb(encodingOf(frame))(channel(1), channel(3), channel(5));
  return { y: Math.round(y), u: Math.round(u), v: Math.round(v) };
};
