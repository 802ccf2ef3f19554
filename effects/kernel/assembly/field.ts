/** Fields of f32x4: four quantities per pixel of the coarse grid that are filtered together. */
import { coarseHeight, coarseStride, coarseWidth, fieldRow } from './memory';

/**
 * Box sums of a coarse field, `radius` to each side, edges repeated, from `source` to another field `target`.
 *
 * One pass: `fieldRow` holds the sums of the columns, and a running sum goes along them.
 */
export function boxSum(source: usize, target: usize, radius: i32): void {
  const columns = fieldRow;
  const width = coarseWidth;
  const bytes = 16 * coarseStride;
  const lastRow = coarseHeight - 1;
  const last = width - 1;
  const more: f32 = <f32>radius + 1;
  for (let x = 0; x < bytes; x += 16) {
    let sum = f32x4.mul(v128.load(source + x), f32x4.splat(more));
    for (let i = 1; i <= radius; i++) sum = f32x4.add(sum, v128.load(source + min(i, lastRow) * bytes + x));
    v128.store(columns + x, sum);
  }
  const a = min(radius, width);
  const b = max(a, width - radius - 1);
  for (let y = 0; y <= lastRow; y++) {
    const into = target + y * bytes;
    const first = v128.load(columns);
    const final = v128.load(columns + 16 * last);
    let sum = f32x4.mul(first, f32x4.splat(more));
    for (let i = 1; i <= radius; i++) sum = f32x4.add(sum, v128.load(columns + 16 * min(i, last)));
    let x = 0;
    for (; x < a; x++) {
      v128.store(into + 16 * x, sum);
      sum = f32x4.add(sum, f32x4.sub(v128.load(columns + 16 * min(x + radius + 1, last)), first));
    }
    let enters = columns + 16 * (x + radius + 1);
    let leaves = columns + 16 * (x - radius);
    for (; x < b - 3; x += 4) {
      const at = into + 16 * x;
      const sum1 = f32x4.add(sum, f32x4.sub(v128.load(enters), v128.load(leaves)));
      const sum2 = f32x4.add(sum1, f32x4.sub(v128.load(enters, 16), v128.load(leaves, 16)));
      const sum3 = f32x4.add(sum2, f32x4.sub(v128.load(enters, 32), v128.load(leaves, 32)));
      v128.store(at, sum);
      v128.store(at, sum1, 16);
      v128.store(at, sum2, 32);
      v128.store(at, sum3, 48);
      sum = f32x4.add(sum3, f32x4.sub(v128.load(enters, 48), v128.load(leaves, 48)));
      enters += 64;
      leaves += 64;
    }
    for (; x < width; x++) {
      v128.store(into + 16 * x, sum);
      sum = f32x4.add(sum, f32x4.sub(x < b ? v128.load(columns + 16 * (x + radius + 1)) : final, v128.load(columns + 16 * max(x - radius, 0))));
    }
    slideColumns(columns, source + min(y + radius + 1, lastRow) * bytes, source + max(y - radius, 0) * bytes, bytes);
  }
}

/** Sums of columns, of `bytes` (a multiple of 64): one row enters, and one leaves. */
// @ts-ignore: decorator
@inline
export function slideColumns(columns: usize, enters: usize, leaves: usize, bytes: i32): void {
  for (let i = 0; i < bytes; i += 64) {
    const at = columns + i;
    const in_ = enters + i;
    const out = leaves + i;
    v128.store(at, f32x4.add(v128.load(at), f32x4.sub(v128.load(in_), v128.load(out))));
    v128.store(at, f32x4.add(v128.load(at, 16), f32x4.sub(v128.load(in_, 16), v128.load(out, 16))), 16);
    v128.store(at, f32x4.add(v128.load(at, 32), f32x4.sub(v128.load(in_, 32), v128.load(out, 32))), 32);
    v128.store(at, f32x4.add(v128.load(at, 48), f32x4.sub(v128.load(in_, 48), v128.load(out, 48))), 48);
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

/** a + (b - a) * share */
// @ts-ignore: decorator
@inline
export function towards(a: v128, b: v128, share: v128): v128 {
  return f32x4.add(a, f32x4.mul(f32x4.sub(b, a), share));
}

/** The sums of four vectors' lanes. */
// @ts-ignore: decorator
@inline
export function sumsOf(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(i32x4.shuffle(c, d, 0, 4, 1, 5), i32x4.shuffle(c, d, 2, 6, 3, 7));
  return f32x4.add(i64x2.shuffle(ab, cd, 0, 2), i64x2.shuffle(ab, cd, 1, 3));
}
