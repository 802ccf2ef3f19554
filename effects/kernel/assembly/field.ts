/** Fields of f32x4: four quantities per pixel that are filtered together. */

/** Box means along rows, `radius` to each side, edges repeated; from `source` to `target`. */
function boxRows(source: usize, target: usize, width: i32, height: i32, radius: i32): void {
  const count = 2 * radius + 1;
  const scale = f32x4.splat(<f32>1 / <f32>count);
  const last = width - 1;
  for (let y = 0; y < height; y++) {
    const from = source + 16 * y * width;
    const into = target + 16 * y * width;
    const first = v128.load(from);
    const final = v128.load(from + 16 * last);
    let sum = f32x4.mul(first, f32x4.splat(<f32>(radius + 1)));
    for (let i = 1; i <= radius; i++) sum = f32x4.add(sum, v128.load(from + 16 * min(i, last)));
    const a = min(radius, width);
    const b = max(a, width - radius - 1);
    let x = 0;
    for (; x < a; x++) {
      v128.store(into + 16 * x, f32x4.mul(sum, scale));
      sum = f32x4.add(sum, f32x4.sub(v128.load(from + 16 * min(x + radius + 1, last)), first));
    }
    for (; x < b; x++) {
      v128.store(into + 16 * x, f32x4.mul(sum, scale));
      sum = f32x4.add(sum, f32x4.sub(v128.load(from + 16 * (x + radius + 1)), v128.load(from + 16 * (x - radius))));
    }
    for (; x < width; x++) {
      v128.store(into + 16 * x, f32x4.mul(sum, scale));
      sum = f32x4.add(sum, f32x4.sub(final, v128.load(from + 16 * (x - radius))));
    }
  }
}

/** Box means along columns; `row` holds one row of sums. */
function boxColumns(source: usize, target: usize, width: i32, height: i32, radius: i32, row: usize): void {
  const count = 2 * radius + 1;
  const scale = f32x4.splat(<f32>1 / <f32>count);
  const bytes = 16 * width;
  const last = height - 1;
  const more = f32x4.splat(<f32>(radius + 1));
  for (let x = 0; x < bytes; x += 16) {
    let sum = f32x4.mul(v128.load(source + x), more);
    for (let i = 1; i <= radius; i++) sum = f32x4.add(sum, v128.load(source + min(i, last) * bytes + x));
    v128.store(row + x, sum);
  }
  for (let y = 0; y < height; y++) {
    const into = target + y * bytes;
    const enters = source + min(y + radius + 1, last) * bytes;
    const leaves = source + max(y - radius, 0) * bytes;
    for (let x = 0; x < bytes; x += 16) {
      const sum = v128.load(row + x);
      v128.store(into + x, f32x4.mul(sum, scale));
      v128.store(row + x, f32x4.add(sum, f32x4.sub(v128.load(enters + x), v128.load(leaves + x))));
    }
  }
}

/** A box mean in both directions, in place; `spare` is a field of the same size. */
export function boxMean(field: usize, spare: usize, width: i32, height: i32, radius: i32, row: usize): void {
  boxRows(field, spare, width, height, radius);
  boxColumns(spare, field, width, height, radius, row);
}
