/** The blurred background at the coarse grid. */
import { boxSum, firsts, fourths, lowHalves, nearest16, seconds, thirds } from './field';
import { coarseHeight, coarseStride, coarseU, coarseV, coarseY, fieldA, fieldB, guide, weights } from './memory';

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
  const size = coarseStride * coarseHeight;
  for (let i = 0; i < size; i++) v128.store(fieldA + 16 * i, f32x4.mul(v128.load(guide + 16 * i), v128.load32_splat(weights + 4 * i)));
  boxSum(fieldA, fieldB, radius);
  boxSum(fieldB, fieldA, radius);
  boxSum(fieldA, fieldB, radius);
  // Sums do for means: they are divided by one another. From the guide's units to samples with BACK_BITS of fraction.
  const centre = f32x4.splat(128 * 32 + <f32>BACK_HALF);
  for (let i = 0; i < size; i += 4) {
    const a = v128.load(fieldB + 16 * i);
    const b = v128.load(fieldB + 16 * i, 16);
    const c = v128.load(fieldB + 16 * i, 32);
    const d = v128.load(fieldB + 16 * i, 48);
    const luma = f32x4.div(f32x4.splat(255 * 32), fourths(a, b, c, d));
    const chroma = f32x4.mul(luma, f32x4.splat(0.5));
    const y = nearest16(f32x4.add(f32x4.mul(firsts(a, b, c, d), luma), centre));
    const u = nearest16(f32x4.add(f32x4.mul(seconds(a, b, c, d), chroma), centre));
    const v = nearest16(f32x4.add(f32x4.mul(thirds(a, b, c, d), chroma), centre));
    const colours = lowHalves(u, v);
    v128.store64_lane(coarseY + 2 * i, lowHalves(y, y), 0);
    v128.store64_lane(coarseU + 2 * i, colours, 0);
    v128.store64_lane(coarseV + 2 * i, colours, 1);
  }
}
