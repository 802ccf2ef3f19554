/**
 * What the fit of the matte starts from, see matte.ts: the guide, and the model's mask, mixed with what the last frame made of it,
 * more where the picture stands still.
 */
import { smoothstep, sumsOf, towards } from './field';
import {
  classes, classStride, coarseHeight, coarseStride, coarseWidth, EDGE, fieldRow, guide, MODEL_HEIGHT, MODEL_WIDTH, modelMask, motion,
  present, remember, remembers, rowMask, smallHeight, smallStride, smallU, smallV, smallWidth, smallY, tapAt, tapShare,
} from './memory';

/** Chroma spans less of its range than luma does. */
const CHROMA_GAIN: f32 = 2;

/** A mask nearer than this to 0 or 1 is meant to be that. */
const SURE: f32 = 1.0 / 16;
/** Less than that of a new mask is not worth mixing. */
const SAME: f32 = 1.0 / 512;

/** How much of a new mask is taken where nothing moves; all of it where the guide changes by STIR or more. */
const REST: f32 = 0.25;
const STILL: f32 = 0.03;
const STIR: f32 = 0.1;

/** The mask between two of its rows, in 255 x 128ths. */
function mixRows(top: usize, bottom: usize, fy: i32): void {
  const a = i16x8.splat(<i16>(256 - fy));
  const b = i16x8.splat(<i16>fy);
  for (let x = 0; x < MODEL_WIDTH; x += 8) {
    v128.store(rowMask + 2 * x, i16x8.shr_u(i16x8.add(i16x8.mul(v128.load8x8_u(top + x), a), i16x8.mul(v128.load8x8_u(bottom + x), b)), 1));
  }
}

/** For each coarse sample of a row, where in the row that {@link mixRows} makes its left neighbour is, and the share of both. */
function layTaps(): void {
  const stepX = <i32>((<i64>MODEL_WIDTH << 16) / coarseWidth);
  for (let x = 0; x < coarseStride; x++) {
    const at = min(max(x * stepX + (stepX >> 1) - 0x8000, 0), (MODEL_WIDTH - 1) << 16);
    const fx = (at & 0xffff) >> 8;
    store<u32>(tapAt + 4 * x, 2 * (at >> 16));
    store<u32>(tapShare + 4 * x, (256 - fx) | (fx << 16));
  }
}

/** The mask at four coarse samples, 0 to 1. */
// @ts-ignore: decorator
@inline
function sampled(x: i32): v128 {
  const at = tapAt + 4 * x;
  const a = v128.load32_zero(rowMask + load<u32>(at));
  const b = v128.load32_lane(rowMask + load<u32>(at, 4), a, 1);
  const c = v128.load32_lane(rowMask + load<u32>(at, 8), b, 2);
  const pairs = v128.load32_lane(rowMask + load<u32>(at, 12), c, 3);
  return f32x4.mul(f32x4.convert_i32x4_s(i32x4.dot_i16x8_s(pairs, v128.load(tapShare + 4 * x))), f32x4.splat(1.0 / 8355840)); // 255 << 15
}

// @ts-ignore: decorator
@inline
function mean4(plane: usize, top: i32, bottom: i32, x: i32, next: i32): i32 {
  return <i32>load<u8>(plane + top + x) + <i32>load<u8>(plane + top + next) + <i32>load<u8>(plane + bottom + x) + <i32>load<u8>(plane + bottom + next);
}

/** The sums of four times 2 x 2 samples, around zero. */
// @ts-ignore: decorator
@inline
function sums4(plane: usize, top: i32, bottom: i32): v128 {
  const pairs = i16x8.add(i16x8.extadd_pairwise_i8x16_u(v128.load64_zero(plane + top)), i16x8.extadd_pairwise_i8x16_u(v128.load64_zero(plane + bottom)));
  return f32x4.convert_i32x4_s(i32x4.sub(i32x4.extend_low_i16x8_u(pairs), i32x4.splat(512)));
}

/** Takes a sample of the guide. @returns how far it is from what it was, by quantity */
// @ts-ignore: decorator
@inline
function keepGuide(at: usize, here: v128): v128 {
  const before = v128.load(at);
  v128.store(at, here);
  return f32x4.mul(f32x4.abs(f32x4.sub(here, before)), f32x4(1, 0.5, 0.5, 0));
}

/** The guide, (Y, U, V) around zero and 1, and how much it changed since the last frame. */
export function readGuide(): void {
  const scale = f32x4(1.0 / 1020, CHROMA_GAIN / 1020, CHROMA_GAIN / 1020, 1);
  const one = f32x4.splat(1);
  const none = f32x4.splat(0);
  for (let y = 0; y < coarseHeight; y++) {
    const top = 2 * y * smallStride;
    const bottom = min(2 * y + 1, smallHeight - 1) * smallStride;
    const row = y * coarseStride;
    let x = 0;
    for (; 2 * x + 8 <= smallWidth; x += 4) {
      const at = guide + 16 * (row + x);
      const ys = sums4(smallY, top + 2 * x, bottom + 2 * x);
      const us = sums4(smallU, top + 2 * x, bottom + 2 * x);
      const vs = sums4(smallV, top + 2 * x, bottom + 2 * x);
      const yu = i32x4.shuffle(ys, us, 0, 4, 1, 5);
      const yu2 = i32x4.shuffle(ys, us, 2, 6, 3, 7);
      const v1 = i32x4.shuffle(vs, one, 0, 4, 1, 5);
      const v12 = i32x4.shuffle(vs, one, 2, 6, 3, 7);
      const a = keepGuide(at, f32x4.mul(i64x2.shuffle(yu, v1, 0, 2), scale));
      const b = keepGuide(at + 16, f32x4.mul(i64x2.shuffle(yu, v1, 1, 3), scale));
      const c = keepGuide(at + 32, f32x4.mul(i64x2.shuffle(yu2, v12, 0, 2), scale));
      const d = keepGuide(at + 48, f32x4.mul(i64x2.shuffle(yu2, v12, 1, 3), scale));
      v128.store(motion + 4 * (row + x), sumsOf(a, b, c, d));
    }
    for (; x < coarseWidth; x++) {
      const next = min(2 * x + 1, smallWidth - 1);
      const sums = i32x4(0, 0, 0, 1);
      const withY = i32x4.replace_lane(sums, 0, mean4(smallY, top, bottom, 2 * x, next) - 512);
      const withU = i32x4.replace_lane(withY, 1, mean4(smallU, top, bottom, 2 * x, next) - 512);
      const all = i32x4.replace_lane(withU, 2, mean4(smallV, top, bottom, 2 * x, next) - 512);
      const change = keepGuide(guide + 16 * (row + x), f32x4.mul(f32x4.convert_i32x4_s(all), scale));
      v128.store32_lane(motion + 4 * (row + x), sumsOf(change, none, none, none), 0);
    }
  }
}

/** Sums of motion over three rows around row `y`, into fieldRow; edges repeated. */
function sumMotion(y: i32): void {
  const here = motion + 4 * y * coarseStride;
  const up = motion + 4 * max(y - 1, 0) * coarseStride;
  const down = motion + 4 * min(y + 1, coarseHeight - 1) * coarseStride;
  for (let x = 0; x < 4 * coarseWidth; x += 16) v128.store(fieldRow + x, f32x4.add(f32x4.add(v128.load(up + x), v128.load(here + x)), v128.load(down + x)));
  store<f32>(fieldRow - 4, load<f32>(fieldRow));
  store<f32>(fieldRow + 4 * coarseWidth, load<f32>(fieldRow + 4 * (coarseWidth - 1)));
}

/** Mean change around four samples of that row: noise averages out, and a moving edge reaches its neighbours. */
// @ts-ignore: decorator
@inline
function stirred(x: i32): v128 {
  const at = fieldRow + 4 * x;
  return f32x4.mul(f32x4.add(f32x4.add(v128.load(at - 4), v128.load(at)), v128.load(at + 4)), f32x4.splat(1.0 / 9));
}

/** Mixes the new mask with the one that `present` holds from the last frame, and finds the class of each sample. */
export function mixMask(): void {
  const stepY = <i32>((<i64>MODEL_HEIGHT << 16) / coarseHeight);
  layTaps();
  for (let y = 0; y < coarseHeight; y++) {
    const at = min(max(y * stepY + (stepY >> 1) - 0x8000, 0), (MODEL_HEIGHT - 1) << 16);
    mixRows(modelMask + (at >> 16) * MODEL_WIDTH, modelMask + min((at >> 16) + 1, MODEL_HEIGHT - 1) * MODEL_WIDTH, (at & 0xffff) >> 8);
    if (remembers) sumMotion(y);
    const row = present + 4 * y * coarseStride;
    const kinds = classes + y * classStride;
    for (let x = 0; x < coarseWidth; x += 4) {
      let mask = sampled(x);
      if (remembers) {
        const before = v128.load(row + 4 * x);
        const apart = f32x4.gt(f32x4.abs(f32x4.sub(mask, before)), f32x4.splat(SAME));
        if (v128.any_true(apart)) {
          const taken = f32x4.add(f32x4.mul(smoothstep(stirred(x), STILL, STIR), f32x4.splat(1 - REST)), f32x4.splat(REST));
          mask = v128.bitselect(towards(before, mask, taken), mask, apart);
        }
      }
      v128.store(row + 4 * x, mask);
      // ROOM is 0 and PERSON 1; EDGE, 2, is what is neither.
      const low = f32x4.lt(mask, f32x4.splat(SURE));
      const high = f32x4.gt(mask, f32x4.splat(1 - SURE));
      const kind = i32x4.add(i32x4.splat(EDGE), i32x4.add(i32x4.add(low, low), high));
      v128.store32_lane(kinds + x, i8x16.shuffle(kind, kind, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12), 0);
    }
  }
  remember();
}
