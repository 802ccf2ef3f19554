/**
 * From the model's mask to the matte.
 *
 * The mask is coarse and wrong by some pixels at the edges. A guided filter (He, Sun and Tang, "Guided image filtering",
 * 2013) with the colours as its guide lets the matte follow the picture: in each window alpha is fitted as a linear
 * function of (Y, U, V). The fit is done at the coarse grid, and its coefficients are scaled up and applied to the full
 * picture (He and Sun, "Fast guided filter", 2015), so that hair and fingers appear which the mask never had. Luma alone
 * is not enough of a guide: at equal brightness it smears the edge.
 *
 * Two things are added. The fit is repeated on its own sharpened result, since a blurred mask gives a blurred fit; the
 * costly part, the inverse of the guide's covariance, stays. And the mask is mixed with what the last frame made of it,
 * more where the picture stands still, so that it neither flickers at rest nor trails behind a move.
 */
import { boxMean, smoothstep } from './field';
import {
  coarseHeight, coarseStride, coarseWidth, coefU, coefV, coefY, covarianceU, covarianceV, covarianceY, fieldA, fieldB, guide, MODEL_HEIGHT, MODEL_WIDTH,
  modelMask, motion, offset, past, remember, remembers, smallHeight, smallStride, smallU, smallV, smallWidth, smallY, wide,
} from './memory';

/** Half a window of the fit, in coarse samples: 24 pixels at 720p; less where the whole picture is hardly larger. */
// @ts-ignore: decorator
@inline
function radius(): i32 {
  return min(3, max(1, min(coarseWidth, coarseHeight) >> 4));
}
/** Keeps the fit from following noise: variance of the guide (0 to 1) that counts as flat. */
const EPSILON: f32 = 0.0001;
const FITS: i32 = 3;
/** Chroma spans less of its range than luma does. */
const CHROMA_GAIN: f32 = 2;

/** How much of a new mask is taken where nothing moves; all of it where the guide changes by STIR or more. */
const REST: f32 = 0.25;
const STILL: f32 = 0.03;
const STIR: f32 = 0.1;
/** Share of the fitted matte, against the mixed mask, in what the next frame starts from. */
const FEEDBACK: f32 = 0.25;

/** The fit is sharpened between these, each time but the last; and the final alpha between those, per pixel. */
const LOW: f32 = 0.2;
const HIGH: f32 = 0.8;
const FINAL_LOW: f32 = 0.1;
const FINAL_HIGH: f32 = 0.9;

/** Where the window is all person or all room but for one part in this, the fit is only noise: it is left out by degrees. */
const DOUBT: f32 = 4;

/** Coefficients have 10 fractional bits; the limit leaves room for the difference of two. */
const COEFFICIENT_SCALE: f32 = 1024;
const COEFFICIENT_LIMIT: f32 = 15.9;

// @ts-ignore: decorator
@inline
function dot(a: v128, b: v128): f32 {
  const p = f32x4.mul(a, b);
  const q = f32x4.add(p, i8x16.shuffle(p, p, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  return f32x4.extract_lane(q, 0) + f32x4.extract_lane(q, 1);
}

/** The mask at one coarse sample, bilinear, 0 to 1. */
// @ts-ignore: decorator
@inline
function sampled(top: usize, bottom: usize, x: i32, stepX: i32, fy: i32): f32 {
  const at = min(max(x * stepX + (stepX >> 1) - 0x8000, 0), (MODEL_WIDTH - 1) << 16);
  const left = at >> 16;
  const right = min(left + 1, MODEL_WIDTH - 1);
  const fx = (at & 0xffff) >> 8;
  const a = <i32>load<u8>(top + left) * (256 - fy) + <i32>load<u8>(bottom + left) * fy;
  const b = <i32>load<u8>(top + right) * (256 - fy) + <i32>load<u8>(bottom + right) * fy;
  const sum = a * (256 - fx) + b * fx;
  return <f32>sum * <f32>(1.0 / 16711680); // 255 << 16
}

// @ts-ignore: decorator
@inline
function mean4(plane: usize, top: i32, bottom: i32, x: i32, next: i32): i32 {
  return <i32>load<u8>(plane + top + x) + <i32>load<u8>(plane + top + next) + <i32>load<u8>(plane + bottom + x) + <i32>load<u8>(plane + bottom + next);
}

/** The guide, (Y, U, V) around zero and 1, and how much it changed since the last frame. */
function readGuide(): void {
  const scale = f32x4(1.0 / 1020, 2.0 / 1020, 2.0 / 1020, 1);
  const weight = f32x4(1, 0.5, 0.5, 0);
  for (let y = 0; y < coarseHeight; y++) {
    const top = 2 * y * smallStride;
    const bottom = min(2 * y + 1, smallHeight - 1) * smallStride;
    const row = y * coarseWidth;
    for (let x = 0; x < coarseWidth; x++) {
      const next = min(2 * x + 1, smallWidth - 1);
      const sums = i32x4(0, 0, 0, 1);
      const withY = i32x4.replace_lane(sums, 0, mean4(smallY, top, bottom, 2 * x, next) - 512);
      const withU = i32x4.replace_lane(withY, 1, mean4(smallU, top, bottom, 2 * x, next) - 512);
      const all = i32x4.replace_lane(withU, 2, mean4(smallV, top, bottom, 2 * x, next) - 512);
      const here = f32x4.mul(f32x4.convert_i32x4_s(all), scale);
      v128.store(guide + 16 * (row + x), here);
      store<f32>(motion + 4 * (row + x), dot(f32x4.abs(f32x4.sub(here, v128.load(past + 16 * (row + x)))), weight));
    }
  }
}

/** Mean change around a sample: noise averages out, and a moving edge reaches its neighbours. */
// @ts-ignore: decorator
@inline
function stirred(x: i32, y: i32): f32 {
  const left = max(x - 1, 0);
  const right = min(x + 1, coarseWidth - 1);
  const up = motion + 4 * max(y - 1, 0) * coarseWidth;
  const here = motion + 4 * y * coarseWidth;
  const down = motion + 4 * min(y + 1, coarseHeight - 1) * coarseWidth;
  const sum = load<f32>(up + 4 * left) + load<f32>(up + 4 * x) + load<f32>(up + 4 * right) + load<f32>(here + 4 * left) + load<f32>(here + 4 * x)
    + load<f32>(here + 4 * right) + load<f32>(down + 4 * left) + load<f32>(down + 4 * x) + load<f32>(down + 4 * right);
  return sum * <f32>(1.0 / 9);
}

/** Mixes the new mask with the past; `past` then holds the present guide and the mixed mask. */
function mixMask(): void {
  const stepY = <i32>((<i64>MODEL_HEIGHT << 16) / coarseHeight);
  const stepX = <i32>((<i64>MODEL_WIDTH << 16) / coarseWidth);
  for (let y = 0; y < coarseHeight; y++) {
    const at = min(max(y * stepY + (stepY >> 1) - 0x8000, 0), (MODEL_HEIGHT - 1) << 16);
    const top = modelMask + (at >> 16) * MODEL_WIDTH;
    const bottom = modelMask + min((at >> 16) + 1, MODEL_HEIGHT - 1) * MODEL_WIDTH;
    const fy = (at & 0xffff) >> 8;
    for (let x = 0; x < coarseWidth; x++) {
      const i = 16 * (y * coarseWidth + x);
      let mask = sampled(top, bottom, x, stepX, fy);
      if (remembers) {
        const before = load<f32>(past + i, 12);
        mask = before + (mask - before) * (REST + (1 - REST) * smoothstep(stirred(x, y), STILL, STIR));
      }
      v128.store(past + i, f32x4.replace_lane(v128.load(guide + i), 3, mask));
    }
  }
  remember();
}

/** Columns of the inverse of (covariance of the guide + EPSILON), each with the guide's own mean in its fourth lane. */
function invertCovariance(): void {
  const size = 16 * coarseWidth * coarseHeight;
  for (let lane = 0; lane < 3; lane++) {
    const target = lane == 0 ? covarianceY : lane == 1 ? covarianceU : covarianceV;
    for (let i = 0; i < size; i += 16) {
      const g = v128.load(guide + i);
      const one = load<f32>(guide + i + 4 * lane);
      v128.store(fieldA + i, f32x4.mul(g, f32x4.splat(one)));
    }
    boxMean(fieldA, target, radius());
  }
  for (let i = 0; i < size; i += 16) {
    const my = load<f32>(covarianceY + i, 12);
    const mu = load<f32>(covarianceU + i, 12);
    const mv = load<f32>(covarianceV + i, 12);
    const yy = load<f32>(covarianceY + i) - my * my + EPSILON;
    const yu = load<f32>(covarianceY + i, 4) - my * mu;
    const yv = load<f32>(covarianceY + i, 8) - my * mv;
    const uu = load<f32>(covarianceU + i, 4) - mu * mu + EPSILON;
    const uv = load<f32>(covarianceU + i, 8) - mu * mv;
    const vv = load<f32>(covarianceV + i, 8) - mv * mv + EPSILON;
    const a = uu * vv - uv * uv;
    const b = yv * uv - yu * vv;
    const c = yu * uv - yv * uu;
    // Rounding can spoil a covariance that is flat in one direction; EPSILON cubed is what a flat window has.
    const scale: f32 = 1 / max(yy * a + yu * b + yv * c, EPSILON * EPSILON * EPSILON);
    v128.store(covarianceY + i, f32x4.mul(f32x4.splat(scale), pack(a, b, c, my / scale)));
    v128.store(covarianceU + i, f32x4.mul(f32x4.splat(scale), pack(b, yy * vv - yv * yv, yu * yv - yy * uv, mu / scale)));
    v128.store(covarianceV + i, f32x4.mul(f32x4.splat(scale), pack(c, yu * yv - yy * uv, yy * uu - yu * yu, mv / scale)));
  }
}

// @ts-ignore: decorator
@inline
function pack(a: f32, b: f32, c: f32, d: f32): v128 {
  return f32x4.replace_lane(f32x4.replace_lane(f32x4.replace_lane(f32x4.splat(a), 1, b), 2, c), 3, d);
}

/**
 * Fits alpha to the mask that `wide` holds, as (Y, U, V, 1) * mask; fieldB then holds the smoothed (slopes, offset),
 * and fieldA the mean of (Y, U, V, 1) * mask.
 */
function fit(): void {
  const size = 16 * coarseWidth * coarseHeight;
  boxMean(wide, fieldA, radius());
  for (let i = 0; i < size; i += 16) {
    const means = v128.load(fieldA + i);
    const cy = v128.load(covarianceY + i);
    const cu = v128.load(covarianceU + i);
    const cv = v128.load(covarianceV + i);
    const my = f32x4.extract_lane(cy, 3);
    const mu = f32x4.extract_lane(cu, 3);
    const mv = f32x4.extract_lane(cv, 3);
    const mask = f32x4.extract_lane(means, 3);
    const sy = f32x4.extract_lane(means, 0) - my * mask;
    const su = f32x4.extract_lane(means, 1) - mu * mask;
    const sv = f32x4.extract_lane(means, 2) - mv * mask;
    const slopes = f32x4.add(f32x4.add(f32x4.mul(cy, f32x4.splat(sy)), f32x4.mul(cu, f32x4.splat(su))), f32x4.mul(cv, f32x4.splat(sv)));
    const at = mask - f32x4.extract_lane(slopes, 0) * my - f32x4.extract_lane(slopes, 1) * mu - f32x4.extract_lane(slopes, 2) * mv;
    v128.store(wide + i, f32x4.replace_lane(slopes, 3, at));
  }
  boxMean(wide, fieldB, radius());
}

/** Alpha of a coarse sample by the fit. */
// @ts-ignore: decorator
@inline
function fitted(i: i32): f32 {
  return dot(v128.load(fieldB + i), v128.load(guide + i));
}

/**
 * Makes the matte of the present frame: coefficients for the full picture, see blend.ts; and in the guide's fourth lane
 * the weight of each coarse sample as background.
 */
export function matte(): void {
  const size = 16 * coarseWidth * coarseHeight;
  readGuide();
  mixMask();
  invertCovariance();
  for (let i = 0; i < size; i += 16) v128.store(wide + i, f32x4.mul(v128.load(guide + i), f32x4.splat(load<f32>(past + i, 12))));
  for (let n = 1; n < FITS; n++) {
    fit();
    for (let i = 0; i < size; i += 16) v128.store(wide + i, f32x4.mul(v128.load(guide + i), f32x4.splat(smoothstep(fitted(i), LOW, HIGH))));
  }
  fit();
  const span = FINAL_HIGH - FINAL_LOW;
  // From the guide's units to samples around 128 in steps of 1/128, and on to the sharpened range.
  const toSamples = f32x4.mul(f32x4(128.0 / 255, 256.0 / 255, 256.0 / 255, 1), f32x4.splat(1 / span));
  const shift = f32x4(0, 0, 0, FINAL_LOW / span);
  const limit = f32x4.splat(COEFFICIENT_LIMIT);
  const least = f32x4.splat(-COEFFICIENT_LIMIT);
  for (let y = 0; y < coarseHeight; y++) {
    for (let x = 0; x < coarseWidth; x++) {
      const i = 16 * (y * coarseWidth + x);
      const out = 2 * (y * coarseStride + x);
      const share = load<f32>(fieldA + i, 12);
      const trust: f32 = min(DOUBT * share * (1 - share), <f32>1);
      const settled: f32 = share * (1 - trust);
      const tamed = f32x4.add(f32x4.mul(v128.load(fieldB + i), f32x4.splat(trust)), pack(0, 0, 0, settled));
      const coefficients = f32x4.sub(f32x4.mul(tamed, toSamples), shift);
      const limited = f32x4.max(f32x4.min(coefficients, limit), least);
      const fixed = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(limited, f32x4.splat(COEFFICIENT_SCALE))));
      store<i16>(coefY + out, <i16>i32x4.extract_lane(fixed, 0));
      store<i16>(coefU + out, <i16>i32x4.extract_lane(fixed, 1));
      store<i16>(coefV + out, <i16>i32x4.extract_lane(fixed, 2));
      store<i16>(offset + out, <i16>i32x4.extract_lane(fixed, 3));
      const alpha = fitted(i);
      const before = load<f32>(past + i, 12);
      store<f32>(past + i, before + (smoothstep(alpha, LOW, HIGH) - before) * FEEDBACK, 12);
      // Samples near the person hold some of their colour, in partly covered pixels: they count for less.
      const near: f32 = 1 - share;
      const back: f32 = <f32>1 - smoothstep(alpha, FINAL_LOW, FINAL_HIGH);
      store<f32>(guide + i, back * near * near + <f32>(1.0 / 4096), 12);
    }
  }
}
