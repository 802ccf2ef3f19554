/** The blurred background at the coarse grid. */
import { boxMean } from './field';
import {
  coarseHeight, coarseStride, coarseU, coarseV, coarseWidth, coarseY, fieldA, fieldB, fieldRow, smallHeight, smallMask, smallStride, smallU, smallV,
  smallWidth, smallY,
} from './memory';

/** Fractional bits of background samples: gradients stay smooth when they are scaled up. */
export const BACK_BITS: i32 = 5;

/**
 * Blurs the background, weighted by 1 - mask, so that the person's colours do not bleed into a halo: the picture times
 * the weight and the weight itself are blurred, and divided. Three box passes come close to a Gaussian (Kovesi, "Fast
 * almost-Gaussian filtering", 2010).
 *
 * @param radius of each pass, in samples of the coarse grid, at least 1
 */
export function blurBackground(radius: i32): void {
  for (let y = 0; y < coarseHeight; y++) {
    const top = 2 * y * smallStride;
    const bottom = min(2 * y + 1, smallHeight - 1) * smallStride;
    const into = fieldA + 16 * y * coarseWidth;
    for (let x = 0; x < coarseWidth; x++) {
      const right = <i32>(2 * x + 1 < smallWidth);
      const at = 2 * x;
      let sum = weighted(top + at);
      sum = f32x4.add(sum, weighted(top + at + right));
      sum = f32x4.add(sum, weighted(bottom + at));
      sum = f32x4.add(sum, weighted(bottom + at + right));
      v128.store(into + 16 * x, sum);
    }
  }
  for (let pass = 0; pass < 3; pass++) boxMean(fieldA, fieldB, coarseWidth, coarseHeight, radius, fieldRow);
  const scale = f32x4.splat(<f32>(1 << BACK_BITS));
  const half = f32x4.splat(0.5);
  for (let y = 0; y < coarseHeight; y++) {
    const from = fieldA + 16 * y * coarseWidth;
    const row = 2 * y * coarseStride;
    for (let x = 0; x < coarseWidth; x++) {
      const sums = v128.load(from + 16 * x);
      const means = f32x4.div(sums, i8x16.shuffle(sums, sums, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15));
      const fixed = i32x4.trunc_sat_f32x4_s(f32x4.add(f32x4.mul(means, scale), half));
      store<i16>(coarseY + row + 2 * x, <i16>i32x4.extract_lane(fixed, 0));
      store<i16>(coarseU + row + 2 * x, <i16>i32x4.extract_lane(fixed, 1));
      store<i16>(coarseV + row + 2 * x, <i16>i32x4.extract_lane(fixed, 2));
    }
  }
}

/** (Y, U, V, 1) times the weight of the background at one small sample. */
// @ts-ignore: decorator
@inline
function weighted(at: i32): v128 {
  const left: i32 = 255 - <i32>load<u8>(smallMask + at);
  const back = <f32>left * <f32>(1.0 / 255);
  // Squared, for a half-covered pixel is half person; the floor keeps the division defined deep inside the person.
  const weight = back * back + <f32>(1 / 1024);
  const bytes = <u32>load<u8>(smallY + at) | (<u32>load<u8>(smallU + at) << 8) | (<u32>load<u8>(smallV + at) << 16) | 0x01000000;
  const ints = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(i32x4.splat(bytes)));
  return f32x4.mul(f32x4.convert_i32x4_s(ints), f32x4.splat(weight));
}
