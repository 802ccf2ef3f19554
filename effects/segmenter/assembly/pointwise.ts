import { activate, Activation, F32, madd } from './simd';

/**
 * A 1 x 1 convolution: out[p][o] = act(sum over i of in[p][i] * w[i][o] + bias[o] + add[p][o]).
 *
 * Four pixels by eight outputs at a time: as many sums as there are registers for.
 *
 * @param weights in panels of eight outputs: [outputs / 8][inputs][8]
 * @param add laid out as the output, or 0
 * @param pixels a multiple of 4, one after the other in input and output
 * @param inputs a multiple of 4
 * @param outputs a multiple of 8
 */
export function pointwise(input: usize, output: usize, weights: usize, bias: usize, add: usize, pixels: i32, inputs: i32, outputs: i32, activation: Activation): void {
  const inStride = <usize>inputs * F32;
  const outStride = <usize>outputs * F32;
  const panel = inStride * 8;
  for (let o: usize = 0; o < outStride; o += 8 * F32, weights += panel) {
    const b0 = v128.load(bias + o);
    const b1 = v128.load(bias + o, 16);
    let source = input;
    let target = output + o;
    let addend = add + o;
    for (let p = 0; p < pixels; p += 4) {
      let a0 = b0;
      let a1 = b1;
      let c0 = b0;
      let c1 = b1;
      let d0 = b0;
      let d1 = b1;
      let e0 = b0;
      let e1 = b1;
      if (add) {
        a0 = f32x4.add(a0, v128.load(addend));
        a1 = f32x4.add(a1, v128.load(addend, 16));
        addend += outStride;
        c0 = f32x4.add(c0, v128.load(addend));
        c1 = f32x4.add(c1, v128.load(addend, 16));
        addend += outStride;
        d0 = f32x4.add(d0, v128.load(addend));
        d1 = f32x4.add(d1, v128.load(addend, 16));
        addend += outStride;
        e0 = f32x4.add(e0, v128.load(addend));
        e1 = f32x4.add(e1, v128.load(addend, 16));
        addend += outStride;
      }
      let sa = source;
      let sc = sa + inStride;
      let sd = sc + inStride;
      let se = sd + inStride;
      source = se + inStride;
      for (let w = weights, end = weights + panel; w < end; w += 64) {
        let w0 = v128.load(w);
        let w1 = v128.load(w, 16);
        let x = v128.load32_splat(sa);
        a0 = madd(x, w0, a0);
        a1 = madd(x, w1, a1);
        x = v128.load32_splat(sc);
        c0 = madd(x, w0, c0);
        c1 = madd(x, w1, c1);
        x = v128.load32_splat(sd);
        d0 = madd(x, w0, d0);
        d1 = madd(x, w1, d1);
        x = v128.load32_splat(se);
        e0 = madd(x, w0, e0);
        e1 = madd(x, w1, e1);
        w0 = v128.load(w, 32);
        w1 = v128.load(w, 48);
        x = v128.load32_splat(sa, 4);
        a0 = madd(x, w0, a0);
        a1 = madd(x, w1, a1);
        x = v128.load32_splat(sc, 4);
        c0 = madd(x, w0, c0);
        c1 = madd(x, w1, c1);
        x = v128.load32_splat(sd, 4);
        d0 = madd(x, w0, d0);
        d1 = madd(x, w1, d1);
        x = v128.load32_splat(se, 4);
        e0 = madd(x, w0, e0);
        e1 = madd(x, w1, e1);
        sa += 8;
        sc += 8;
        sd += 8;
        se += 8;
      }
      v128.store(target, activate(a0, activation));
      v128.store(target, activate(a1, activation), 16);
      target += outStride;
      v128.store(target, activate(c0, activation));
      v128.store(target, activate(c1, activation), 16);
      target += outStride;
      v128.store(target, activate(d0, activation));
      v128.store(target, activate(d1, activation), 16);
      target += outStride;
      v128.store(target, activate(e0, activation));
      v128.store(target, activate(e1, activation), 16);
      target += outStride;
    }
  }
}

/** The weights of {@link pointwise} for an input whose channels are scaled: w[i][o] * scale[i]. */
export function scaleInputs(weights: usize, scale: usize, target: usize, inputs: i32, outputs: i32): void {
  for (let o = 0; o < outputs; o += 8) {
    for (let i = 0; i < inputs; i++) {
      const s = v128.load32_splat(scale + <usize>i * F32);
      v128.store(target, f32x4.mul(v128.load(weights), s));
      v128.store(target, f32x4.mul(v128.load(weights, 16), s), 16);
      weights += 32;
      target += 32;
    }
  }
}

/** A fully connected layer on one vector, weights [inputs][outputs], outputs a multiple of 4. */
export function dense(input: usize, output: usize, weights: usize, bias: usize, inputs: i32, outputs: i32, activation: Activation): void {
  const outStride = <usize>outputs * F32;
  for (let o: usize = 0; o < outStride; o += 16) {
    let sum = v128.load(bias + o);
    let w = weights + o;
    for (let i = 0; i < inputs; i++, w += outStride) sum = madd(v128.load32_splat(input + <usize>i * F32), v128.load(w), sum);
    v128.store(output + o, activate(sum, activation));
  }
}
