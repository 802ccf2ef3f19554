/** Fields of f32x4: four quantities per pixel of the coarse grid that are filtered together. */
import { coarseHeight, coarseStride, coarseWidth, fieldRow } from './memory';

/**
 * Box means of a coarse field, `radius` to each side, edges repeated, from `source` to another field `target`.
 *
 * One pass: `fieldRow` holds the sums of the columns, and a running sum goes along them.
 */
export function boxMean(source: usize, target: usize, radius: i32): void {
  const width = coarseWidth;
  const bytes = 16 * width;
  const stride = 16 * coarseStride;
  const lastRow = coarseHeight - 1;
  const last = width - 1;
  const more: f32 = <f32>radius + 1;
  const side: f32 = more + <f32>radius;
  const scale = f32x4.splat(<f32>1 / (side * side));
  for (let x = 0; x < bytes; x += 16) {
    let sum = f32x4.mul(v128.load(source + x), f32x4.splat(more));
    for (let i = 1; i <= radius; i++) sum = f32x4.add(sum, v128.load(source + min(i, lastRow) * stride + x));
    v128.store(fieldRow + x, sum);
  }
  const a = min(radius, width);
  const b = max(a, width - radius - 1);
  for (let y = 0; y <= lastRow; y++) {
    const into = target + y * stride;
    const first = v128.load(fieldRow);
    const final = v128.load(fieldRow + 16 * last);
    let sum = f32x4.mul(first, f32x4.splat(more));
    for (let i = 1; i <= radius; i++) sum = f32x4.add(sum, v128.load(fieldRow + 16 * min(i, last)));
    let x = 0;
    for (; x < a; x++) {
      v128.store(into + 16 * x, f32x4.mul(sum, scale));
      sum = f32x4.add(sum, f32x4.sub(v128.load(fieldRow + 16 * min(x + radius + 1, last)), first));
    }
    for (; x < b; x++) {
      v128.store(into + 16 * x, f32x4.mul(sum, scale));
      sum = f32x4.add(sum, f32x4.sub(v128.load(fieldRow + 16 * (x + radius + 1)), v128.load(fieldRow + 16 * (x - radius))));
    }
    for (; x < width; x++) {
      v128.store(into + 16 * x, f32x4.mul(sum, scale));
      sum = f32x4.add(sum, f32x4.sub(final, v128.load(fieldRow + 16 * max(x - radius, 0))));
    }
    const enters = source + min(y + radius + 1, lastRow) * stride;
    const leaves = source + max(y - radius, 0) * stride;
    for (let i = 0; i < bytes; i += 16) {
      v128.store(fieldRow + i, f32x4.add(v128.load(fieldRow + i), f32x4.sub(v128.load(enters + i), v128.load(leaves + i))));
    }
  }
}

/** The first quantity of four samples; and the second, third and fourth. The same turns four quantities into samples. */
// @ts-ignore: decorator
@inline
export function firsts(a: v128, b: v128, c: v128, d: v128): v128 {
  return i64x2.shuffle(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(c, d, 0, 4, 1, 5), 0, 2);
}
// @ts-ignore: decorator
@inline
export function seconds(a: v128, b: v128, c: v128, d: v128): v128 {
  return i64x2.shuffle(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(c, d, 0, 4, 1, 5), 1, 3);
}
// @ts-ignore: decorator
@inline
export function thirds(a: v128, b: v128, c: v128, d: v128): v128 {
  return i64x2.shuffle(i32x4.shuffle(a, b, 2, 6, 3, 7), i32x4.shuffle(c, d, 2, 6, 3, 7), 0, 2);
}
// @ts-ignore: decorator
@inline
export function fourths(a: v128, b: v128, c: v128, d: v128): v128 {
  return i64x2.shuffle(i32x4.shuffle(a, b, 2, 6, 3, 7), i32x4.shuffle(c, d, 2, 6, 3, 7), 1, 3);
}

/**
 * The nearest whole number to each lane, below 32768, in the lane's low half: at 1.5 * 2^23 the last bit of a float is
 * worth 1, so that adding that rounds, and the bits are the number's.
 */
// @ts-ignore: decorator
@inline
export function nearest16(a: v128): v128 {
  return f32x4.add(a, f32x4.splat(12582912));
}

/** The low halves of eight lanes. */
// @ts-ignore: decorator
@inline
export function lowHalves(a: v128, b: v128): v128 {
  return i16x8.shuffle(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
}

// @ts-ignore: decorator
@inline
export function smoothstep(x: v128, low: f32, high: f32): v128 {
  // pmin and pmax are one instruction each, unlike min and max, which care for what is not a number.
  const t = f32x4.pmax(f32x4.pmin(f32x4.mul(f32x4.sub(x, f32x4.splat(low)), f32x4.splat(1 / (high - low))), f32x4.splat(1)), f32x4.splat(0));
  return f32x4.mul(f32x4.mul(t, t), f32x4.sub(f32x4.splat(3), f32x4.add(t, t)));
}
