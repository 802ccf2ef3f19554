/** The last stage: matte and background are scaled up row by row, and the frame is blended in place. */
import { BACK_BITS, BACK_HALF } from './background';
import {
  alphaPlane, backdropY, BLOCK, blocks, blockStride, chromaHeight, chromaStride, chromaWidth, coarseHeight, coarseStride, coarseU, coarseV, coarseWidth, coarseY, coefU, coefV, coefY, EDGE, frameU, frameV,
  frameY, height, lumaStride, offset, PERSON, reduction, ROOM, rowBack0, rowBack1, rowBackU, rowBackV, rowBlocks, rowCoarse, rowCoefU, rowCoefV, rowCoefY, rowOffset,
  rowTint, rowTint0, rowTint1, smallWidth, tintStride,
} from './memory';


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

/** Eight samples around zero, in steps of 1/128, as fractions. */
// @ts-ignore: decorator
@inline
function centred(samples: v128): v128 {
  return i16x8.shl(i16x8.sub(samples, i16x8.splat(128)), 8);
}

/** From the fit (10 fractional bits) to alpha as a fraction: smoothstep, 3t^2 - 2t^3. */
// @ts-ignore: decorator
@inline
function sharpened(fit: v128): v128 {
  // 1019 / 1024, and not 1, keeps the result below 32768; it still rounds to the exact front in over().
  const t = i16x8.shl(i16x8.max_s(i16x8.min_s(fit, i16x8.splat(1019)), i16x8.splat(0)), 5);
  const t2 = i16x8.q15mulr_sat_s(t, t);
  const t3 = i16x8.q15mulr_sat_s(t2, t);
  return i16x8.sub(i16x8.mul(t2, i16x8.splat(3)), i16x8.shl(t3, 1));
}

/** What alpha is from there on; see sharpened(). */
const OPAQUE: i16 = 32765;

/** Alpha of eight pixels: the luma's part of the fit is added to what their chroma gave. */
// @ts-ignore: decorator
@inline
function alphaOf(luma: v128, slope: v128, rest: v128): v128 {
  return sharpened(i16x8.add_sat_s(i16x8.q15mulr_sat_s(slope, centred(luma)), rest));
}

/** A sample as background samples are: with fractional bits, and half of the last whole one, so that cutting off rounds. */
// @ts-ignore: decorator
@inline
function precise(sample: v128): v128 {
  return i16x8.add(i16x8.shl(sample, BACK_BITS), i16x8.splat(BACK_HALF));
}

/** back + (front - back) * alpha, of a background sample and a whole one. */
// @ts-ignore: decorator
@inline
function over(front: v128, back: v128, alpha: v128): v128 {
  return i16x8.shr_s(i16x8.add(back, i16x8.q15mulr_sat_s(i16x8.sub(precise(front), back), alpha)), BACK_BITS);
}

/** Sixteen background samples as bytes. */
// @ts-ignore: decorator
@inline
function bytesOf(a: v128, b: v128): v128 {
  return i8x16.narrow_i16x8_u(i16x8.shr_s(a, BACK_BITS), i16x8.shr_s(b, BACK_BITS));
}

// @ts-ignore: decorator
@inline
function allAre(a: v128, b: v128, c: v128, d: v128, value: v128): bool {
  return i16x8.all_true(v128.and(v128.and(i16x8.eq(a, value), i16x8.eq(b, value)), v128.and(i16x8.eq(c, value), i16x8.eq(d, value))));
}

/** Where the tint of chroma row `j` is kept. */
// @ts-ignore: decorator
@inline
function tintAt(j: i32): usize {
  return rowTint + <usize>(j % 3) * tintStride;
}

/** What the blocks of chroma row `j` show is kept there. */
// @ts-ignore: decorator
@inline
function blocksAt(j: i32): usize {
  return rowBlocks + <usize>(j % 3) * blockStride;
}

/** The chroma's part of alpha for chroma row `j`, and the offset. To be called before that row is blended. */
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

/** What tintRow gives where the fit is 0, and where it is 1. */
const TINT_ROOM: i16 = -64;
const TINT_PERSON: i16 = 576;

// @ts-ignore: decorator
@inline
function tintRow(j: i32, factor: i32): void {
  // As in rowOf: a block shows what both coarse rows show, since only an edge lies between person and room.
  const row = min(max(2 * j + 1 - factor, 0), 2 * factor * (coarseHeight - 1)) / (2 * factor);
  const top = blocks + row * blockStride;
  const bottom = blocks + min(row + 1, coarseHeight - 1) * blockStride;
  const kinds = blocksAt(j);
  rowOf(rowCoefU, coefU, coarseStride, coarseWidth, coarseHeight, j, factor);
  rowOf(rowCoefV, coefV, coarseStride, coarseWidth, coarseHeight, j, factor);
  rowOf(rowOffset, offset, coarseStride, coarseWidth, coarseHeight, j, factor);
  const u = frameU + j * chromaStride;
  const v = frameV + j * chromaStride;
  const into = tintAt(j);
  for (let b = 0; b * BLOCK * factor < chromaStride; b++) {
    const kind = max(load<u8>(top + b), load<u8>(bottom + b));
    store<u8>(kinds + b, kind);
    let x = b * BLOCK * factor;
    const end = min(x + BLOCK * factor, chromaStride);
    if (kind != EDGE) {
      const settled = i16x8.splat(kind == PERSON ? TINT_PERSON : TINT_ROOM);
      for (; x < end; x += 8) v128.store(into + 2 * x, settled);
      continue;
    }
    for (; x < end; x += 8) {
      const us = i16x8.q15mulr_sat_s(scaled(rowCoefU, x, factor), centred(v128.load8x8_u(u + x)));
      const vs = i16x8.q15mulr_sat_s(scaled(rowCoefV, x, factor), centred(v128.load8x8_u(v + x)));
      // Halved and limited: the difference of two tints must fit as well.
      const sum = i16x8.shr_s(i16x8.add_sat_s(i16x8.add_sat_s(us, vs), scaled(rowOffset, x, factor)), 1);
      v128.store(into + 2 * x, i16x8.max_s(i16x8.min_s(sum, i16x8.splat(16000)), i16x8.splat(-16000)));
    }
  }
  store<i16>(into - 2, load<i16>(into));
  store<i16>(into + 2 * chromaWidth, load<i16>(into + 2 * (chromaWidth - 1)));
}

/** For one block from `x` on: the tints of rows 2j and 2j + 1 of luma at the chroma grid's width, and of a sample beyond both ends. */
// @ts-ignore: decorator
@inline
function mixTints(j: i32, x: i32, end: i32): void {
  const here = tintAt(j);
  const above = tintAt(max(j - 1, 0));
  const below = tintAt(min(j + 1, chromaHeight - 1));
  const quarter = i16x8.splat(8192); // centres are a quarter of a row away
  for (let i = 2 * x - 16; i < 2 * end + 16; i += 16) {
    const k = v128.load(here + i);
    v128.store(rowTint0 + i, mix(k, v128.load(above + i), quarter));
    v128.store(rowTint1 + i, mix(k, v128.load(below + i), quarter));
  }
}

const BLURRED: i32 = 0;
const BACKDROP: i32 = 1;
const COLOUR: i32 = 2;
const MATTE: i32 = 3;

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
  for (let b = 0; b * BLOCK * factor < chromaStride; b++) {
    const x = b * BLOCK * factor;
    const end = min(x + BLOCK * factor, chromaStride);
    const here = load<u8>(shown + b);
    if (here == EDGE) {
      if (kind == BACKDROP) {
        const y = 2 * j;
        widen(rowBack0, backdropY + y * lumaStride, 2 * x, 2 * end);
        widen(rowBack1, backdropY + (y + rows - 1) * lumaStride, 2 * x, 2 * end);
        widen(rowBackU, backdropY + (frameU - frameY) + j * chromaStride, x, end);
        widen(rowBackV, backdropY + (frameV - frameY) + j * chromaStride, x, end);
      }
      mixTints(j, x, end);
      blendEdge(j, rows, factor, kind, x, end);
    } else if (kind == MATTE) {
      memory.fill(alphaPlane + 2 * j * lumaStride + 2 * x, here == PERSON ? 255 : 0, 2 * (end - x));
      if (rows == 2) memory.fill(alphaPlane + (2 * j + 1) * lumaStride + 2 * x, here == PERSON ? 255 : 0, 2 * (end - x));
    } else if (here == ROOM) {
      showRoom(j, rows, factor, kind, x, end);
    }
  }
}

/** A block without the person: nothing but background. */
// @ts-ignore: decorator
@inline
function showRoom(j: i32, rows: i32, factor: i32, kind: i32, x: i32, end: i32): void {
  const backFactor = kind == BLURRED ? factor : 1;
  const y0 = frameY + 2 * j * lumaStride;
  const y1 = y0 + lumaStride;
  const u = frameU + j * chromaStride;
  const v = frameV + j * chromaStride;
  if (kind == BACKDROP) {
    const back = backdropY - frameY;
    for (; x < end; x += 8) {
      v128.store(y0 + 2 * x, v128.load(y0 + back + 2 * x));
      if (rows == 2) v128.store(y1 + 2 * x, v128.load(y1 + back + 2 * x));
      store<u64>(u + x, load<u64>(u + back + x));
      store<u64>(v + x, load<u64>(v + back + x));
    }
    return;
  }
  for (; x < end; x += 8) {
    const left = 2 * x;
    v128.store(y0 + left, bytesOf(scaled(rowBack0, left, backFactor), scaled(rowBack0, left + 8, backFactor)));
    if (rows == 2) v128.store(y1 + left, bytesOf(scaled(rowBack1, left, backFactor), scaled(rowBack1, left + 8, backFactor)));
    const colours = bytesOf(scaled(rowBackU, x, backFactor), scaled(rowBackV, x, backFactor));
    v128.store64_lane(u + x, colours, 0);
    v128.store64_lane(v + x, colours, 1);
  }
}

/**
 * A block with an edge, 16 x 2 pixels at a time. The slope of luma is scaled up to the chroma grid only: it is far
 * smoother than that.
 */
// @ts-ignore: decorator
@inline
function blendEdge(j: i32, rows: i32, factor: i32, kind: i32, x: i32, end: i32): void {
  const y0 = frameY + 2 * j * lumaStride;
  const y1 = rows == 2 ? y0 + lumaStride : y0;
  const u = frameU + j * chromaStride;
  const v = frameV + j * chromaStride;
  const alpha0 = alphaPlane + 2 * j * lumaStride;
  const alpha1 = rows == 2 ? alpha0 + lumaStride : alpha0;
  const opaque = i16x8.splat(OPAQUE);
  const backFactor = kind == BLURRED ? factor : 1;
  for (; x < end; x += 8) {
    const left = 2 * x;
    const slope = scaled(rowCoefY, x, factor);
    if (kind != MATTE && !v128.any_true(slope)) {
      // Where luma has no say, the tints and those of both neighbours tell whether it is all person or all room.
      const t0 = v128.load(rowTint0 + left - 2);
      const t1 = v128.load(rowTint0 + left + 2);
      const t2 = v128.load(rowTint1 + left - 2);
      const t3 = v128.load(rowTint1 + left + 2);
      if (i16x8.all_true(i16x8.gt_s(i16x8.min_s(i16x8.min_s(t0, t1), i16x8.min_s(t2, t3)), i16x8.splat(510)))) continue;
      if (i16x8.all_true(i16x8.le_s(i16x8.max_s(i16x8.max_s(t0, t1), i16x8.max_s(t2, t3)), i16x8.splat(0)))) {
        showRoom(j, rows, factor, kind, x, x + 8);
        continue;
      }
    }
    const slopeA = i16x8.shuffle(slope, slope, 0, 0, 1, 1, 2, 2, 3, 3);
    const slopeB = i16x8.shuffle(slope, slope, 4, 4, 5, 5, 6, 6, 7, 7);
    const upperA = i16x8.shl(scaled(rowTint0, left, 2), 1);
    const upperB = i16x8.shl(scaled(rowTint0, left + 8, 2), 1);
    const lowerA = i16x8.shl(scaled(rowTint1, left, 2), 1);
    const lowerB = i16x8.shl(scaled(rowTint1, left + 8, 2), 1);
    const upper = v128.load(y0 + left);
    const lower = v128.load(y1 + left);
    const a = i16x8.extend_low_i8x16_u(upper);
    const b = i16x8.extend_high_i8x16_u(upper);
    const c = i16x8.extend_low_i8x16_u(lower);
    const d = i16x8.extend_high_i8x16_u(lower);
    const alphaA = alphaOf(a, slopeA, upperA);
    const alphaB = alphaOf(b, slopeB, upperB);
    const alphaC = alphaOf(c, slopeA, lowerA);
    const alphaD = alphaOf(d, slopeB, lowerB);
    if (kind == MATTE) {
      v128.store(alpha1 + left, i8x16.narrow_i16x8_u(byteOf(alphaC), byteOf(alphaD)));
      v128.store(alpha0 + left, i8x16.narrow_i16x8_u(byteOf(alphaA), byteOf(alphaB)));
      continue;
    }
    if (allAre(alphaA, alphaB, alphaC, alphaD, opaque)) continue;
    // The lower row first: where there is only one, it is the upper one that counts.
    v128.store(y1 + left, i8x16.narrow_i16x8_u(over(c, scaled(rowBack1, left, backFactor), alphaC), over(d, scaled(rowBack1, left + 8, backFactor), alphaD)));
    v128.store(y0 + left, i8x16.narrow_i16x8_u(over(a, scaled(rowBack0, left, backFactor), alphaA), over(b, scaled(rowBack0, left + 8, backFactor), alphaB)));
    const sumA = i32x4.add(i32x4.extadd_pairwise_i16x8_s(alphaA), i32x4.extadd_pairwise_i16x8_s(alphaC));
    const sumB = i32x4.add(i32x4.extadd_pairwise_i16x8_s(alphaB), i32x4.extadd_pairwise_i16x8_s(alphaD));
    const alpha = i16x8.narrow_i32x4_s(i32x4.shr_s(sumA, 2), i32x4.shr_s(sumB, 2));
    const colours = i8x16.narrow_i16x8_u(over(v128.load8x8_u(u + x), scaled(rowBackU, x, backFactor), alpha), over(v128.load8x8_u(v + x), scaled(rowBackV, x, backFactor), alpha));
    v128.store64_lane(u + x, colours, 0);
    v128.store64_lane(v + x, colours, 1);
  }
}

/** Alpha as a byte: 32765 becomes 255. */
// @ts-ignore: decorator
@inline
function byteOf(alpha: v128): v128 {
  return i16x8.q15mulr_sat_s(alpha, i16x8.splat(255));
}

/** Samples `x` to `end` of a row of a picture as background samples. */
// @ts-ignore: decorator
@inline
function widen(into: usize, from: usize, x: i32, end: i32): void {
  for (; x < end; x += 8) v128.store(into + 2 * x, precise(v128.load8x8_u(from + x)));
}

function fillRow(into: usize, samples: i32, value: i32): void {
  for (let x = 0; x < samples; x += 8) v128.store(into + 2 * x, precise(i16x8.splat(<i16>value)));
}

/** The blurred luma for frame row `y`, at the small width. */
function blurredRow(into: usize, y: i32, factor: i32): void {
  rowOf(rowCoarse, coarseY, coarseStride, coarseWidth, coarseHeight, y, 2 * factor);
  for (let x = 0; x < smallWidth; x += 8) v128.store(into + 2 * x, scaled(rowCoarse, x, 2));
  store<i16>(into - 2, load<i16>(into));
  const last = i16x8.splat(load<i16>(into + 2 * (smallWidth - 1)));
  v128.store(into + 2 * smallWidth, last);
  v128.store(into + 2 * smallWidth, last, 16);
}

// @ts-ignore: decorator
@inline
function blendFrame(kind: i32, factor: i32): void {
  tint(0);
  for (let j = 0; j < chromaHeight; j++) {
    const y = 2 * j;
    const rows = min(height - y, 2);
    rowOf(rowCoefY, coefY, coarseStride, coarseWidth, coarseHeight, j, factor);
    if (j + 1 < chromaHeight) tint(j + 1);
    if (kind == BLURRED) {
      blurredRow(rowBack0, y, factor);
      blurredRow(rowBack1, y + rows - 1, factor);
      rowOf(rowBackU, coarseU, coarseStride, coarseWidth, coarseHeight, j, factor);
      rowOf(rowBackV, coarseV, coarseStride, coarseWidth, coarseHeight, j, factor);
    }
    blendRows(j, rows, factor, kind);
  }
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
