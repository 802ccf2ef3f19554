/** The last stage: matte and background are scaled up row by row, and the frame is blended in place. */
import { BACK_BITS, BACK_HALF } from './background';
import {
  alphaPlane, backdropY, BLOCK, blocks, blockStride, chromaHeight, chromaStride, chromaWidth, coarseHeight, coarseStride, coarseU, coarseV, coarseWidth, coarseY, coefU, coefV, coefY, EDGE, frameU, frameV,
  frameY, height, lumaStride, offset, PERSON, reduction, ROOM, rowBack0, rowBack1, rowBackU, rowBackV, rowBlocks, rowCoefU, rowCoefV, rowCoefY, rowOffset,
  rowTint, tintStride,
} from './memory';

/** a + (b - a) * w / 32768 */
// @ts-ignore: decorator
@inline
function mix(a: v128, b: v128, w: v128): v128 {
  return i16x8.add(a, i16x8.q15mulr_sat_s(i16x8.sub(b, a), w));
}

/** Row `y` of a grid `factor` times as high as the coarse one, on that: (y + 1/2) / factor - 1/2, in halves of 1 / factor. */
// @ts-ignore: decorator
@inline
function onCoarse(y: i32, factor: i32): i32 {
  return min(max(2 * y + 1 - factor, 0), 2 * factor * (coarseHeight - 1));
}
/** The coarse row above that place, the one below, and the share of the latter. */
// @ts-ignore: decorator
@inline
function rowAbove(at: i32, factor: i32): i32 {
  return at / (2 * factor);
}
// @ts-ignore: decorator
@inline
function rowBelow(at: i32, factor: i32): i32 {
  return min(rowAbove(at, factor) + 1, coarseHeight - 1);
}
// @ts-ignore: decorator
@inline
function shareBelow(at: i32, factor: i32): v128 {
  return i16x8.splat(<i16>(((at % (2 * factor)) << 14) / factor));
}

/** Repeats the ends of a row of coarse samples beyond both sides. */
// @ts-ignore: decorator
@inline
function repeatEnds(row: usize): void {
  store<i16>(row - 2, load<i16>(row));
  const last = i16x8.splat(load<i16>(row + 2 * (coarseWidth - 1)));
  v128.store(row + 2 * coarseWidth, last);
  v128.store(row + 2 * coarseWidth, last, 16);
}

/** Row `y` of a coarse plane scaled up `factor` times in height, bilinear. */
// @ts-ignore: decorator
@inline
function rowOf(into: usize, plane: usize, y: i32, factor: i32): void {
  const at = onCoarse(y, factor);
  const top = plane + 2 * rowAbove(at, factor) * coarseStride;
  const bottom = plane + 2 * rowBelow(at, factor) * coarseStride;
  const w = shareBelow(at, factor);
  for (let x = 0; x < 2 * coarseWidth; x += 16) v128.store(into + x, mix(v128.load(top + x), v128.load(bottom + x), w));
  repeatEnds(into);
}

/** Eight samples from `x` on (a multiple of 8) of a row scaled up `factor` times in width, bilinear, centres aligned. */
// @ts-ignore: decorator
@inline
function scaled(row: usize, x: i32, factor: i32): v128 {
  if (factor == 8) {
    const s = v128.load64_zero(row + (x >> 2) - 2);
    return mix(i16x8.shuffle(s, s, 0, 0, 0, 0, 1, 1, 1, 1), i16x8.shuffle(s, s, 1, 1, 1, 1, 2, 2, 2, 2), i16x8(18432, 22528, 26624, 30720, 2048, 6144, 10240, 14336));
  }
  if (factor == 4) {
    const s = v128.load64_zero(row + (x >> 1) - 2);
    return mix(i16x8.shuffle(s, s, 0, 0, 1, 1, 1, 1, 2, 2), i16x8.shuffle(s, s, 1, 1, 2, 2, 2, 2, 3, 3), i16x8(20480, 28672, 4096, 12288, 20480, 28672, 4096, 12288));
  }
  if (factor == 2) {
    const s = v128.load(row + x - 2);
    return mix(i16x8.shuffle(s, s, 0, 1, 1, 2, 2, 3, 3, 4), i16x8.shuffle(s, s, 1, 2, 2, 3, 3, 4, 4, 5), i16x8(24576, 8192, 24576, 8192, 24576, 8192, 24576, 8192));
  }
  return v128.load(row + 2 * x);
}

/** Sixteen of them as bytes, of a row of background samples. */
// @ts-ignore: decorator
@inline
function scaledBytes(row: usize, x: i32, factor: i32): v128 {
  if (factor == 8) {
    const s = v128.load64_zero(row + (x >> 2) - 2);
    const w = i16x8(18432, 22528, 26624, 30720, 2048, 6144, 10240, 14336);
    const middle = i16x8.shuffle(s, s, 1, 1, 1, 1, 2, 2, 2, 2);
    return bytesOf(mix(i16x8.shuffle(s, s, 0, 0, 0, 0, 1, 1, 1, 1), middle, w), mix(middle, i16x8.shuffle(s, s, 2, 2, 2, 2, 3, 3, 3, 3), w));
  }
  return bytesOf(scaled(row, x, factor), scaled(row, x + 8, factor));
}

/** A sample as background samples are: with fractional bits, and half of the last whole one, so that cutting off rounds. */
// @ts-ignore: decorator
@inline
function precise(sample: v128): v128 {
  return i16x8.add(i16x8.shl(sample, BACK_BITS), i16x8.splat(BACK_HALF));
}

/** The same of a sample that is the high byte. */
// @ts-ignore: decorator
@inline
function preciseHigh(sample: v128): v128 {
  return i16x8.add(i16x8.shr_u(sample, 8 - BACK_BITS), i16x8.splat(BACK_HALF));
}

/** back + (front - back) * alpha, of two background samples, as a whole one. */
// @ts-ignore: decorator
@inline
function over(front: v128, back: v128, alpha: v128): v128 {
  return i16x8.shr_s(i16x8.add(back, i16x8.q15mulr_sat_s(i16x8.sub(front, back), alpha)), BACK_BITS);
}

/** Sixteen background samples as bytes. */
// @ts-ignore: decorator
@inline
function bytesOf(a: v128, b: v128): v128 {
  return i8x16.narrow_i16x8_u(i16x8.shr_s(a, BACK_BITS), i16x8.shr_s(b, BACK_BITS));
}

/** The first and the last eight of sixteen samples, as high bytes: around zero once the sign is turned, in steps of 1/128. */
// @ts-ignore: decorator
@inline
function lowAsHigh(samples: v128): v128 {
  return i8x16.shuffle(i8x16.splat(0), samples, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
// @ts-ignore: decorator
@inline
function highAsHigh(samples: v128): v128 {
  return i8x16.shuffle(i8x16.splat(0), samples, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

/** From around zero to unsigned, and back: only unsigned numbers have an average of their own. */
// @ts-ignore: decorator
@inline
function turned(a: v128): v128 {
  return v128.xor(a, i16x8.splat(-32768));
}

/** A quarter of the way from `a` to `b`, unsigned. */
// @ts-ignore: decorator
@inline
function quarter(a: v128, b: v128): v128 {
  return i16x8.avgr_u(i16x8.avgr_u(a, b), a);
}

/** The fit (10 fractional bits): the luma's part is added to what their chroma gave. @param luma as high bytes */
// @ts-ignore: decorator
@inline
function fitOf(luma: v128, slope: v128, tint: v128): v128 {
  return i16x8.add_sat_s(i16x8.q15mulr_sat_s(slope, turned(luma)), tint);
}

/** The fit from there on is 1. 1019 / 1024 keeps alpha below 32768; it still rounds to the exact front in over(). */
const FULL: i16 = 1019;

/** From the fit to alpha as a fraction: smoothstep, 3t^2 - 2t^3. */
// @ts-ignore: decorator
@inline
function sharpened(fit: v128): v128 {
  const t = i16x8.shl(i16x8.max_s(i16x8.min_s(fit, i16x8.splat(FULL)), i16x8.splat(0)), 5);
  const t2 = i16x8.q15mulr_sat_s(t, t);
  const t3 = i16x8.q15mulr_sat_s(t2, t);
  return i16x8.sub(i16x8.mul(t2, i16x8.splat(3)), i16x8.shl(t3, 1));
}

/** Alpha as a byte: 32765, which is the most, becomes 255. */
// @ts-ignore: decorator
@inline
function byteOf(alpha: v128): v128 {
  return i16x8.q15mulr_sat_s(alpha, i16x8.splat(255));
}

/** Where the tint of chroma row `j` is kept, and the slope of luma. */
// @ts-ignore: decorator
@inline
function tintAt(j: i32): usize {
  return rowTint + <usize>(j % 3) * tintStride;
}
// @ts-ignore: decorator
@inline
function slopeAt(j: i32): usize {
  return rowCoefY + <usize>(j & 1) * tintStride;
}

/** What the blocks of chroma row `j` show is kept there. */
// @ts-ignore: decorator
@inline
function blocksAt(j: i32): usize {
  return rowBlocks + <usize>(j % 3) * blockStride;
}

/** What tintRow gives where the fit is 0, and where it is 1. */
const TINT_ROOM: i16 = -128;
const TINT_PERSON: i16 = 1152;

/**
 * For chroma row `j`, to be called before that row is blended: the chroma's part of alpha and the offset, turned; and the
 * slope of luma, of the coarse width. Of these only what blocks with edges need is made.
 */
// @ts-ignore: decorator
@inline
function tintRow(j: i32, factor: i32): void {
  // A block shows what both coarse rows show, since only an edge lies between person and room.
  const at = onCoarse(j, factor);
  const row = rowAbove(at, factor);
  const below = rowBelow(at, factor);
  const share = shareBelow(at, factor);
  const top = blocks + row * blockStride;
  const bottom = blocks + below * blockStride;
  const kinds = blocksAt(j);
  const slopes = slopeAt(j);
  const into = tintAt(j);
  const u = frameU + j * chromaStride;
  const v = frameV + j * chromaStride;
  const coefficientsU = rowCoefU;
  const coefficientsV = rowCoefV;
  const offsets = rowOffset;
  let made = 0;
  for (let b = 0; b < blockStride; b += 8) v128.store64_lane(kinds + b, i8x16.max_u(v128.load64_zero(top + b), v128.load64_zero(bottom + b)), 0);
  for (let b = 0, next = 0; b * BLOCK * factor < chromaStride; b = next) {
    const kind = load<u8>(kinds + b);
    next = endOfRun(kinds, b, factor);
    let x = b * BLOCK * factor;
    const end = min(next * BLOCK * factor, chromaStride);
    if (kind != EDGE) {
      const settled = turned(i16x8.splat(kind == PERSON ? TINT_PERSON : TINT_ROOM));
      for (; x < end; x += 8) v128.store(into + 2 * x, settled);
      continue;
    }
    // Scaling up reads one sample of both neighbours.
    for (made = max(made, b - 1); made <= next; made++) mixCoefficients(slopes, 2 * row * coarseStride, 2 * below * coarseStride, 2 * BLOCK * made, share);
    if (b == 0 || made * BLOCK >= coarseWidth) {
      repeatEnds(slopes);
      repeatEnds(rowCoefU);
      repeatEnds(rowCoefV);
      repeatEnds(rowOffset);
    }
    for (; x < end; x += 8) {
      const us = i16x8.q15mulr_sat_s(scaled(coefficientsU, x, factor), turned(lowAsHigh(v128.load64_zero(u + x))));
      const vs = i16x8.q15mulr_sat_s(scaled(coefficientsV, x, factor), turned(lowAsHigh(v128.load64_zero(v + x))));
      v128.store(into + 2 * x, turned(i16x8.add_sat_s(i16x8.add_sat_s(us, vs), scaled(offsets, x, factor))));
    }
  }
  store<i16>(into - 2, load<i16>(into));
  store<i16>(into + 2 * chromaWidth, load<i16>(into + 2 * (chromaWidth - 1)));
}

/** The end of a run of blocks, in a row of them, that show the same as block `b`. */
// @ts-ignore: decorator
@inline
function endOfRun(row: usize, b: i32, factor: i32): i32 {
  const kind = load<u8>(row + b);
  do b++; while (b * BLOCK * factor < chromaStride && load<u8>(row + b) == kind);
  return b;
}

/** A block's coefficients between two coarse rows, `x` bytes from their start on. */
// @ts-ignore: decorator
@inline
function mixCoefficients(slopes: usize, top: usize, bottom: usize, x: usize, share: v128): void {
  const a = top + x;
  const b = bottom + x;
  v128.store(slopes + x, mix(v128.load(coefY + a), v128.load(coefY + b), share));
  v128.store(rowCoefU + x, mix(v128.load(coefU + a), v128.load(coefU + b), share));
  v128.store(rowCoefV + x, mix(v128.load(coefV + a), v128.load(coefV + b), share));
  v128.store(rowOffset + x, mix(v128.load(offset + a), v128.load(offset + b), share));
}

const BLURRED: i32 = 0;
const BACKDROP: i32 = 1;
const COLOUR: i32 = 2;
const MATTE: i32 = 3;

/**
 * Whether both rows of luma of a row of chroma show the blurred background's row between them: where the coarse grid is
 * an eighth as high, they are half a row of it apart from their own, a sixteenth of a coarse sample.
 */
// @ts-ignore: decorator
@inline
function sharesRow(factor: i32, kind: i32): bool {
  return kind == BLURRED && factor == 4;
}

/**
 * Two rows of luma and their row of chroma, block by block.
 *
 * @param rows 1 where an odd height ends
 * @param kind of background; with MATTE nothing but alphaPlane is written
 */
// @ts-ignore: decorator
@inline
function blendRows(j: i32, rows: i32, factor: i32, kind: i32): void {
  const shown = blocksAt(j);
  const y0 = frameY + 2 * j * lumaStride;
  const y1 = rows == 2 ? y0 + lumaStride : y0;
  const u = frameU + j * chromaStride;
  const v = frameV + j * chromaStride;
  for (let b = 0, next = 0; b * BLOCK * factor < chromaStride; b = next) {
    next = endOfRun(shown, b, factor);
    const x = b * BLOCK * factor;
    const end = min(next * BLOCK * factor, chromaStride);
    const here = load<u8>(shown + b);
    if (here == EDGE) {
      blendEdge(j, y0, y1, u, v, factor, kind, x, end);
    } else if (kind == MATTE) {
      memory.fill(alphaPlane + 2 * j * lumaStride + 2 * x, here == PERSON ? 255 : 0, 2 * (end - x));
      if (rows == 2) memory.fill(alphaPlane + (2 * j + 1) * lumaStride + 2 * x, here == PERSON ? 255 : 0, 2 * (end - x));
    } else if (here == ROOM) {
      showRoom(y0, y1, u, v, factor, kind, x, end);
    }
  }
}

/** Samples `x` to `end` of chroma, and the luma with them, without the person: nothing but background. */
// @ts-ignore: decorator
@inline
function showRoom(y0: usize, y1: usize, u: usize, v: usize, factor: i32, kind: i32, x: i32, end: i32): void {
  const back0 = kind == BACKDROP ? y0 + (backdropY - frameY) : rowBack0;
  const back1 = kind == BACKDROP ? y1 + (backdropY - frameY) : rowBack1;
  const backU = kind == BACKDROP ? u + (backdropY - frameY) : rowBackU;
  const backV = kind == BACKDROP ? v + (backdropY - frameY) : rowBackV;
  const luma = kind == BLURRED ? 2 * factor : 1;
  const chroma = kind == BLURRED ? factor : 1;
  for (; x < end; x += 8) {
    const left = 2 * x;
    if (kind == BACKDROP) {
      v128.store(y1 + left, v128.load(back1 + left));
      v128.store(y0 + left, v128.load(back0 + left));
      store<u64>(u + x, load<u64>(backU + x));
      store<u64>(v + x, load<u64>(backV + x));
      continue;
    }
    const upper = scaledBytes(back0, left, luma);
    // The lower row first: where there is only one, it is the upper one that counts.
    v128.store(y1 + left, sharesRow(factor, kind) ? upper : scaledBytes(back1, left, luma));
    v128.store(y0 + left, upper);
    const colours = bytesOf(scaled(backU, x, chroma), scaled(backV, x, chroma));
    v128.store64_lane(u + x, colours, 0);
    v128.store64_lane(v + x, colours, 1);
  }
}

/** Eight background samples, from `x` on, of a row of background samples, or of bytes of the backdrop. */
// @ts-ignore: decorator
@inline
function behind(row: usize, x: i32, kind: i32, factor: i32): v128 {
  return kind == BACKDROP ? precise(v128.load8x8_u(row + x)) : scaled(row, x, kind == BLURRED ? factor : 1);
}

/**
 * A block with an edge, 16 x 2 pixels at a time. The slope of luma is scaled up to the chroma grid only: it is far
 * smoother than that.
 */
// @ts-ignore: decorator
@inline
function blendEdge(j: i32, y0: usize, y1: usize, u: usize, v: usize, factor: i32, kind: i32, x: i32, end: i32): void {
  const alpha0 = alphaPlane + (y0 - frameY);
  const alpha1 = alphaPlane + (y1 - frameY);
  const toBackdrop = backdropY - frameY;
  const back0 = kind == BACKDROP ? y0 + toBackdrop : rowBack0;
  const back1 = kind == BACKDROP ? y1 + toBackdrop : rowBack1;
  const backU = kind == BACKDROP ? u + toBackdrop : rowBackU;
  const backV = kind == BACKDROP ? v + toBackdrop : rowBackV;
  const slopes = slopeAt(j);
  // The tints of both rows of luma, a quarter of a row from their row of chroma; of eight samples before, here and after.
  const here = tintAt(j);
  const above = tintAt(max(j - 1, 0));
  const below = tintAt(min(j + 1, chromaHeight - 1));
  let last = v128.load(here + 2 * x - 16);
  let last0 = quarter(last, v128.load(above + 2 * x - 16));
  let last1 = quarter(last, v128.load(below + 2 * x - 16));
  last = v128.load(here + 2 * x);
  let next0 = quarter(last, v128.load(above + 2 * x));
  let next1 = quarter(last, v128.load(below + 2 * x));
  for (; x < end; x += 8) {
    const left = 2 * x;
    const before0 = last0;
    const before1 = last1;
    last0 = next0;
    last1 = next1;
    const after = v128.load(here + left, 16);
    next0 = quarter(after, v128.load(above + left, 16));
    next1 = quarter(after, v128.load(below + left, 16));
    // And a quarter of a column from each column of chroma, to both sides.
    const even0 = turned(quarter(last0, i16x8.shuffle(before0, last0, 7, 8, 9, 10, 11, 12, 13, 14)));
    const even1 = turned(quarter(last1, i16x8.shuffle(before1, last1, 7, 8, 9, 10, 11, 12, 13, 14)));
    const odd0 = turned(quarter(last0, i16x8.shuffle(last0, next0, 1, 2, 3, 4, 5, 6, 7, 8)));
    const odd1 = turned(quarter(last1, i16x8.shuffle(last1, next1, 1, 2, 3, 4, 5, 6, 7, 8)));
    const slope = scaled(slopes, x, factor);
    const slopeA = i16x8.shuffle(slope, slope, 0, 8, 1, 9, 2, 10, 3, 11);
    const slopeB = i16x8.shuffle(slope, slope, 4, 12, 5, 13, 6, 14, 7, 15);
    const upper = v128.load(y0 + left);
    const lower = v128.load(y1 + left);
    const a = lowAsHigh(upper);
    const b = highAsHigh(upper);
    const c = lowAsHigh(lower);
    const d = highAsHigh(lower);
    const fitA = fitOf(a, slopeA, i16x8.shuffle(even0, odd0, 0, 8, 1, 9, 2, 10, 3, 11));
    const fitB = fitOf(b, slopeB, i16x8.shuffle(even0, odd0, 4, 12, 5, 13, 6, 14, 7, 15));
    const fitC = fitOf(c, slopeA, i16x8.shuffle(even1, odd1, 0, 8, 1, 9, 2, 10, 3, 11));
    const fitD = fitOf(d, slopeB, i16x8.shuffle(even1, odd1, 4, 12, 5, 13, 6, 14, 7, 15));
    if (kind == MATTE) {
      v128.store(alpha1 + left, i8x16.narrow_i16x8_u(byteOf(sharpened(fitC)), byteOf(sharpened(fitD))));
      v128.store(alpha0 + left, i8x16.narrow_i16x8_u(byteOf(sharpened(fitA)), byteOf(sharpened(fitB))));
      continue;
    }
    // Most of a block is all person or all room.
    if (i16x8.all_true(i16x8.ge_s(i16x8.min_s(i16x8.min_s(fitA, fitB), i16x8.min_s(fitC, fitD)), i16x8.splat(FULL)))) continue;
    if (!v128.any_true(i16x8.gt_s(i16x8.max_s(i16x8.max_s(fitA, fitB), i16x8.max_s(fitC, fitD)), i16x8.splat(0)))) {
      showRoom(y0, y1, u, v, factor, kind, x, x + 8);
      continue;
    }
    const alphaA = sharpened(fitA);
    const alphaB = sharpened(fitB);
    const alphaC = sharpened(fitC);
    const alphaD = sharpened(fitD);
    const backA = behind(back0, left, kind, 2 * factor);
    const backB = behind(back0, left + 8, kind, 2 * factor);
    const backC = sharesRow(factor, kind) ? backA : behind(back1, left, kind, 2 * factor);
    const backD = sharesRow(factor, kind) ? backB : behind(back1, left + 8, kind, 2 * factor);
    v128.store(y1 + left, i8x16.narrow_i16x8_u(over(preciseHigh(c), backC, alphaC), over(preciseHigh(d), backD, alphaD)));
    v128.store(y0 + left, i8x16.narrow_i16x8_u(over(preciseHigh(a), backA, alphaA), over(preciseHigh(b), backB, alphaB)));
    const sumA = i32x4.add(i32x4.extadd_pairwise_i16x8_s(alphaA), i32x4.extadd_pairwise_i16x8_s(alphaC));
    const sumB = i32x4.add(i32x4.extadd_pairwise_i16x8_s(alphaB), i32x4.extadd_pairwise_i16x8_s(alphaD));
    const alpha = i16x8.narrow_i32x4_s(i32x4.shr_s(sumA, 2), i32x4.shr_s(sumB, 2));
    const us = over(precise(v128.load8x8_u(u + x)), behind(backU, x, kind, factor), alpha);
    const vs = over(precise(v128.load8x8_u(v + x)), behind(backV, x, kind, factor), alpha);
    const colours = i8x16.narrow_i16x8_u(us, vs);
    v128.store64_lane(u + x, colours, 0);
    v128.store64_lane(v + x, colours, 1);
  }
}

// @ts-ignore: decorator
@inline
function blendFrame(kind: i32, factor: i32): void {
  tint(0);
  for (let j = 0; j < chromaHeight; j++) {
    const y = 2 * j;
    const rows = min(height - y, 2);
    if (j + 1 < chromaHeight) tint(j + 1);
    if (kind == BLURRED) {
      if (sharesRow(factor, kind)) {
        rowOf(rowBack0, coarseY, j, factor);
      } else {
        rowOf(rowBack0, coarseY, y, 2 * factor);
        rowOf(rowBack1, coarseY, y + rows - 1, 2 * factor);
      }
      rowOf(rowBackU, coarseU, j, factor);
      rowOf(rowBackV, coarseV, j, factor);
    }
    blendRows(j, rows, factor, kind);
  }
}

function tint(j: i32): void {
  switch (reduction) {
    case 4:
      tintRow(j, 4);
      break;
    case 2:
      tintRow(j, 2);
      break;
    default:
      tintRow(j, 1);
  }
}

function fillRow(into: usize, samples: i32, value: i32): void {
  for (let x = 0; x < samples; x += 8) v128.store(into + 2 * x, precise(i16x8.splat(<i16>value)));
}

// @ts-ignore: decorator
@inline
function blend(kind: i32): void {
  switch (reduction) {
    case 4:
      blendFrame(kind, 4);
      break;
    case 2:
      blendFrame(kind, 2);
      break;
    default:
      blendFrame(kind, 1);
  }
}

export function blendBlurred(): void {
  blend(BLURRED);
}

export function blendBackdrop(): void {
  blend(BACKDROP);
}

export function blendColour(y: i32, u: i32, v: i32): void {
  fillRow(rowBack0, lumaStride, y);
  fillRow(rowBack1, lumaStride, y);
  fillRow(rowBackU, chromaStride, u);
  fillRow(rowBackV, chromaStride, v);
  blend(COLOUR);
}

/** Writes the matte to alphaPlane and leaves the frame as it is. */
export function writeMatte(): void {
  blend(MATTE);
}
