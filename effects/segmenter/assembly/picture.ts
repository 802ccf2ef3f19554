import { depthwise3 } from './depthwise';
import { activate, Activation, F32, madd, sigmoid, wholes } from './simd';

/** Where the picture comes in and the mask goes out: the two layers at the picture's own size. */

/** One row of RGBA bytes to floats, three a pixel, then a pixel of zeros and 4 bytes more. */
function toFloats(rgba: usize, row: usize, width: i32): void {
  for (let x = 0; x < width; x += 4) {
    const bytes = v128.load(rgba);
    const low = i16x8.extend_low_i8x16_u(bytes);
    const high = i16x8.extend_high_i8x16_u(bytes);
    // Each store spills its alpha into the next pixel, which then overwrites it.
    v128.store(row, f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(low)));
    v128.store(row, f32x4.convert_i32x4_u(i32x4.extend_high_i16x8_u(low)), 12);
    v128.store(row, f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(high)), 24);
    v128.store(row, f32x4.convert_i32x4_u(i32x4.extend_high_i16x8_u(high)), 36);
    rgba += 16;
    row += 48;
  }
  v128.store(row, f32x4.splat(0));
}

/**
 * The first convolution: 3 x 3, stride 2, RGB to 16 channels, hard swish. The picture is followed by zeros at its right
 * and below it.
 *
 * @param rows room for three rows of (width + 1) * 3 + 1 floats
 * @param weights [2 panels][27 taps: row, column, colour][8], for bytes
 * @param sums receives the sum of each channel over the whole output
 */
export function firstConvolution(rgba: usize, rows: usize, output: usize, weights: usize, bias: usize, width: i32, height: i32, sums: usize): void {
  const rowBytes = ((<usize>width + 1) * 3 + 1) * F32;
  memory.fill(sums, 0, 64);
  let next = 0;
  for (let y = 0; y < height; y += 2) {
    for (; next < y + 3; next++) {
      const row = rows + <usize>(next % 3) * rowBytes;
      if (next < height) toFloats(rgba + <usize>(next * width) * 4, row, width);
      else memory.fill(row, 0, rowBytes);
    }
    let w = weights;
    for (let panel: usize = 0; panel < 64; panel += 32) {
      const b0 = v128.load(bias + panel);
      const b1 = v128.load(bias + panel, 16);
      let s0 = v128.load(sums + panel);
      let s1 = v128.load(sums + panel, 16);
      let target = output + <usize>((y >> 1) * (width >> 1)) * 64 + panel;
      for (let x: usize = 0; x < <usize>width; x += 8) {
        let a0 = b0;
        let a1 = b1;
        let c0 = b0;
        let c1 = b1;
        let d0 = b0;
        let d1 = b1;
        let e0 = b0;
        let e1 = b1;
        let k = w;
        for (let ky = y; ky < y + 3; ky++) {
          let p = rows + <usize>(ky % 3) * rowBytes + x * 12;
          for (let end = p + 36; p < end; p += 4) {
            const w0 = v128.load(k);
            const w1 = v128.load(k, 16);
            let v = v128.load32_splat(p);
            a0 = madd(v, w0, a0);
            a1 = madd(v, w1, a1);
            v = v128.load32_splat(p, 24);
            c0 = madd(v, w0, c0);
            c1 = madd(v, w1, c1);
            v = v128.load32_splat(p, 48);
            d0 = madd(v, w0, d0);
            d1 = madd(v, w1, d1);
            v = v128.load32_splat(p, 72);
            e0 = madd(v, w0, e0);
            e1 = madd(v, w1, e1);
            k += 32;
          }
        }
        a0 = activate(a0, Activation.HardSwish);
        a1 = activate(a1, Activation.HardSwish);
        c0 = activate(c0, Activation.HardSwish);
        c1 = activate(c1, Activation.HardSwish);
        d0 = activate(d0, Activation.HardSwish);
        d1 = activate(d1, Activation.HardSwish);
        e0 = activate(e0, Activation.HardSwish);
        e1 = activate(e1, Activation.HardSwish);
        s0 = f32x4.add(s0, f32x4.add(f32x4.add(a0, c0), f32x4.add(d0, e0)));
        s1 = f32x4.add(s1, f32x4.add(f32x4.add(a1, c1), f32x4.add(d1, e1)));
        v128.store(target, a0);
        v128.store(target, a1, 16);
        v128.store(target, c0, 64);
        v128.store(target, c1, 80);
        v128.store(target, d0, 128);
        v128.store(target, d1, 144);
        v128.store(target, e0, 192);
        v128.store(target, e1, 208);
        target += 256;
      }
      v128.store(sums + panel, s0);
      v128.store(sums + panel, s1, 16);
      w += 27 * 32;
    }
  }
}

/**
 * Row `y` of a tensor brought to twice its size, bilinear with half-pixel centres: a pixel is 3/4 of the nearest and 1/4 of
 * the next, and the edge repeats.
 *
 * @param width of the input
 * @param between room for one row of the input
 * @param output one row of twice the width
 */
export function upsampleRow(input: usize, between: usize, output: usize, y: i32, width: i32, height: i32, channels: i32): void {
  const pixel = <usize>channels * F32;
  const row = <usize>width * pixel;
  const near = y >> 1;
  const far = min(max(y & 1 ? near + 1 : near - 1, 0), height - 1);
  const a = input + <usize>near * row;
  const b = input + <usize>far * row;
  const most = f32x4.splat(0.75);
  const least = f32x4.splat(0.25);
  for (let i: usize = 0; i < row; i += 16) v128.store(between + i, madd(v128.load(a + i), most, f32x4.mul(v128.load(b + i), least)));
  for (let c: usize = 0; c < pixel; c += 16) {
    let before = v128.load(between + c);
    let here = before;
    let source = between + c;
    let target = output + c;
    for (let x = 0; x < width; x++) {
      const after = x + 1 < width ? v128.load(source + pixel) : here;
      const middle = f32x4.mul(here, most);
      v128.store(target, madd(before, least, middle));
      v128.store(target + pixel, madd(after, least, middle));
      before = here;
      here = after;
      source += pixel;
      target += pixel << 1;
    }
  }
}

/** The sums of the lanes of four vectors, as one. */
// @ts-expect-error: decorator
@inline
function sumLanes(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}

/** A pixel's four places of the mask, from the sums that the last convolution has by lanes: 0 to 255, as low bytes. */
// @ts-expect-error: decorator
@inline
function places(a: v128, b: v128, c: v128, d: v128, bias: v128): v128 {
  return wholes(f32x4.mul(sigmoid(f32x4.add(sumLanes(a, b, c, d), bias)), f32x4.splat(255)));
}

/**
 * The last layers, a row at a time: x + relu(depthwise 3 x 3 of x) on 16 channels, a transposed convolution 2 x 2 with
 * stride 2 to one channel, and a sigmoid.
 *
 * @param input with a border of zeros
 * @param row room for a row of 16 channels, and `sums` for one pixel
 * @param weights depthwise [4][9][4], its bias [16], then transposed [4 channel groups][4 places][4] and its bias [4 times]
 * @param mask bytes, 255 for a person, twice as wide and high as the input
 * @param width a multiple of 2
 */
export function lastLayers(input: usize, inStride: usize, row: usize, sums: usize, weights: usize, mask: usize, width: i32, height: i32): void {
  const bias = weights + 4 * 144;
  const up = bias + 64;
  const b = v128.load(up + 4 * 64);
  const maskStride = <usize>width * 2;
  for (let y = 0; y < height; y++) {
    depthwise3(input + <usize>y * inStride, inStride, row, weights, bias, width, 1, 16, true, sums);
    let target = mask + <usize>y * 2 * maskStride;
    // Two pixels share what is loaded of the weights.
    for (let p = row, end = row + <usize>width * 64; p < end; p += 128) {
      let a0 = f32x4.splat(0);
      let a1 = a0;
      let a2 = a0;
      let a3 = a0;
      let c0 = a0;
      let c1 = a0;
      let c2 = a0;
      let c3 = a0;
      let u = up;
      for (let c: usize = 0; c < 64; c += 16, u += 64) {
        const v = v128.load(p + c);
        const w = v128.load(p + c, 64);
        let k = v128.load(u);
        a0 = madd(v, k, a0);
        c0 = madd(w, k, c0);
        k = v128.load(u, 16);
        a1 = madd(v, k, a1);
        c1 = madd(w, k, c1);
        k = v128.load(u, 32);
        a2 = madd(v, k, a2);
        c2 = madd(w, k, c2);
        k = v128.load(u, 48);
        a3 = madd(v, k, a3);
        c3 = madd(w, k, c3);
      }
      const bytes = v128.shuffle<u8>(places(a0, a1, a2, a3, b), places(c0, c1, c2, c3, b), 0, 4, 16, 20, 8, 12, 24, 28, 0, 4, 16, 20, 8, 12, 24, 28);
      v128.store32_lane(target, bytes, 0);
      v128.store32_lane(target + maskStride, bytes, 1);
      target += 4;
    }
  }
}
