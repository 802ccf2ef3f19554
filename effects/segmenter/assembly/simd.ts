/** Four floats at a time; every tensor holds float32, row by row, channels last. */

/** Bytes of a float. */
export const F32: usize = 4;

/**
 * a * b + c. Not the relaxed fused instruction: on a Zen 4 core, where products and sums have units of their own, it was no
 * faster, and it would take a second build of everything for browsers without it.
 */
// @ts-expect-error: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  return f32x4.add(f32x4.mul(a, b), c);
}

export const enum Activation {
  None,
  Relu,
  /** x * min(max(x + 3, 0), 6) / 6 */
  HardSwish,
}

// @ts-expect-error: decorator
@inline
export function activate(x: v128, activation: Activation): v128 {
  if (activation == Activation.None) return x;
  const zero = f32x4.splat(0);
  // pmax and pmin: one instruction each; they differ from max and min for NaN and signed zero only.
  if (activation == Activation.Relu) return f32x4.pmax(zero, x);
  const gate = f32x4.pmin(f32x4.splat(6), f32x4.pmax(zero, f32x4.add(x, f32x4.splat(3))));
  return f32x4.mul(f32x4.mul(x, f32x4.splat(1.0 / 6)), gate);
}

/**
 * The nearest whole number to each lane, below 2^22, as the low bits of the lane, and as what is left of the float once
 * WHOLE is taken off again: from there on the last bit of a float is worth 1, so that adding it rounds.
 */
// @ts-expect-error: decorator
@inline
export function wholes(x: v128): v128 {
  return f32x4.add(x, f32x4.splat(WHOLE));
}
const WHOLE: f32 = 12582912; // 1.5 * 2^23

/** 1 / (1 + exp(-x)), within 1e-6. exp by 2^n * p(r), |r| <= ln2 / 2, p the Taylor polynomial of degree 6. */
// @ts-expect-error: decorator
@inline
export function sigmoid(x: v128): v128 {
  const t = f32x4.pmin(f32x4.splat(80), f32x4.pmax(f32x4.splat(-80), f32x4.neg(x)));
  const whole = wholes(f32x4.mul(t, f32x4.splat(1.44269504)));
  const r = madd(f32x4.sub(whole, f32x4.splat(WHOLE)), f32x4.splat(-0.69314718), t);
  let p = madd(r, f32x4.splat(1.0 / 720), f32x4.splat(1.0 / 120));
  p = madd(p, r, f32x4.splat(1.0 / 24));
  p = madd(p, r, f32x4.splat(1.0 / 6));
  p = madd(p, r, f32x4.splat(0.5));
  p = madd(p, r, f32x4.splat(1));
  p = madd(p, r, f32x4.splat(1));
  const power = i32x4.shl(i32x4.add(whole, i32x4.splat(127)), 23);
  const one = f32x4.splat(1);
  return f32x4.div(one, madd(p, power, one));
}
