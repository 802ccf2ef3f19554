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
 *
 * Fields hold the four quantities of a sample side by side, as the sums of windows want them; what is done sample by
 * sample is done for four of them at once, each quantity in a vector of its own.
 */
import { firsts, fourths, lowHalves, nearest16, seconds, slideColumns, smoothstep, sumsOf, thirds, towards } from './field';
import { mixMask, readGuide } from './mask';
import {
  BLOCK, blocks, blockStride, classes, classStride, coarseHeight, coarseStride, coarseWidth, coefU, coefV, coefY, EDGE, edgeBlocks,
  fieldA, fieldRow, fieldRowU, fieldRowV, guide, INVERSE, inverse, motion, offset, PERSON, present, ROOM, rowBlocks, sumsAreFor,
  unsettled, weights, wide,
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

/** What even the person counts for as background: with nothing else there, it is the mean of that. */
const LEAST_WEIGHT: f32 = 1.0 / 4096;

/** Coefficients have 10 fractional bits; the limit leaves room for the difference of two. */
const COEFFICIENT_SCALE: f32 = 1024;
const COEFFICIENT_LIMIT: f32 = 15.9;
/** The offset where all is room, and where all is the person. */
const OFFSET_ROOM: i16 = -128;
const OFFSET_PERSON: i16 = 1152;

/** Marks the samples at an edge of the mask, and the blocks of its row that have one of them within `reach`, less than BLOCK. */
function findEdges(reach: i32): void {
  const edge = i8x16.splat(EDGE);
  // Little-endian: the last samples of the block before are the high bytes.
  const before = ~(<u64>0) << (8 * (BLOCK - reach));
  const after = ~(<u64>0) >> (8 * (BLOCK - reach));
  for (let y = 0; y < coarseHeight; y++) {
    const row = classes + y * classStride;
    const above = classes + max(y - 1, 0) * classStride;
    const into = unsettled + y * classStride;
    store<u8>(row - 1, load<u8>(row));
    for (let x = 0; x < coarseWidth; x += 16) {
      const here = v128.load(row + x);
      const differs = v128.or(i8x16.ne(here, v128.load(above + x)), i8x16.ne(here, v128.load(row + x - 1)));
      v128.store(into + x, v128.or(differs, i8x16.eq(here, edge)));
    }
    memory.fill(into + coarseWidth, 0, coarseStride - coarseWidth);
    for (let b = 0; b * BLOCK < coarseStride; b++) {
      const at = into + b * BLOCK;
      const any = load<u64>(at) | (load<u64>(at - BLOCK) & before) | (load<u64>(at + BLOCK) & after);
      store<u8>(edgeBlocks + y * blockStride + b, <u8>(any != 0));
    }
  }
}

/** Which blocks have an edge in the rows from `y - reach` to `y + reach`. */
function edgesAround(y: i32, reach: i32, into: usize): void {
  const first = max(y - reach, 0);
  const last = min(y + reach, coarseHeight - 1);
  for (let b = 0; b < blockStride; b += 8) {
    let any: u64 = 0;
    for (let row = first; row <= last; row++) any |= load<u64>(edgeBlocks + row * blockStride + b);
    store<u64>(into + b, any);
  }
}

/**
 * Finds the blocks near an edge of the mask: those that a fit can change. Elsewhere the windows of the fit, and the
 * windows of its smoothing, are all person or all room, and so is what would come of them. For these blocks all is
 * written here that the fits will read, and that comes after them.
 */
function settle(): void {
  const reach = 2 * radius();
  findEdges(reach);
  // Of the blend's, which comes later; with room around it.
  const seen = rowBlocks + BLOCK;
  for (let y = 0; y < coarseHeight; y++) {
    const kinds = blocks + y * blockStride;
    edgesAround(y, reach, kinds);
    edgesAround(y, reach + radius(), seen);
    for (let b = 0; b * BLOCK < coarseStride; b++) {
      const x = b * BLOCK;
      // Beyond the end of the row there is nothing to be done, and nothing is what is done to the person.
      const kind: u8 = x >= coarseWidth ? PERSON : load<u8>(kinds + b) != 0 ? EDGE : load<u8>(classes + y * classStride + x);
      store<u8>(kinds + b, kind);
      const first = y * coarseStride + x;
      let at = present + 4 * first;
      if (kind == EDGE) {
        for (let i = 16 * first; i < 16 * (first + BLOCK); i += 16, at += 4) v128.store(wide + i, f32x4.mul(v128.load(guide + i), v128.load32_splat(at)));
        continue;
      }
      const value: f32 = <f32>kind;
      if (load<u8>(seen + b - 1) | load<u8>(seen + b) | load<u8>(seen + b + 1)) {
        // A window reaches into it.
        const slopes = f32x4.replace_lane(f32x4.splat(0), 3, value);
        for (let i = 16 * first; i < 16 * (first + BLOCK); i += 16) {
          v128.store(wide + i, f32x4.mul(v128.load(guide + i), f32x4.splat(value)));
          v128.store(fieldA + i, slopes);
        }
      }
      for (let i = 0; i < 4 * BLOCK; i += 16) {
        v128.store(at + i, towards(v128.load(at + i), f32x4.splat(value), f32x4.splat(FEEDBACK)));
        v128.store(weights + 4 * first + i, f32x4.splat(1 - value + LEAST_WEIGHT));
      }
      const out = 2 * first;
      v128.store(coefY + out, i16x8.splat(0));
      v128.store(coefU + out, i16x8.splat(0));
      v128.store(coefV + out, i16x8.splat(0));
      v128.store(offset + out, i16x8.splat(kind == PERSON ? OFFSET_PERSON : OFFSET_ROOM));
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
  const bytes = 16 * coarseStride;
  const lastRow = coarseHeight - 1;
  const enters = source + min(y + reach, lastRow) * bytes;
  const leaves = source + max(y - 1 - reach, 0) * bytes;
  const last = min(end + reach, coarseWidth) - 1;
  for (let b = max(x - reach, 0) / BLOCK; b * BLOCK <= last; b++) {
    const from = 16 * BLOCK * b;
    const to = from + 16 * BLOCK;
    if (load<i32>(sumsAreFor + 4 * b) == y - 1) {
      slideColumns(fieldRow + from, enters + from, leaves + from, 16 * BLOCK);
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
  const bytes = 16 * coarseStride;
  const lastRow = coarseHeight - 1;
  const enters = guide + min(y + reach, lastRow) * bytes;
  const leaves = guide + max(y - 1 - reach, 0) * bytes;
  const last = min(end + reach, coarseWidth) - 1;
  for (let b = max(x - reach, 0) / BLOCK; b * BLOCK <= last; b++) {
    const from = 16 * BLOCK * b;
    const to = from + 16 * BLOCK;
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

/** Near edges: the inverse of (covariance of the guide + EPSILON) and the guide's means, see `inverse`. */
function invertCovariance(): void {
  const reach = radius();
  const scale = windowScale(reach);
  forgetSums();
  for (let y = 0; y < coarseHeight; y++) {
    const row = blocks + y * blockStride;
    for (let x = runFrom(row, 0); x >= 0; x = runFrom(row, (x + BLOCK - 1) / BLOCK)) {
      const end = endOfRun(row, x);
      sumProducts(x, end, y, reach);
      let y0 = windowAt(fieldRow, x, reach);
      let u0 = windowAt(fieldRowU, x, reach);
      let v0 = windowAt(fieldRowV, x, reach);
      for (; x < end; x += 4) {
        const y1 = moved(y0, fieldRow, x, reach);
        const y2 = moved(y1, fieldRow, x + 1, reach);
        const y3 = moved(y2, fieldRow, x + 2, reach);
        const u1 = moved(u0, fieldRowU, x, reach);
        const u2 = moved(u1, fieldRowU, x + 1, reach);
        const u3 = moved(u2, fieldRowU, x + 2, reach);
        const v1 = moved(v0, fieldRowV, x, reach);
        const v2 = moved(v1, fieldRowV, x + 1, reach);
        const v3 = moved(v2, fieldRowV, x + 2, reach);
        const into = inverse + INVERSE * (y * coarseStride + x);
        const my = f32x4.mul(fourths(y0, y1, y2, y3), scale);
        const mu = f32x4.mul(fourths(u0, u1, u2, u3), scale);
        const mv = f32x4.mul(fourths(v0, v1, v2, v3), scale);
        const epsilon = f32x4.splat(EPSILON);
        const yy = f32x4.add(less(f32x4.mul(firsts(y0, y1, y2, y3), scale), my, my), epsilon);
        const yu = less(f32x4.mul(seconds(y0, y1, y2, y3), scale), my, mu);
        const yv = less(f32x4.mul(thirds(y0, y1, y2, y3), scale), my, mv);
        const uu = f32x4.add(less(f32x4.mul(seconds(u0, u1, u2, u3), scale), mu, mu), epsilon);
        const uv = less(f32x4.mul(thirds(u0, u1, u2, u3), scale), mu, mv);
        const vv = f32x4.add(less(f32x4.mul(thirds(v0, v1, v2, v3), scale), mv, mv), epsilon);
        const a = less(f32x4.mul(uu, vv), uv, uv);
        const b = less(f32x4.mul(yv, uv), yu, vv);
        const c = less(f32x4.mul(yu, uv), yv, uu);
        // Rounding can spoil a covariance that is flat in one direction; EPSILON cubed is what a flat window has.
        const determinant = f32x4.add(f32x4.add(f32x4.mul(yy, a), f32x4.mul(yu, b)), f32x4.mul(yv, c));
        const by = f32x4.div(f32x4.splat(1), f32x4.pmax(determinant, f32x4.splat(EPSILON * EPSILON * EPSILON)));
        v128.store(into, f32x4.mul(a, by));
        v128.store(into, f32x4.mul(b, by), 16);
        v128.store(into, f32x4.mul(c, by), 32);
        v128.store(into, f32x4.mul(less(f32x4.mul(yy, vv), yv, yv), by), 48);
        v128.store(into, f32x4.mul(less(f32x4.mul(yu, yv), yy, uv), by), 64);
        v128.store(into, f32x4.mul(less(f32x4.mul(yy, uu), yu, yu), by), 80);
        v128.store(into, my, 96);
        v128.store(into, mu, 112);
        v128.store(into, mv, 128);
        y0 = moved(y3, fieldRow, x + 3, reach);
        u0 = moved(u3, fieldRowU, x + 3, reach);
        v0 = moved(v3, fieldRowV, x + 3, reach);
      }
    }
  }
}

/** a - b * c */
// @ts-ignore: decorator
@inline
function less(a: v128, b: v128, c: v128): v128 {
  return f32x4.sub(a, f32x4.mul(b, c));
}

/** a * x + b * y + c * z */
// @ts-ignore: decorator
@inline
function times(a: v128, b: v128, c: v128, x: v128, y: v128, z: v128): v128 {
  return f32x4.add(f32x4.add(f32x4.mul(a, x), f32x4.mul(b, y)), f32x4.mul(c, z));
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
      let sum0 = windowAt(fieldRow, x, reach);
      for (; x < end; x += 4) {
        const i = y * coarseStride + x;
        const sum1 = moved(sum0, fieldRow, x, reach);
        const sum2 = moved(sum1, fieldRow, x + 1, reach);
        const sum3 = moved(sum2, fieldRow, x + 2, reach);
        const from = inverse + INVERSE * i;
        const my = v128.load(from, 96);
        const mu = v128.load(from, 112);
        const mv = v128.load(from, 128);
        const share = f32x4.mul(fourths(sum0, sum1, sum2, sum3), scale);
        const sy = less(f32x4.mul(firsts(sum0, sum1, sum2, sum3), scale), my, share);
        const su = less(f32x4.mul(seconds(sum0, sum1, sum2, sum3), scale), mu, share);
        const sv = less(f32x4.mul(thirds(sum0, sum1, sum2, sum3), scale), mv, share);
        sum0 = moved(sum3, fieldRow, x + 3, reach);
        const b = v128.load(from, 16);
        const c = v128.load(from, 32);
        const e = v128.load(from, 64);
        const slopeY = times(v128.load(from), b, c, sy, su, sv);
        const slopeU = times(b, v128.load(from, 48), e, sy, su, sv);
        const slopeV = times(c, e, v128.load(from, 80), sy, su, sv);
        const at = f32x4.sub(share, times(slopeY, slopeU, slopeV, my, mu, mv));
        const into = fieldA + 16 * i;
        v128.store(into, firsts(slopeY, slopeU, slopeV, at));
        v128.store(into, seconds(slopeY, slopeU, slopeV, at), 16);
        v128.store(into, thirds(slopeY, slopeU, slopeV, at), 32);
        v128.store(into, fourths(slopeY, slopeU, slopeV, at), 48);
        v128.store(motion + 4 * i, share);
      }
    }
  }
}

/** From a coefficient in units of the guide's to one in COEFFICIENT_SCALE, as the low half of each lane. */
// @ts-ignore: decorator
@inline
function coefficient(a: v128): v128 {
  return nearest16(f32x4.mul(f32x4.pmax(f32x4.pmin(a, f32x4.splat(COEFFICIENT_LIMIT)), f32x4.splat(-COEFFICIENT_LIMIT)), f32x4.splat(COEFFICIENT_SCALE)));
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
  forgetSums();
  for (let y = 0; y < coarseHeight; y++) {
    const row = blocks + y * blockStride;
    for (let x = runFrom(row, 0); x >= 0; x = runFrom(row, (x + BLOCK - 1) / BLOCK)) {
      const end = endOfRun(row, x);
      sumColumns(fieldA, x, end, y, reach);
      let sum0 = windowAt(fieldRow, x, reach);
      for (; x < end; x += 4) {
        const i = y * coarseStride + x;
        const sum1 = moved(sum0, fieldRow, x, reach);
        const sum2 = moved(sum1, fieldRow, x + 1, reach);
        const sum3 = moved(sum2, fieldRow, x + 2, reach);
        const at = guide + 16 * i;
        const here0 = v128.load(at);
        const here1 = v128.load(at, 16);
        const here2 = v128.load(at, 32);
        const here3 = v128.load(at, 48);
        const alpha = f32x4.mul(sumsOf(f32x4.mul(sum0, here0), f32x4.mul(sum1, here1), f32x4.mul(sum2, here2), f32x4.mul(sum3, here3)), scale);
        const sharp = smoothstep(alpha, LOW, HIGH);
        const mixed = v128.load(present + 4 * i);
        if (isLast) {
          const share = v128.load(motion + 4 * i);
          const near = f32x4.sub(f32x4.splat(1), share);
          const trust = f32x4.pmin(f32x4.mul(f32x4.mul(share, near), f32x4.splat(DOUBT)), f32x4.splat(1));
          // From the guide's units to samples around 128 in steps of 1/128, and on to the sharpened range.
          const gain = f32x4.mul(f32x4.mul(trust, scale), f32x4.splat(1 / span));
          const luma = f32x4.mul(gain, f32x4.splat(128.0 / 255));
          const chroma = f32x4.mul(gain, f32x4.splat(256.0 / 255));
          const ofY = coefficient(f32x4.mul(firsts(sum0, sum1, sum2, sum3), luma));
          const ofU = coefficient(f32x4.mul(seconds(sum0, sum1, sum2, sum3), chroma));
          const ofV = coefficient(f32x4.mul(thirds(sum0, sum1, sum2, sum3), chroma));
          const doubted = f32x4.mul(less(share, share, trust), f32x4.splat(1 / span));
          const rest = coefficient(f32x4.sub(f32x4.add(f32x4.mul(fourths(sum0, sum1, sum2, sum3), gain), doubted), f32x4.splat(FINAL_LOW / span)));
          const slopes = lowHalves(ofY, ofU);
          const others = lowHalves(ofV, rest);
          v128.store64_lane(coefY + 2 * i, slopes, 0);
          v128.store64_lane(coefU + 2 * i, slopes, 1);
          v128.store64_lane(coefV + 2 * i, others, 0);
          v128.store64_lane(offset + 2 * i, others, 1);
          v128.store(present + 4 * i, towards(mixed, sharp, f32x4.splat(FEEDBACK)));
          // Samples near the person hold some of their colour, in partly covered pixels: they count for less.
          const back = f32x4.sub(f32x4.splat(1), smoothstep(alpha, FINAL_LOW, FINAL_HIGH));
          v128.store(weights + 4 * i, f32x4.add(f32x4.mul(back, f32x4.mul(near, near)), f32x4.splat(LEAST_WEIGHT)));
        } else {
          const mask = towards(sharp, mixed, f32x4.splat(PRIOR));
          const into = wide + 16 * i;
          v128.store(into, f32x4.mul(here0, i32x4.shuffle(mask, mask, 0, 0, 0, 0)));
          v128.store(into, f32x4.mul(here1, i32x4.shuffle(mask, mask, 1, 1, 1, 1)), 16);
          v128.store(into, f32x4.mul(here2, i32x4.shuffle(mask, mask, 2, 2, 2, 2)), 32);
          v128.store(into, f32x4.mul(here3, i32x4.shuffle(mask, mask, 3, 3, 3, 3)), 48);
        }
        sum0 = moved(sum3, fieldRow, x + 3, reach);
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

/** The coefficients of one sample but for the offset, or'ed. */
// @ts-ignore: decorator
@inline
function slopesAt(i: i32): i32 {
  return load<i16>(coefY + 2 * i) | load<i16>(coefU + 2 * i) | load<i16>(coefV + 2 * i);
}

/** Of the blocks near an edge, those whose fit has come out as all room or all person need not be blended. */
function settleAgain(): void {
  for (let y = 0; y < coarseHeight; y++) {
    for (let b = 0; b * BLOCK < coarseWidth; b++) {
      const at = blocks + y * blockStride + b;
      if (load<u8>(at) != EDGE) continue;
      const i = y * coarseStride + b * BLOCK;
      const value = load<i16>(offset + 2 * i);
      if (value != OFFSET_ROOM && value != OFFSET_PERSON) continue;
      const slopes = v128.or(v128.or(v128.load(coefY + 2 * i), v128.load(coefU + 2 * i)), v128.load(coefV + 2 * i));
      if (v128.any_true(v128.or(slopes, v128.xor(v128.load(offset + 2 * i), i16x8.splat(value))))) continue;
      // Scaling up reads one sample of both neighbours.
      if (b > 0 && (slopesAt(i - 1) != 0 || load<i16>(offset + 2 * (i - 1)) != value)) continue;
      if ((b + 1) * BLOCK < coarseWidth && (slopesAt(i + BLOCK) != 0 || load<i16>(offset + 2 * (i + BLOCK)) != value)) continue;
      store<u8>(at, value == OFFSET_PERSON ? PERSON : ROOM);
    }
  }
}

/** Makes the matte of the present frame: coefficients for the full picture, and the weights of the background. */
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
  finish();
  settleAgain();
}
