import { activate, Activation, F32, madd } from './simd';

/**
 * Depthwise convolutions. The input has a border of zeros, so that no pixel is special; the output has none. Weights
 * are [channels / 4][kernel height x width][4].
 *
 * This is the one of 3 x 3 with relu. Two pixels share the columns that both see: loads cost as much as products.
 *
 * @param inStride bytes from one row of the input to the next
 * @param width a multiple of 2
 * @param residual whether the input's pixel is added to what comes of it
 * @param sums receives the sum of each channel over the whole output
 */
export function depthwise3(input: usize, inStride: usize, output: usize, weights: usize, bias: usize, width: i32, height: i32, channels: i32, residual: bool, sums: usize): void {
  const pixel = <usize>channels * F32;
  const right = pixel + pixel;
  const beyond = right + pixel;
  memory.fill(sums, 0, pixel);
  for (let y = 0; y < height; y++) {
    let w = weights;
    for (let c: usize = 0; c < pixel; c += 16, w += 144) {
      const w0 = v128.load(w);
      const w1 = v128.load(w, 16);
      const w2 = v128.load(w, 32);
      const w3 = v128.load(w, 48);
      const w4 = v128.load(w, 64);
      const w5 = v128.load(w, 80);
      const w6 = v128.load(w, 96);
      const w7 = v128.load(w, 112);
      const w8 = v128.load(w, 128);
      const b = v128.load(bias + c);
      let sum = v128.load(sums + c);
      let top = input + <usize>y * inStride + c;
      let target = output + <usize>y * <usize>width * pixel + c;
      for (let x = 0; x < width; x += 2) {
        const middle = top + inStride;
        const bottom = middle + inStride;
        let a0 = madd(v128.load(top), w0, b);
        let v = v128.load(top + pixel);
        a0 = madd(v, w1, a0);
        let a1 = madd(v, w0, b);
        v = v128.load(top + right);
        a0 = madd(v, w2, a0);
        a1 = madd(v, w1, a1);
        a1 = madd(v128.load(top + beyond), w2, a1);
        a0 = madd(v128.load(middle), w3, a0);
        const here0 = v128.load(middle + pixel);
        a0 = madd(here0, w4, a0);
        a1 = madd(here0, w3, a1);
        const here1 = v128.load(middle + right);
        a0 = madd(here1, w5, a0);
        a1 = madd(here1, w4, a1);
        a1 = madd(v128.load(middle + beyond), w5, a1);
        a0 = madd(v128.load(bottom), w6, a0);
        v = v128.load(bottom + pixel);
        a0 = madd(v, w7, a0);
        a1 = madd(v, w6, a1);
        v = v128.load(bottom + right);
        a0 = madd(v, w8, a0);
        a1 = madd(v, w7, a1);
        a1 = madd(v128.load(bottom + beyond), w8, a1);
        a0 = activate(a0, Activation.Relu);
        a1 = activate(a1, Activation.Relu);
        if (residual) {
          a0 = f32x4.add(here0, a0);
          a1 = f32x4.add(here1, a1);
        }
        sum = f32x4.add(sum, f32x4.add(a0, a1));
        v128.store(target, a0);
        v128.store(target + pixel, a1);
        top += right;
        target += right;
      }
      v128.store(sums + c, sum);
    }
  }
}

/** As {@link depthwise3}, every other pixel of every other row. */
export function depthwise3Halved(input: usize, inStride: usize, output: usize, weights: usize, bias: usize, width: i32, height: i32, channels: i32, sums: usize): void {
  const pixel = <usize>channels * F32;
  const right = pixel + pixel;
  memory.fill(sums, 0, pixel);
  for (let y = 0; y < height; y++) {
    let w = weights;
    for (let c: usize = 0; c < pixel; c += 16, w += 144) {
      const w0 = v128.load(w);
      const w1 = v128.load(w, 16);
      const w2 = v128.load(w, 32);
      const w3 = v128.load(w, 48);
      const w4 = v128.load(w, 64);
      const w5 = v128.load(w, 80);
      const w6 = v128.load(w, 96);
      const w7 = v128.load(w, 112);
      const w8 = v128.load(w, 128);
      const b = v128.load(bias + c);
      let sum = v128.load(sums + c);
      let top = input + <usize>(2 * y) * inStride + c;
      let target = output + <usize>y * <usize>width * pixel + c;
      // The third column is the next pixel's first.
      let left0 = v128.load(top);
      let left1 = v128.load(top + inStride);
      let left2 = v128.load(top + 2 * inStride);
      for (let x = 0; x < width; x++) {
        const middle = top + inStride;
        const bottom = middle + inStride;
        let a = madd(left0, w0, b);
        let d = f32x4.mul(left1, w3);
        a = madd(v128.load(top + pixel), w1, a);
        d = madd(v128.load(middle + pixel), w4, d);
        left0 = v128.load(top + right);
        a = madd(left0, w2, a);
        a = madd(left2, w6, a);
        left1 = v128.load(middle + right);
        d = madd(left1, w5, d);
        d = madd(v128.load(bottom + pixel), w7, d);
        left2 = v128.load(bottom + right);
        a = madd(left2, w8, a);
        const out = activate(f32x4.add(a, d), Activation.Relu);
        sum = f32x4.add(sum, out);
        v128.store(target, out);
        top += right;
        target += pixel;
      }
      v128.store(sums + c, sum);
    }
  }
}

/** As {@link depthwise3}, with a window of 5 x 5 and hard swish. @param stride of the window, in pixels @param width a multiple of 4 */
export function depthwise5(input: usize, inStride: usize, output: usize, weights: usize, bias: usize, width: i32, height: i32, channels: i32, stride: i32, sums: usize): void {
  const pixel = <usize>channels * F32;
  const step = <usize>stride * pixel;
  memory.fill(sums, 0, pixel);
  for (let y = 0; y < height; y++) {
    for (let c: usize = 0; c < pixel; c += 16) {
      const b = v128.load(bias + c);
      let sum = v128.load(sums + c);
      let corner = input + <usize>(y * stride) * inStride + c;
      let target = output + <usize>y * <usize>width * pixel + c;
      for (let x = 0; x < width; x += 4) {
        let a0 = b;
        let a1 = b;
        let a2 = b;
        let a3 = b;
        let w = weights + c * 25;
        for (let ky: usize = 0; ky < 5; ky++) {
          let p = corner + ky * inStride;
          for (let kx = 0; kx < 5; kx++) {
            const k = v128.load(w);
            a0 = madd(v128.load(p), k, a0);
            const q = p + step;
            a1 = madd(v128.load(q), k, a1);
            const r = q + step;
            a2 = madd(v128.load(r), k, a2);
            a3 = madd(v128.load(r + step), k, a3);
            w += 16;
            p += pixel;
          }
        }
        a0 = activate(a0, Activation.HardSwish);
        a1 = activate(a1, Activation.HardSwish);
        a2 = activate(a2, Activation.HardSwish);
        a3 = activate(a3, Activation.HardSwish);
        sum = f32x4.add(sum, f32x4.add(f32x4.add(a0, a1), f32x4.add(a2, a3)));
        v128.store(target, a0);
        target += pixel;
        v128.store(target, a1);
        target += pixel;
        v128.store(target, a2);
        target += pixel;
        v128.store(target, a3);
        target += pixel;
        corner += step << 2;
      }
      v128.store(sums + c, sum);
    }
  }
}
