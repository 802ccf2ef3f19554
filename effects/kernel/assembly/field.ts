/** Fields of f32x4: four quantities per pixel of the coarse grid that are filtered together. */
import { coarseHeight, coarseWidth, fieldRow } from './memory';

/**
 * Box means of a coarse field, `radius` to each side, edges repeated, from `source` to another field `target`.
 *
 * One pass: `fieldRow` holds the sums of the columns, and a running sum goes along them.
 */
export function boxMean(source: usize, target: usize, radius: i32): void {
  const width = coarseWidth;
  const bytes = 16 * width;
  const lastRow = coarseHeight - 1;
  const last = width - 1;
  const more: f32 = <f32>radius + 1;
  const side: f32 = more + <f32>radius;
  const scale = f32x4.splat(<f32>1 / (side * side));
  for (let x = 0; x < bytes; x += 16) {
    let sum = f32x4.mul(v128.load(source + x), f32x4.splat(more));
    for (let i = 1; i <= radius; i++) sum = f32x4.add(sum, v128.load(source + min(i, lastRow) * bytes + x));
    v128.store(fieldRow + x, sum);
  }
  const a = min(radius, width);
  const b = max(a, width - radius - 1);
  for (let y = 0; y <= lastRow; y++) {
    const into = target + y * bytes;
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
    const enters = source + min(y + radius + 1, lastRow) * bytes;
    const leaves = source + max(y - radius, 0) * bytes;
    for (let i = 0; i < bytes; i += 16) {
      v128.store(fieldRow + i, f32x4.add(v128.load(fieldRow + i), f32x4.sub(v128.load(enters + i), v128.load(leaves + i))));
    }
  }
}

// @ts-ignore: decorator
@inline
export function smoothstep(x: f32, low: f32, high: f32): f32 {
  const t: f32 = min(max((x - low) / (high - low), <f32>0), <f32>1);
  return t * t * (3 - 2 * t);
}
