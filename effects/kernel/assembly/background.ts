/** The blurred background at the coarse grid. */
import { boxMean } from './field';
import { coarseHeight, coarseStride, coarseU, coarseV, coarseWidth, coarseY, fieldA, fieldB, guide } from './memory';

/** Fractional bits of background samples: gradients stay smooth when they are scaled up. */
export const BACK_BITS: i32 = 5;
/** They carry half of a whole sample: cutting the fraction off then rounds. */
export const BACK_HALF: i16 = 16;

/**
 * Blurs the background, weighted by what is surely not the person, so that the person's colours do not bleed into a
 * halo: the picture times the weight and the weight itself are blurred, and divided. Three box passes come close to a
 * Gaussian (Kovesi, "Fast almost-Gaussian filtering", 2010).
 *
 * @param radius of each pass, in samples of the coarse grid, at least 1
 */
export function blurBackground(radius: i32): void {
  const size = 16 * coarseWidth * coarseHeight;
  for (let i = 0; i < size; i += 16) {
    const sample = v128.load(guide + i);
    const weight = f32x4.extract_lane(sample, 3);
    v128.store(fieldA + i, f32x4.mul(f32x4.replace_lane(sample, 3, 1), f32x4.splat(weight)));
  }
  boxMean(fieldA, fieldB, radius);
  boxMean(fieldB, fieldA, radius);
  boxMean(fieldA, fieldB, radius);
  // From the guide's units to samples with BACK_BITS of fraction.
  const scale = f32x4(255 * 32, 127.5 * 32, 127.5 * 32, 1);
  const centre = f32x4.splat(128 * 32 + <f32>BACK_HALF);
  for (let y = 0; y < coarseHeight; y++) {
    for (let x = 0; x < coarseWidth; x++) {
      const sums = v128.load(fieldB + 16 * (y * coarseWidth + x));
      const means = f32x4.div(sums, f32x4.splat(f32x4.extract_lane(sums, 3)));
      const fixed = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.add(f32x4.mul(means, scale), centre)));
      const out = 2 * (y * coarseStride + x);
      store<i16>(coarseY + out, <i16>i32x4.extract_lane(fixed, 0));
      store<i16>(coarseU + out, <i16>i32x4.extract_lane(fixed, 1));
      store<i16>(coarseV + out, <i16>i32x4.extract_lane(fixed, 2));
    }
  }
}
