/** Frames of other formats into I420. */
import { chromaHeight, chromaStride, chromaWidth, frameU, frameV, frameY, height, lumaStride, staging, width } from './memory';

// @ts-ignore: decorator
@inline
function repeatLast(row: usize, used: i32, stride: i32): void {
  const last = load<u8>(row + used - 1);
  for (let x = used; x < stride; x++) store<u8>(row + x, last);
}

/** Repeats the last column into the padding of the rows, where the averages of odd sizes read it. */
export function padFrame(): void {
  if (width < lumaStride) for (let y = 0; y < height; y++) repeatLast(frameY + y * lumaStride, width, lumaStride);
  if (chromaWidth < chromaStride) {
    for (let y = 0; y < chromaHeight; y++) {
      repeatLast(frameU + y * chromaStride, chromaWidth, chromaStride);
      repeatLast(frameV + y * chromaStride, chromaWidth, chromaStride);
    }
  }
}

/** NV12: luma is in its place already; staging holds rows of 2 x chromaStride bytes, U and V in turn. */
export function fromNv12(): void {
  const bytes = chromaStride * chromaHeight;
  for (let i = 0; i < bytes; i += 16) {
    const a = v128.load(staging + 2 * i);
    const b = v128.load(staging + 2 * i, 16);
    v128.store(frameU + i, i8x16.shuffle(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30));
    v128.store(frameV + i, i8x16.shuffle(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31));
  }
}

/** One colour of 16 RGBA pixels as bytes. */
// @ts-ignore: decorator
@inline
function channel(at: usize, shift: i32): v128 {
  const mask = i32x4.splat(255);
  const a = v128.and(i32x4.shr_u(v128.load(at), shift), mask);
  const b = v128.and(i32x4.shr_u(v128.load(at, 16), shift), mask);
  const c = v128.and(i32x4.shr_u(v128.load(at, 32), shift), mask);
  const d = v128.and(i32x4.shr_u(v128.load(at, 48), shift), mask);
  return i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_u(a, b), i16x8.narrow_i32x4_u(c, d));
}

// @ts-ignore: decorator
@inline
function weigh(r: v128, g: v128, b: v128, wr: i16, wg: i16, wb: i16): v128 {
  return i16x8.add(i16x8.add(i16x8.mul(r, i16x8.splat(wr)), i16x8.mul(g, i16x8.splat(wg))), i16x8.mul(b, i16x8.splat(wb)));
}

/** Luma of 8 pixels: the sums reach 56100, so they are unsigned. */
// @ts-ignore: decorator
@inline
function luma(r: v128, g: v128, b: v128): v128 {
  return i16x8.add(i16x8.shr_u(i16x8.add(weigh(r, g, b, 66, 129, 25), i16x8.splat(128)), 8), i16x8.splat(16));
}

// @ts-ignore: decorator
@inline
function mean4(top: v128, bottom: v128): v128 {
  const sum = i16x8.add(i16x8.extadd_pairwise_i8x16_u(top), i16x8.extadd_pairwise_i8x16_u(bottom));
  return i16x8.shr_u(i16x8.add(sum, i16x8.splat(2)), 2);
}

// @ts-ignore: decorator
@inline
function storeChroma(at: usize, value: v128): void {
  const c = i16x8.add(i16x8.shr_s(i16x8.add(value, i16x8.splat(128)), 8), i16x8.splat(128));
  v128.store64_lane(at, i8x16.narrow_i16x8_u(c, c), 0);
}

/**
 * RGBA (or BGRA) rows of 4 x lumaStride bytes in staging into I420: BT.601, limited range, in 8-bit integers (the
 * coefficients of ITU-R BT.601 scaled by 256); chroma is the mean of 2 x 2.
 */
export function fromRgba(blueFirst: i32): void {
  const redShift = blueFirst ? 16 : 0;
  const blueShift = 16 - redShift;
  const stride = 4 * lumaStride;
  // The averages of odd widths read the column after the last one.
  if (width < lumaStride) {
    for (let y = 0; y < height; y++) {
      const row = staging + y * stride;
      const last = load<u32>(row + 4 * (width - 1));
      for (let x = width; x < lumaStride; x++) store<u32>(row + 4 * x, last);
    }
  }
  for (let y = 0; y < height; y += 2) {
    const top = staging + y * stride;
    const bottom = y + 1 < height ? top + stride : top;
    const into = frameY + y * lumaStride;
    const second = y + 1 < height ? into + lumaStride : into;
    const chroma = (y >> 1) * chromaStride;
    for (let x = 0; x < lumaStride; x += 16) {
      const r0 = channel(top + 4 * x, redShift);
      const g0 = channel(top + 4 * x, 8);
      const b0 = channel(top + 4 * x, blueShift);
      const r1 = channel(bottom + 4 * x, redShift);
      const g1 = channel(bottom + 4 * x, 8);
      const b1 = channel(bottom + 4 * x, blueShift);
      v128.store(second + x, i8x16.narrow_i16x8_u(
        luma(i16x8.extend_low_i8x16_u(r1), i16x8.extend_low_i8x16_u(g1), i16x8.extend_low_i8x16_u(b1)),
        luma(i16x8.extend_high_i8x16_u(r1), i16x8.extend_high_i8x16_u(g1), i16x8.extend_high_i8x16_u(b1)),
      ));
      v128.store(into + x, i8x16.narrow_i16x8_u(
        luma(i16x8.extend_low_i8x16_u(r0), i16x8.extend_low_i8x16_u(g0), i16x8.extend_low_i8x16_u(b0)),
        luma(i16x8.extend_high_i8x16_u(r0), i16x8.extend_high_i8x16_u(g0), i16x8.extend_high_i8x16_u(b0)),
      ));
      const r = mean4(r0, r1);
      const g = mean4(g0, g1);
      const b = mean4(b0, b1);
      storeChroma(frameU + chroma + (x >> 1), weigh(r, g, b, -38, -74, 112));
      storeChroma(frameV + chroma + (x >> 1), weigh(r, g, b, 112, -94, -18));
    }
  }
}
