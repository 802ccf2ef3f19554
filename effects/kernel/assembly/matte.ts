/**
 * From the model's mask to the matte.
 *
 * The mask is coarse and wrong by some pixels at the edges. A guided filter (He, Sun and Tang, "Guided image filtering",
 * 2013) with the colours as its guide lets the matte follow the picture: in each window alpha is fitted as a linear
 * function of (Y, U, V). The fit is done at the coarse grid, and its coefficients are scaled up and applied to the full
 * picture (He and Sun, "Fast guided filter", 2015), so that hair and fingers appear which the mask never had. Luma alone
 * is not enough of a guide: at equal brightness it smears the edge.
 *
 * Two things are added. The fit is repeated on its own sharpened result, and some of the mask, since a blurred mask gives a blurred fit; the
 * costly part, the inverse of the guide's covariance, stays. And the mask is mixed with what the last frame made of it,
 * more where the picture stands still, so that it neither flickers at rest nor trails behind a move.
 */
import { smoothstep } from './field';
import {
  BLOCK, blocks, blockStride, classes, coarseHeight, coarseStride, coarseWidth, coefU, coefV, coefY, covarianceU, covarianceV, covarianceY, EDGE, edgeBlocks, fieldA, fieldRow,
  fieldRowU, fieldRowV, guide, MODEL_HEIGHT, MODEL_WIDTH, modelMask, motion, offset, past, PERSON, remember, remembers, ROOM, rowMask, smallHeight, smallStride, smallU, smallV,
  smallWidth, smallY, sumsAreFor, unsettled, unsettledStride, wide,
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

/** A mask nearer than this to 0 or 1 is meant to be that. */
const SURE: f32 = 1.0 / 16;
/** Less than that of a new mask is not worth mixing. */
const SAME: f32 = 1.0 / 512;

/** How much of a new mask is taken where nothing moves; all of it where the guide changes by STIR or more. */
const REST: f32 = 0.25;
const STILL: f32 = 0.03;
const STIR: f32 = 0.1;
/** Share of the fitted matte, against the mixed mask, in what the next frame starts from. */
const FEEDBACK: f32 = 0.4;
/**
 * Share of the mixed mask, against the sharpened fit, in what the next fit follows. Where a part of the person has the
 * room's colours, a fit gives it away; repeated on its own result alone it would give away more each time, and what is
 * missing then moves with the person.
 */
const PRIOR: f32 = 0.3;

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

/** The mask between two of its rows, in 255 x 256ths. */
function mixRows(top: usize, bottom: usize, fy: i32): void {
  const a = i16x8.splat(<i16>(256 - fy));
  const b = i16x8.splat(<i16>fy);
  for (let x = 0; x < MODEL_WIDTH; x += 8) {
    v128.store(rowMask + 2 * x, i16x8.add(i16x8.mul(v128.load8x8_u(top + x), a), i16x8.mul(v128.load8x8_u(bottom + x), b)));
  }
}

/** The mask at one coarse sample of the row that {@link mixRows} made, 0 to 1. */
// @ts-ignore: decorator
@inline
function sampled(x: i32, stepX: i32): f32 {
  const at = min(max(x * stepX + (stepX >> 1) - 0x8000, 0), (MODEL_WIDTH - 1) << 16);
  const left = at >> 16;
  const right = min(left + 1, MODEL_WIDTH - 1);
  const fx = (at & 0xffff) >> 8;
  const sum = <i32>load<u16>(rowMask + 2 * left) * (256 - fx) + <i32>load<u16>(rowMask + 2 * right) * fx;
  return <f32>sum * <f32>(1.0 / 16711680); // 255 << 16
}

// @ts-ignore: decorator
@inline
function mean4(plane: usize, top: i32, bottom: i32, x: i32, next: i32): i32 {
  return <i32>load<u8>(plane + top + x) + <i32>load<u8>(plane + top + next) + <i32>load<u8>(plane + bottom + x) + <i32>load<u8>(plane + bottom + next);
}

/** The sums of four times 2 x 2 samples, around zero. */
// @ts-ignore: decorator
@inline
function sums4(plane: usize, top: i32, bottom: i32): v128 {
  const pairs = i16x8.add(i16x8.extadd_pairwise_i8x16_u(v128.load64_zero(plane + top)), i16x8.extadd_pairwise_i8x16_u(v128.load64_zero(plane + bottom)));
  return f32x4.convert_i32x4_s(i32x4.sub(i32x4.extend_low_i16x8_u(pairs), i32x4.splat(512)));
}

// @ts-ignore: decorator
@inline
function keepGuide(i: i32, here: v128): void {
  v128.store(guide + i, here);
  store<f32>(motion + (i >> 2), dot(f32x4.abs(f32x4.sub(here, v128.load(past + i))), f32x4(1, 0.5, 0.5, 0)));
}

/** The guide, (Y, U, V) around zero and 1, and how much it changed since the last frame. */
function readGuide(): void {
  const scale = f32x4(1.0 / 1020, 2.0 / 1020, 2.0 / 1020, 1);
  const one = f32x4.splat(1);
  for (let y = 0; y < coarseHeight; y++) {
    const top = 2 * y * smallStride;
    const bottom = min(2 * y + 1, smallHeight - 1) * smallStride;
    const row = y * coarseWidth;
    let x = 0;
    for (; 2 * x + 8 <= smallWidth; x += 4) {
      const i = 16 * (row + x);
      const ys = sums4(smallY, top + 2 * x, bottom + 2 * x);
      const us = sums4(smallU, top + 2 * x, bottom + 2 * x);
      const vs = sums4(smallV, top + 2 * x, bottom + 2 * x);
      const yu = i32x4.shuffle(ys, us, 0, 4, 1, 5);
      const yu2 = i32x4.shuffle(ys, us, 2, 6, 3, 7);
      const v1 = i32x4.shuffle(vs, one, 0, 4, 1, 5);
      const v12 = i32x4.shuffle(vs, one, 2, 6, 3, 7);
      keepGuide(i, f32x4.mul(i64x2.shuffle(yu, v1, 0, 2), scale));
      keepGuide(i + 16, f32x4.mul(i64x2.shuffle(yu, v1, 1, 3), scale));
      keepGuide(i + 32, f32x4.mul(i64x2.shuffle(yu2, v12, 0, 2), scale));
      keepGuide(i + 48, f32x4.mul(i64x2.shuffle(yu2, v12, 1, 3), scale));
    }
    for (; x < coarseWidth; x++) {
      const next = min(2 * x + 1, smallWidth - 1);
      const sums = i32x4(0, 0, 0, 1);
      const withY = i32x4.replace_lane(sums, 0, mean4(smallY, top, bottom, 2 * x, next) - 512);
      const withU = i32x4.replace_lane(withY, 1, mean4(smallU, top, bottom, 2 * x, next) - 512);
      const all = i32x4.replace_lane(withU, 2, mean4(smallV, top, bottom, 2 * x, next) - 512);
      keepGuide(16 * (row + x), f32x4.mul(f32x4.convert_i32x4_s(all), scale));
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
    mixRows(modelMask + (at >> 16) * MODEL_WIDTH, modelMask + min((at >> 16) + 1, MODEL_HEIGHT - 1) * MODEL_WIDTH, (at & 0xffff) >> 8);
    for (let x = 0; x < coarseWidth; x++) {
      const i = 16 * (y * coarseWidth + x);
      let mask = sampled(x, stepX);
      if (remembers) {
        const before = load<f32>(past + i, 12);
        if (abs(mask - before) > SAME) mask = before + (mask - before) * (REST + (1 - REST) * smoothstep(stirred(x, y), STILL, STIR));
      }
      v128.store(past + i, f32x4.replace_lane(v128.load(guide + i), 3, mask));
      store<u8>(classes + y * coarseStride + x, mask < SURE ? ROOM : mask > 1 - SURE ? PERSON : EDGE);
    }
  }
  remember();
}

/**
 * Finds the blocks near an edge of the mask: those that a fit can change. Elsewhere the windows of the fit, and the
 * windows of its smoothing, are all person or all room, and so is what would come of them. For these blocks all is
 * written here that the fits will read, and that comes after them.
 */
function settle(): void {
  const reach = 2 * radius();
  for (let y = 0; y < coarseHeight; y++) {
    const row = classes + y * coarseStride;
    const above = classes + max(y - 1, 0) * coarseStride;
    const into = unsettled + y * unsettledStride;
    for (let x = 0; x < coarseWidth; x++) {
      const here = load<u8>(row + x);
      store<u8>(into + x, <u8>(here == EDGE || here != load<u8>(above + x) || here != load<u8>(row + max(x - 1, 0))));
    }
    // Little-endian: the last samples of the block before are the high bytes.
    const before = ~(<u64>0) << (8 * (BLOCK - reach));
    const after = ~(<u64>0) >> (8 * (BLOCK - reach));
    for (let b = 0; b * BLOCK < coarseStride; b++) {
      const at = into + b * BLOCK;
      const any = load<u64>(at) | (load<u64>(at - BLOCK) & before) | (load<u64>(at + BLOCK) & after);
      store<u8>(edgeBlocks + y * blockStride + b, <u8>(any != 0));
    }
  }
  for (let y = 0; y < coarseHeight; y++) {
    for (let b = 0; b < blockStride; b += 8) {
      let any: u64 = 0;
      for (let from = max(y - reach, 0); from <= min(y + reach, coarseHeight - 1); from++) any |= load<u64>(edgeBlocks + from * blockStride + b);
      store<u64>(blocks + y * blockStride + b, any);
    }
    for (let b = 0; b * BLOCK < coarseStride; b++) {
      const at = blocks + y * blockStride + b;
      const x = b * BLOCK;
      // Beyond the end of the row there is nothing to be done, and nothing is what is done to the person.
      const kind: u8 = x >= coarseWidth ? PERSON : load<u8>(at) != 0 ? EDGE : load<u8>(classes + y * coarseStride + x);
      store<u8>(at, kind);
      const end = 16 * (y * coarseWidth + min(x + BLOCK, coarseWidth));
      let i = 16 * (y * coarseWidth + x);
      if (kind == EDGE) {
        for (; i < end; i += 16) v128.store(wide + i, f32x4.mul(v128.load(guide + i), f32x4.splat(load<f32>(past + i, 12))));
        continue;
      }
      const value: f32 = <f32>kind;
      const slopes = f32x4.replace_lane(f32x4.splat(0), 3, value);
      for (; i < end; i += 16) {
        v128.store(wide + i, f32x4.mul(v128.load(guide + i), f32x4.splat(value)));
        v128.store(fieldA + i, slopes);
        const mixed = load<f32>(past + i, 12);
        store<f32>(past + i, mixed + (value - mixed) * FEEDBACK, 12);
      }
    }
  }
}

/** What comes of the blocks without an edge, once the fits no longer need the guide's fourth lane. */
function finishSettled(): void {
  const shift = FINAL_LOW / (FINAL_HIGH - FINAL_LOW) * COEFFICIENT_SCALE;
  const bytes = 2 * coarseStride * coarseHeight;
  memory.fill(coefY, 0, bytes);
  memory.fill(coefU, 0, bytes);
  memory.fill(coefV, 0, bytes);
  for (let y = 0; y < coarseHeight; y++) {
    for (let b = 0; b * BLOCK < coarseWidth; b++) {
      const kind = load<u8>(blocks + y * blockStride + b);
      if (kind == EDGE) continue;
      const x = b * BLOCK;
      v128.store(offset + 2 * (y * coarseStride + x), i16x8.splat(<i16>(kind == PERSON ? COEFFICIENT_SCALE / (FINAL_HIGH - FINAL_LOW) - shift : -shift)));
      const weight: f32 = <f32>(1 - kind) + <f32>(1.0 / 4096);
      const end = 16 * (y * coarseWidth + min(x + BLOCK, coarseWidth));
      for (let i = 16 * (y * coarseWidth + x); i < end; i += 16) store<f32>(guide + i, weight, 12);
    }
  }
}

/** A row's next run of blocks with edges, from block `b` on: its first sample, or -1 where there is none. */
// @ts-ignore: decorator
@inline
function runFrom(row: usize, b: i32): i32 {
  while (b * BLOCK < coarseWidth) {
    if (load<u8>(row + b) == EDGE) return b * BLOCK;
    b++;
  }
  return -1;
}
// @ts-ignore: decorator
@inline
function endOfRun(row: usize, x: i32): i32 {
  let b = x / BLOCK;
  while (b * BLOCK < coarseWidth && load<u8>(row + b) == EDGE) b++;
  return min(b * BLOCK, coarseWidth);
}

/** Forgets what {@link sumColumns} and {@link sumProducts} have summed. */
function forgetSums(): void {
  for (let b = 0; b < blockStride; b++) store<i32>(sumsAreFor + 4 * b, -2);
}

/** The sums of a field's columns in the window of row `y`, for what a run from `x` to `end` needs; edges repeated. */
function sumColumns(source: usize, x: i32, end: i32, y: i32, reach: i32): void {
  const bytes = 16 * coarseWidth;
  const lastRow = coarseHeight - 1;
  const enters = source + min(y + reach, lastRow) * bytes;
  const leaves = source + max(y - 1 - reach, 0) * bytes;
  const last = min(end + reach, coarseWidth) - 1;
  for (let b = max(x - reach, 0) / BLOCK; b * BLOCK <= last; b++) {
    const from = 16 * BLOCK * b;
    const to = min(from + 16 * BLOCK, bytes);
    if (load<i32>(sumsAreFor + 4 * b) == y - 1) {
      for (let i = from; i < to; i += 16) v128.store(fieldRow + i, f32x4.add(v128.load(fieldRow + i), f32x4.sub(v128.load(enters + i), v128.load(leaves + i))));
    } else {
      for (let i = from; i < to; i += 16) {
        let sum = f32x4.splat(0);
        for (let row = y - reach; row <= y + reach; row++) sum = f32x4.add(sum, v128.load(source + min(max(row, 0), lastRow) * bytes + i));
        v128.store(fieldRow + i, sum);
      }
    }
    store<i32>(sumsAreFor + 4 * b, y);
  }
  repeatEdges(fieldRow, x, end, reach);
}

// @ts-ignore: decorator
@inline
function repeatEdges(row: usize, x: i32, end: i32, reach: i32): void {
  const bytes = 16 * coarseWidth;
  if (x - reach < 0) for (let i = 1; i <= reach; i++) v128.store(row - 16 * i, v128.load(row));
  if (end + reach >= coarseWidth) for (let i = 0; i <= reach; i++) v128.store(row + bytes + 16 * i, v128.load(row + bytes - 16));
}

/** As {@link sumColumns}, of the guide times its own first, second and third lane. */
function sumProducts(x: i32, end: i32, y: i32, reach: i32): void {
  const bytes = 16 * coarseWidth;
  const lastRow = coarseHeight - 1;
  const enters = guide + min(y + reach, lastRow) * bytes;
  const leaves = guide + max(y - 1 - reach, 0) * bytes;
  const last = min(end + reach, coarseWidth) - 1;
  for (let b = max(x - reach, 0) / BLOCK; b * BLOCK <= last; b++) {
    const from = 16 * BLOCK * b;
    const to = min(from + 16 * BLOCK, bytes);
    if (load<i32>(sumsAreFor + 4 * b) == y - 1) {
      for (let i = from; i < to; i += 16) {
        const g = v128.load(enters + i);
        const h = v128.load(leaves + i);
        v128.store(fieldRow + i, f32x4.add(v128.load(fieldRow + i), f32x4.sub(timesLane(g, 0), timesLane(h, 0))));
        v128.store(fieldRowU + i, f32x4.add(v128.load(fieldRowU + i), f32x4.sub(timesLane(g, 1), timesLane(h, 1))));
        v128.store(fieldRowV + i, f32x4.add(v128.load(fieldRowV + i), f32x4.sub(timesLane(g, 2), timesLane(h, 2))));
      }
    } else {
      for (let i = from; i < to; i += 16) {
        let sumY = f32x4.splat(0);
        let sumU = sumY;
        let sumV = sumY;
        for (let row = y - reach; row <= y + reach; row++) {
          const g = v128.load(guide + min(max(row, 0), lastRow) * bytes + i);
          sumY = f32x4.add(sumY, timesLane(g, 0));
          sumU = f32x4.add(sumU, timesLane(g, 1));
          sumV = f32x4.add(sumV, timesLane(g, 2));
        }
        v128.store(fieldRow + i, sumY);
        v128.store(fieldRowU + i, sumU);
        v128.store(fieldRowV + i, sumV);
      }
    }
    store<i32>(sumsAreFor + 4 * b, y);
  }
  repeatEdges(fieldRow, x, end, reach);
  repeatEdges(fieldRowU, x, end, reach);
  repeatEdges(fieldRowV, x, end, reach);
}

// @ts-ignore: decorator
@inline
function timesLane(g: v128, lane: i32): v128 {
  return f32x4.mul(g, lane == 0 ? i32x4.shuffle(g, g, 0, 0, 0, 0) : lane == 1 ? i32x4.shuffle(g, g, 1, 1, 1, 1) : i32x4.shuffle(g, g, 2, 2, 2, 2));
}

/** The sum of a window of a row of sums, around sample `x`. */
// @ts-ignore: decorator
@inline
function windowAt(row: usize, x: i32, reach: i32): v128 {
  let sum = v128.load(row + 16 * (x - reach));
  for (let i = 1 - reach; i <= reach; i++) sum = f32x4.add(sum, v128.load(row + 16 * (x + i)));
  return sum;
}

/** The same window, one sample on. */
// @ts-ignore: decorator
@inline
function moved(sum: v128, row: usize, x: i32, reach: i32): v128 {
  return f32x4.add(sum, f32x4.sub(v128.load(row + 16 * (x + reach + 1)), v128.load(row + 16 * (x - reach))));
}

// @ts-ignore: decorator
@inline
function windowScale(reach: i32): v128 {
  const side = 2 * reach + 1;
  return f32x4.splat(<f32>1 / <f32>(side * side));
}

/** Near edges: columns of the inverse of (covariance of the guide + EPSILON), each with the guide's own mean in its fourth lane. */
function invertCovariance(): void {
  const reach = radius();
  const scale = windowScale(reach);
  forgetSums();
  for (let y = 0; y < coarseHeight; y++) {
    const row = blocks + y * blockStride;
    for (let x = runFrom(row, 0); x >= 0; x = runFrom(row, (x + BLOCK - 1) / BLOCK)) {
      const end = endOfRun(row, x);
      sumProducts(x, end, y, reach);
      let sumY = windowAt(fieldRow, x, reach);
      let sumU = windowAt(fieldRowU, x, reach);
      let sumV = windowAt(fieldRowV, x, reach);
      for (; x < end; x++) {
        invert(16 * (y * coarseWidth + x), f32x4.mul(sumY, scale), f32x4.mul(sumU, scale), f32x4.mul(sumV, scale));
        sumY = moved(sumY, fieldRow, x, reach);
        sumU = moved(sumU, fieldRowU, x, reach);
        sumV = moved(sumV, fieldRowV, x, reach);
      }
    }
  }
}

/** @param y, u, v mean products of the guide with its first, second and third lane */
// @ts-ignore: decorator
@inline
function invert(i: i32, y: v128, u: v128, v: v128): void {
  const my = f32x4.extract_lane(y, 3);
  const mu = f32x4.extract_lane(u, 3);
  const mv = f32x4.extract_lane(v, 3);
  const yy = f32x4.extract_lane(y, 0) - my * my + EPSILON;
  const yu = f32x4.extract_lane(y, 1) - my * mu;
  const yv = f32x4.extract_lane(y, 2) - my * mv;
  const uu = f32x4.extract_lane(u, 1) - mu * mu + EPSILON;
  const uv = f32x4.extract_lane(u, 2) - mu * mv;
  const vv = f32x4.extract_lane(v, 2) - mv * mv + EPSILON;
  const a = uu * vv - uv * uv;
  const b = yv * uv - yu * vv;
  const c = yu * uv - yv * uu;
  // Rounding can spoil a covariance that is flat in one direction; EPSILON cubed is what a flat window has.
  const scale: f32 = 1 / max(yy * a + yu * b + yv * c, EPSILON * EPSILON * EPSILON);
  v128.store(covarianceY + i, f32x4.mul(f32x4.splat(scale), pack(a, b, c, my / scale)));
  v128.store(covarianceU + i, f32x4.mul(f32x4.splat(scale), pack(b, yy * vv - yv * yv, yu * yv - yy * uv, mu / scale)));
  v128.store(covarianceV + i, f32x4.mul(f32x4.splat(scale), pack(c, yu * yv - yy * uv, yy * uu - yu * yu, mv / scale)));
}

// @ts-ignore: decorator
@inline
function pack(a: f32, b: f32, c: f32, d: f32): v128 {
  return f32x4.replace_lane(f32x4.replace_lane(f32x4.replace_lane(f32x4.splat(a), 1, b), 2, c), 3, d);
}

/**
 * Near edges: fits alpha to the mask that `wide` holds, as (Y, U, V, 1) * mask; fieldA then holds (slopes, offset), and
 * `motion`, which is free by now, the share of the window that is the person.
 */
function fit(): void {
  const reach = radius();
  const scale = windowScale(reach);
  forgetSums();
  for (let y = 0; y < coarseHeight; y++) {
    const row = blocks + y * blockStride;
    for (let x = runFrom(row, 0); x >= 0; x = runFrom(row, (x + BLOCK - 1) / BLOCK)) {
      const end = endOfRun(row, x);
      sumColumns(wide, x, end, y, reach);
      let sum = windowAt(fieldRow, x, reach);
      for (; x < end; x++) {
        const i = 16 * (y * coarseWidth + x);
        const means = f32x4.mul(sum, scale);
        const cy = v128.load(covarianceY + i);
        const cu = v128.load(covarianceU + i);
        const cv = v128.load(covarianceV + i);
        const my = f32x4.extract_lane(cy, 3);
        const mu = f32x4.extract_lane(cu, 3);
        const mv = f32x4.extract_lane(cv, 3);
        const share = f32x4.extract_lane(means, 3);
        const sy = f32x4.extract_lane(means, 0) - my * share;
        const su = f32x4.extract_lane(means, 1) - mu * share;
        const sv = f32x4.extract_lane(means, 2) - mv * share;
        const slopes = f32x4.add(f32x4.add(f32x4.mul(cy, f32x4.splat(sy)), f32x4.mul(cu, f32x4.splat(su))), f32x4.mul(cv, f32x4.splat(sv)));
        const at = share - f32x4.extract_lane(slopes, 0) * my - f32x4.extract_lane(slopes, 1) * mu - f32x4.extract_lane(slopes, 2) * mv;
        v128.store(fieldA + i, f32x4.replace_lane(slopes, 3, at));
        store<f32>(motion + (i >> 2), share);
        sum = moved(sum, fieldRow, x, reach);
      }
    }
  }
}

/**
 * Near edges: smooths the fit and applies it to the guide. What comes of it, sharpened, is most of the next fit's mask; of
 * the last fit, it is the coefficients for the full picture, see blend.ts, and the weight of each coarse sample as background.
 */
// @ts-ignore: decorator
@inline
function apply(isLast: bool): void {
  const reach = radius();
  const scale = windowScale(reach);
  const span = FINAL_HIGH - FINAL_LOW;
  // From the guide's units to samples around 128 in steps of 1/128, and on to the sharpened range.
  const toSamples = f32x4.mul(f32x4(128.0 / 255, 256.0 / 255, 256.0 / 255, 1), f32x4.splat(1 / span));
  const shift = f32x4(0, 0, 0, FINAL_LOW / span);
  const limit = f32x4.splat(COEFFICIENT_LIMIT);
  const least = f32x4.splat(-COEFFICIENT_LIMIT);
  forgetSums();
  for (let y = 0; y < coarseHeight; y++) {
    const row = blocks + y * blockStride;
    for (let x = runFrom(row, 0); x >= 0; x = runFrom(row, (x + BLOCK - 1) / BLOCK)) {
      const end = endOfRun(row, x);
      sumColumns(fieldA, x, end, y, reach);
      let sum = windowAt(fieldRow, x, reach);
      for (; x < end; x++) {
        const i = 16 * (y * coarseWidth + x);
        const smooth = f32x4.mul(sum, scale);
        sum = moved(sum, fieldRow, x, reach);
        const here = v128.load(guide + i);
        const alpha = dot(smooth, here);
        if (!isLast) {
          const sharp = smoothstep(alpha, LOW, HIGH);
          v128.store(wide + i, f32x4.mul(here, f32x4.splat(sharp + (load<f32>(past + i, 12) - sharp) * PRIOR)));
          continue;
        }
        const out = 2 * (y * coarseStride + x);
        const share = load<f32>(motion + (i >> 2));
        const trust: f32 = min(DOUBT * share * (1 - share), <f32>1);
        const tamed = f32x4.add(f32x4.mul(smooth, f32x4.splat(trust)), pack(0, 0, 0, share * (1 - trust)));
        const coefficients = f32x4.sub(f32x4.mul(tamed, toSamples), shift);
        const limited = f32x4.max(f32x4.min(coefficients, limit), least);
        const fixed = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(limited, f32x4.splat(COEFFICIENT_SCALE))));
        store<i16>(coefY + out, <i16>i32x4.extract_lane(fixed, 0));
        store<i16>(coefU + out, <i16>i32x4.extract_lane(fixed, 1));
        store<i16>(coefV + out, <i16>i32x4.extract_lane(fixed, 2));
        store<i16>(offset + out, <i16>i32x4.extract_lane(fixed, 3));
        const mixed = load<f32>(past + i, 12);
        store<f32>(past + i, mixed + (smoothstep(alpha, LOW, HIGH) - mixed) * FEEDBACK, 12);
        // Samples near the person hold some of their colour, in partly covered pixels: they count for less.
        const near: f32 = 1 - share;
        const back: f32 = <f32>1 - smoothstep(alpha, FINAL_LOW, FINAL_HIGH);
        store<f32>(guide + i, back * near * near + <f32>(1.0 / 4096), 12);
      }
    }
  }
}
function sharpen(): void {
  apply(false);
}
function finish(): void {
  apply(true);
}

/** Makes the matte of the present frame: coefficients for the full picture; and in the guide's fourth lane the weights. */
export function matte(): void {
  readGuide();
  mixMask();
  settle();
  invertCovariance();
  for (let n = 1; n < FITS; n++) {
    fit();
    sharpen();
  }
  fit();
  finishSettled();
  finish();
}
