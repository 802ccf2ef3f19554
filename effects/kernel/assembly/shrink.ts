/** From the frame to the small grid, and from there to the model's input. */
import {
  chromaHeight, chromaStride, frameU, frameV, frameY, height, lumaStride, MODEL_HEIGHT, MODEL_WIDTH, modelRgba, pixelAt, pixelShare, reduction, rowRgba,
  smallHeight, smallStride, smallU, smallV, smallWidth, smallY,
} from './memory';

/** Means of 4 x 4. */
function shrink4(from: usize, stride: i32, rows: i32, into: usize): void {
  const round = i32x4.splat(8);
  for (let y = 0; y < smallHeight; y++) {
    const a = from + 4 * y * stride;
    const b = from + min(4 * y + 1, rows - 1) * stride;
    const c = from + min(4 * y + 2, rows - 1) * stride;
    const d = from + min(4 * y + 3, rows - 1) * stride;
    const out = into + y * smallStride;
    for (let x = 0; x < smallStride; x += 8) {
      const left = i16x8.add(
        i16x8.add(i16x8.extadd_pairwise_i8x16_u(v128.load(a + 4 * x)), i16x8.extadd_pairwise_i8x16_u(v128.load(b + 4 * x))),
        i16x8.add(i16x8.extadd_pairwise_i8x16_u(v128.load(c + 4 * x)), i16x8.extadd_pairwise_i8x16_u(v128.load(d + 4 * x))),
      );
      const right = i16x8.add(
        i16x8.add(i16x8.extadd_pairwise_i8x16_u(v128.load(a + 4 * x, 16)), i16x8.extadd_pairwise_i8x16_u(v128.load(b + 4 * x, 16))),
        i16x8.add(i16x8.extadd_pairwise_i8x16_u(v128.load(c + 4 * x, 16)), i16x8.extadd_pairwise_i8x16_u(v128.load(d + 4 * x, 16))),
      );
      const sums = i16x8.narrow_i32x4_u(
        i32x4.shr_u(i32x4.add(i32x4.extadd_pairwise_i16x8_u(left), round), 4),
        i32x4.shr_u(i32x4.add(i32x4.extadd_pairwise_i16x8_u(right), round), 4),
      );
      v128.store64_lane(out + x, i8x16.narrow_i16x8_u(sums, sums), 0);
    }
  }
}

/** Means of 2 x 2. */
function shrink2(from: usize, stride: i32, rows: i32, into: usize): void {
  const round = i16x8.splat(2);
  for (let y = 0; y < smallHeight; y++) {
    const a = from + 2 * y * stride;
    const b = from + min(2 * y + 1, rows - 1) * stride;
    const out = into + y * smallStride;
    for (let x = 0; x < smallStride; x += 8) {
      const sums = i16x8.add(i16x8.extadd_pairwise_i8x16_u(v128.load(a + 2 * x)), i16x8.extadd_pairwise_i8x16_u(v128.load(b + 2 * x)));
      const means = i16x8.shr_u(i16x8.add(sums, round), 2);
      v128.store64_lane(out + x, i8x16.narrow_i16x8_u(means, means), 0);
    }
  }
}

function copyRows(from: usize, stride: i32, into: usize): void {
  for (let y = 0; y < smallHeight; y++) memory.copy(into + y * smallStride, from + y * stride, min(stride, smallStride));
}

/** Every sample twice, in both directions. */
function double(from: usize, stride: i32, into: usize): void {
  for (let y = 0; y < smallHeight; y++) {
    const row = from + (y >> 1) * stride;
    const out = into + y * smallStride;
    for (let x = 0; x < smallStride; x += 16) {
      const s = v128.load64_zero(row + (x >> 1));
      v128.store(out + x, i8x16.shuffle(s, s, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7));
    }
  }
}

/** Fills the small planes from the frame. */
export function shrink(): void {
  switch (reduction) {
    case 4:
      shrink4(frameY, lumaStride, height, smallY);
      shrink2(frameU, chromaStride, chromaHeight, smallU);
      shrink2(frameV, chromaStride, chromaHeight, smallV);
      break;
    case 2:
      shrink2(frameY, lumaStride, height, smallY);
      copyRows(frameU, chromaStride, smallU);
      copyRows(frameV, chromaStride, smallV);
      break;
    default:
      copyRows(frameY, lumaStride, smallY);
      double(frameU, chromaStride, smallU);
      double(frameV, chromaStride, smallV);
  }
}

/** Bytes of two rows mixed, as i16: a + (b - a) * w / 32768. */
// @ts-ignore: decorator
@inline
function mix(a: v128, b: v128, w: v128): v128 {
  return i16x8.add(a, i16x8.q15mulr_sat_s(i16x8.sub(b, a), w));
}

// @ts-ignore: decorator
@inline
function mixLow(a: v128, b: v128, w: v128): v128 {
  return mix(i16x8.extend_low_i8x16_u(a), i16x8.extend_low_i8x16_u(b), w);
}

// @ts-ignore: decorator
@inline
function mixHigh(a: v128, b: v128, w: v128): v128 {
  return mix(i16x8.extend_high_i8x16_u(a), i16x8.extend_high_i8x16_u(b), w);
}

// Coefficients of ITU-R BT.601 in 1/64: saturating sums keep the few products that leave 16 bits at white.
// @ts-ignore: decorator
@inline
function red(y: v128, v: v128, full: bool): v128 {
  return i16x8.shr_s(i16x8.add_sat_s(y, i16x8.mul(v, i16x8.splat(full ? 90 : 102))), 6);
}

// @ts-ignore: decorator
@inline
function green(y: v128, u: v128, v: v128, full: bool): v128 {
  const chroma = i16x8.add(i16x8.mul(u, i16x8.splat(full ? 22 : 25)), i16x8.mul(v, i16x8.splat(full ? 46 : 52)));
  return i16x8.shr_s(i16x8.sub_sat_s(y, chroma), 6);
}

// @ts-ignore: decorator
@inline
function blue(y: v128, u: v128, full: bool): v128 {
  return i16x8.shr_s(i16x8.add_sat_s(y, i16x8.mul(u, i16x8.splat(full ? 113 : 129))), 6);
}

// @ts-ignore: decorator
@inline
function scaledLuma(y: v128, full: bool): v128 {
  const zero = i16x8.sub(y, i16x8.splat(full ? 0 : 16));
  return i16x8.add_sat_s(i16x8.mul(zero, i16x8.splat(full ? 64 : 75)), i16x8.splat(32));
}

/**
 * The model's input: the small picture, bilinear, as RGBA of MODEL_WIDTH x MODEL_HEIGHT. BT.601 whatever the frame
 * says: the model was trained on pictures of every kind and does not mind the difference.
 */
export function modelInput(fullRange: i32): void {
  const full = fullRange != 0;
  const centre = i16x8.splat(128);
  const alpha = i8x16.splat(-1);
  const stepY = <i32>((<i64>smallHeight << 16) / MODEL_HEIGHT);
  layTaps();
  for (let y = 0; y < MODEL_HEIGHT; y++) {
    const at = min(max(y * stepY + (stepY >> 1) - 0x8000, 0), (smallHeight - 1) << 16);
    const row = (at >> 16) * smallStride;
    const next = min((at >> 16) + 1, smallHeight - 1) * smallStride;
    const wy = i16x8.splat(<i16>((at & 0xffff) >> 1));
    for (let x = 0; x < smallStride; x += 16) {
      const y0 = v128.load(smallY + row + x);
      const y1 = v128.load(smallY + next + x);
      const u0 = v128.load(smallU + row + x);
      const u1 = v128.load(smallU + next + x);
      const v0 = v128.load(smallV + row + x);
      const v1 = v128.load(smallV + next + x);
      const ya = scaledLuma(mixLow(y0, y1, wy), full);
      const yb = scaledLuma(mixHigh(y0, y1, wy), full);
      const ua = i16x8.sub(mixLow(u0, u1, wy), centre);
      const ub = i16x8.sub(mixHigh(u0, u1, wy), centre);
      const va = i16x8.sub(mixLow(v0, v1, wy), centre);
      const vb = i16x8.sub(mixHigh(v0, v1, wy), centre);
      const r = i8x16.narrow_i16x8_u(red(ya, va, full), red(yb, vb, full));
      const g = i8x16.narrow_i16x8_u(green(ya, ua, va, full), green(yb, ub, vb, full));
      const b = i8x16.narrow_i16x8_u(blue(ya, ua, full), blue(yb, ub, full));
      const rg0 = i8x16.shuffle(r, g, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      const rg1 = i8x16.shuffle(r, g, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
      const ba0 = i8x16.shuffle(b, alpha, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      const ba1 = i8x16.shuffle(b, alpha, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
      const out = rowRgba + 4 * x;
      v128.store(out, i16x8.shuffle(rg0, ba0, 0, 8, 1, 9, 2, 10, 3, 11));
      v128.store(out, i16x8.shuffle(rg0, ba0, 4, 12, 5, 13, 6, 14, 7, 15), 16);
      v128.store(out, i16x8.shuffle(rg1, ba1, 0, 8, 1, 9, 2, 10, 3, 11), 32);
      v128.store(out, i16x8.shuffle(rg1, ba1, 4, 12, 5, 13, 6, 14, 7, 15), 48);
    }
    store<u32>(rowRgba + 4 * smallWidth, load<u32>(rowRgba + 4 * (smallWidth - 1)));
    const target = modelRgba + 4 * y * MODEL_WIDTH;
    for (let x = 0; x < MODEL_WIDTH; x += 4) v128.store(target + 4 * x, i8x16.narrow_i16x8_u(two(x), two(x + 2)));
  }
}

/** For each column of the model's input, where in the row of the small picture its left neighbour is, and the share of the right one. */
function layTaps(): void {
  // Position of a target sample in the source, 16.16: centres aligned.
  const stepX = <i32>((<i64>smallWidth << 16) / MODEL_WIDTH);
  for (let x = 0; x < MODEL_WIDTH; x++) {
    const at = min(max(x * stepX + (stepX >> 1) - 0x8000, 0), (smallWidth - 1) << 16);
    store<u32>(pixelAt + 4 * x, 4 * (at >> 16));
    v128.store64_lane(pixelShare + 8 * x, i16x8.splat(<i16>((at & 0xffff) >> 1)), 0);
  }
}

/** Two pixels of the model's input, from column `x` on. */
// @ts-ignore: decorator
@inline
function two(x: i32): v128 {
  const first = v128.load64_zero(rowRgba + load<u32>(pixelAt + 4 * x));
  const both = v128.load64_lane(rowRgba + load<u32>(pixelAt + 4 * x, 4), first, 1);
  const sorted = i32x4.shuffle(both, both, 0, 2, 1, 3);
  return mix(i16x8.extend_low_i8x16_u(sorted), i16x8.extend_high_i8x16_u(sorted), v128.load(pixelShare + 8 * x));
}
