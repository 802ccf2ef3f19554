/** The last stage: matte and background are scaled up row by row, and the frame is blended in place. */
import { BACK_BITS } from './background';
import {
  backdropY, chromaHeight, chromaStride, coarseHeight, coarseStride, coarseU, coarseV, coarseWidth, coarseY, frameU, frameV, frameY, height, lumaStride,
  offset, reduction, rowAlpha0, rowAlpha1, rowBackU, rowBackV, rowBackY, rowCoarse, rowOffset, rowSlope, slope, smallHeight, smallStride, smallWidth,
} from './memory';

const BACK_HALF: i16 = 16; // half of 1 << BACK_BITS

/** a + (b - a) * w / 32768 */
// @ts-ignore: decorator
@inline
function mix(a: v128, b: v128, w: v128): v128 {
  return i16x8.add(a, i16x8.q15mulr_sat_s(i16x8.sub(b, a), w));
}

/** Row `y` of an i16 plane scaled up `factor` times in height, bilinear; its ends are repeated beyond both sides. */
function rowOf(into: usize, plane: usize, stride: i32, width: i32, height: i32, y: i32, factor: i32): void {
  // (y + 1/2) / factor - 1/2, in halves of 1 / factor
  const at = min(max(2 * y + 1 - factor, 0), 2 * factor * (height - 1));
  const row = at / (2 * factor);
  const top = plane + 2 * row * stride;
  const bottom = plane + 2 * min(row + 1, height - 1) * stride;
  const w = i16x8.splat(<i16>(((at % (2 * factor)) << 14) / factor));
  for (let x = 0; x < 2 * width; x += 16) v128.store(into + x, mix(v128.load(top + x), v128.load(bottom + x), w));
  store<i16>(into - 2, load<i16>(into));
  const last = i16x8.splat(load<i16>(into + 2 * (width - 1)));
  v128.store(into + 2 * width, last);
  v128.store(into + 2 * width, last, 16);
}

/** Eight samples from `x` on (a multiple of 8) of a row scaled up `factor` times in width, bilinear, centres aligned. */
// @ts-ignore: decorator
@inline
function scaled(row: usize, x: i32, factor: i32): v128 {
  if (factor == 4) {
    const s = v128.load(row + (x >> 1) - 2);
    return mix(i16x8.shuffle(s, s, 0, 0, 1, 1, 1, 1, 2, 2), i16x8.shuffle(s, s, 1, 1, 2, 2, 2, 2, 3, 3), i16x8(20480, 28672, 4096, 12288, 20480, 28672, 4096, 12288));
  }
  if (factor == 2) {
    const s = v128.load(row + x - 2);
    return mix(i16x8.shuffle(s, s, 0, 1, 1, 2, 2, 3, 3, 4), i16x8.shuffle(s, s, 1, 2, 2, 3, 3, 4, 4, 5), i16x8(24576, 8192, 24576, 8192, 24576, 8192, 24576, 8192));
  }
  return v128.load(row + 2 * x);
}

/** Luma of eight pixels (i16) to alpha, 0 to 2047. */
// @ts-ignore: decorator
@inline
function alphaOf(luma: v128, slope: v128, offset: v128): v128 {
  const centred = i16x8.shl(i16x8.sub(luma, i16x8.splat(128)), 8);
  const alpha = i16x8.add_sat_s(i16x8.q15mulr_sat_s(slope, centred), offset);
  return i16x8.max_s(i16x8.min_s(alpha, i16x8.splat(2047)), i16x8.splat(0));
}

/** back + (front - back) * alpha; back has BACK_BITS fractional bits. 2047 / 2048 still rounds to the exact front. */
// @ts-ignore: decorator
@inline
function over(front: v128, back: v128, alpha: v128): v128 {
  const out = i16x8.add(back, i16x8.q15mulr_sat_s(i16x8.sub(i16x8.shl(front, BACK_BITS), back), i16x8.shl(alpha, 4)));
  return i16x8.shr_s(i16x8.add(out, i16x8.splat(BACK_HALF)), BACK_BITS);
}

// @ts-ignore: decorator
@inline
function bytesAt(at: usize): v128 {
  return v128.load8x8_u(at);
}

/** One row of luma; keeps its alpha for the chroma. */
// @ts-ignore: decorator
@inline
function blendLuma(at: usize, back: usize, backFactor: i32, alphas: usize, factor: i32): void {
  for (let x = 0; x < lumaStride; x += 16) {
    const source = v128.load(at + x);
    const a = i16x8.extend_low_i8x16_u(source);
    const b = i16x8.extend_high_i8x16_u(source);
    const alphaA = alphaOf(a, scaled(rowSlope, x, factor), scaled(rowOffset, x, factor));
    const alphaB = alphaOf(b, scaled(rowSlope, x + 8, factor), scaled(rowOffset, x + 8, factor));
    v128.store(alphas + 2 * x, alphaA);
    v128.store(alphas + 2 * x, alphaB, 16);
    v128.store(at + x, i8x16.narrow_i16x8_u(over(a, scaled(back, x, backFactor), alphaA), over(b, scaled(back, x + 8, backFactor), alphaB)));
  }
}

/** One row of chroma, covered by the mean alpha of its 2 x 2 pixels. */
// @ts-ignore: decorator
@inline
function blendChroma(u: usize, v: usize, backFactor: i32): void {
  for (let x = 0; x < chromaStride; x += 8) {
    const left = i32x4.extadd_pairwise_i16x8_s(i16x8.add(v128.load(rowAlpha0 + 4 * x), v128.load(rowAlpha1 + 4 * x)));
    const right = i32x4.extadd_pairwise_i16x8_s(i16x8.add(v128.load(rowAlpha0 + 4 * x, 16), v128.load(rowAlpha1 + 4 * x, 16)));
    const alpha = i16x8.shr_u(i16x8.add(i16x8.narrow_i32x4_s(left, right), i16x8.splat(2)), 2);
    const newU = over(bytesAt(u + x), scaled(rowBackU, x, backFactor), alpha);
    const newV = over(bytesAt(v + x), scaled(rowBackV, x, backFactor), alpha);
    v128.store64_lane(u + x, i8x16.narrow_i16x8_u(newU, newU), 0);
    v128.store64_lane(v + x, i8x16.narrow_i16x8_u(newV, newV), 0);
  }
}

/** A row of a picture as background samples. */
function widen(into: usize, from: usize, bytes: i32): void {
  for (let x = 0; x < bytes; x += 8) v128.store(into + 2 * x, i16x8.shl(bytesAt(from + x), BACK_BITS));
}

function fillRow(into: usize, samples: i32, value: i32): void {
  for (let x = 0; x < samples; x += 8) v128.store(into + 2 * x, i16x8.splat(<i16>(value << BACK_BITS)));
}

/** The coarse luma row for frame row `y`, at the small width. */
function coarseLuma(y: i32, factor: i32): void {
  rowOf(rowCoarse, coarseY, coarseStride, coarseWidth, coarseHeight, y, 2 * factor);
  for (let x = 0; x < smallWidth; x += 8) v128.store(rowBackY + 2 * x, scaled(rowCoarse, x, 2));
  store<i16>(rowBackY - 2, load<i16>(rowBackY));
  const last = i16x8.splat(load<i16>(rowBackY + 2 * (smallWidth - 1)));
  v128.store(rowBackY + 2 * smallWidth, last);
  v128.store(rowBackY + 2 * smallWidth, last, 16);
}

// @ts-ignore: decorator
@inline
function blurRows(factor: i32): void {
  for (let j = 0; j < chromaHeight; j++) {
    for (let k = 0; k < 2; k++) {
      const y = 2 * j + k;
      if (y >= height) {
        memory.copy(rowAlpha1, rowAlpha0, 2 * lumaStride);
        break;
      }
      matteRow(y, factor);
      coarseLuma(y, factor);
      blendLuma(frameY + y * lumaStride, rowBackY, factor, k ? rowAlpha1 : rowAlpha0, factor);
    }
    rowOf(rowBackU, coarseU, coarseStride, coarseWidth, coarseHeight, j, factor);
    rowOf(rowBackV, coarseV, coarseStride, coarseWidth, coarseHeight, j, factor);
    blendChroma(frameU + j * chromaStride, frameV + j * chromaStride, factor);
  }
}

// @ts-ignore: decorator
@inline
function matteRow(y: i32, factor: i32): void {
  rowOf(rowSlope, slope, smallStride, smallWidth, smallHeight, y, factor);
  rowOf(rowOffset, offset, smallStride, smallWidth, smallHeight, y, factor);
}

/** Over a background at the frame's size; rows come from the backdrop, or are one colour. */
// @ts-ignore: decorator
@inline
function fullRows(factor: i32, colour: bool): void {
  const backdropU = backdropY + (frameU - frameY);
  const backdropV = backdropY + (frameV - frameY);
  for (let j = 0; j < chromaHeight; j++) {
    for (let k = 0; k < 2; k++) {
      const y = 2 * j + k;
      if (y >= height) {
        memory.copy(rowAlpha1, rowAlpha0, 2 * lumaStride);
        break;
      }
      matteRow(y, factor);
      if (!colour) widen(rowBackY, backdropY + y * lumaStride, lumaStride);
      blendLuma(frameY + y * lumaStride, rowBackY, 1, k ? rowAlpha1 : rowAlpha0, factor);
    }
    if (!colour) {
      widen(rowBackU, backdropU + j * chromaStride, chromaStride);
      widen(rowBackV, backdropV + j * chromaStride, chromaStride);
    }
    blendChroma(frameU + j * chromaStride, frameV + j * chromaStride, 1);
  }
}

export function blendBlurred(): void {
  switch (reduction) {
    case 4:
      blurRows(4);
      break;
    case 2:
      blurRows(2);
      break;
    default:
      blurRows(1);
  }
}

// @ts-ignore: decorator
@inline
function full(colour: bool): void {
  switch (reduction) {
    case 4:
      fullRows(4, colour);
      break;
    case 2:
      fullRows(2, colour);
      break;
    default:
      fullRows(1, colour);
  }
}

export function blendBackdrop(): void {
  full(false);
}

export function blendColour(y: i32, u: i32, v: i32): void {
  fillRow(rowBackY, lumaStride, y);
  fillRow(rowBackU, chromaStride, u);
  fillRow(rowBackV, chromaStride, v);
  full(true);
}
