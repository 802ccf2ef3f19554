/**
 * MediaPipe's selfie segmentation model, landscape (a MobileNetV3 encoder with a light decoder), as straight code: no graph
 * and no interpreter. The weights are those of the published file, in the order in which they are used here; ../weights.cjs
 * puts them so, and refuses any other model.
 *
 * Three liberties are taken with the graph, all exact but for rounding:
 * - a squeeze-and-excite scale is multiplied into the weights of the 1 x 1 convolution that follows it;
 * - a 1 x 1 convolution of a picture just brought to twice its size is done before that, on a quarter of the pixels: both
 *   are linear, and the weights of the resize add up to 1;
 * - the mean over a resized picture is the mean over the original: each of its pixels counts four times, at edges too.
 */
import { depthwise3, depthwise3Halved, depthwise5 } from './depthwise';
import { firstConvolution, lastLayers, upsampleRow } from './picture';
import { dense, pointwise, scaleInputs } from './pointwise';
import { Activation, F32, sigmoid } from './simd';

const WIDTH: i32 = 256;
const HEIGHT: i32 = 144;

/** Bytes of all weights; ../weights.cjs says the same. */
const WEIGHTS: usize = 110_172 * F32;

let end: usize = (__heap_base + 63) & ~63;
function room(bytes: usize): usize {
  const at = end;
  end = (end + bytes + 63) & ~63;
  return at;
}
function floats(count: usize): usize {
  return room(count * F32);
}

const picture = room(<usize>(WIDTH * HEIGHT) * 4);
const mask = room(<usize>(WIDTH * HEIGHT));
const weights = room(WEIGHTS);
const pictureRows = floats(3 * (257 * 3 + 1));
/** What the decoder comes back to, at a half, a quarter and an eighth of the picture's size. */
const half = floats(72 * 128 * 16);
const quarter = floats(36 * 64 * 16);
const eighth = floats(18 * 32 * 24);
const sixteenth = floats(9 * 16 * 32);
/** The input of a depthwise convolution, with its border. */
const bordered = floats(37 * 65 * 72);
const wide = floats(18 * 32 * 88);
const narrow = floats(36 * 64 * 16);
const between = floats(64 * 16);
const upsampled = floats(128 * 16);
const scaled = floats(128 * 32);
const halfMean = floats(16);
const quarterMean = floats(16);
const eighthMean = floats(24);
const lowMean = floats(128);
const means = floats(128);
const squeezed = floats(128);
const gates = floats(128);

export function pictureAt(): usize {
  return picture;
}
export function maskAt(): usize {
  return mask;
}
/** Where the weights, float32, are to be written once. */
export function weightsAt(): usize {
  return weights;
}
export function weightsBytes(): usize {
  return WEIGHTS;
}

/** To be called once, before anything is written. */
export function start(): void {
  const missing = <i32>((end + 0xffff) >> 16) - memory.size();
  if (missing > 0 && memory.grow(missing) < 0) unreachable();
}

let next: usize = 0;
/** The next weights, in order of use. */
function take(count: i32): usize {
  const at = next;
  next += <usize>count * F32;
  return at;
}

/** Makes room in {@link bordered} for a tensor; gives where its first pixel goes. */
function border(width: i32, height: i32, channels: i32, before: i32, after: i32): usize {
  const pixel = <usize>channels * F32;
  const stride = <usize>(before + width + after) * pixel;
  const inside = bordered + <usize>before * (stride + pixel);
  memory.fill(bordered, 0, <usize>before * (stride + pixel));
  // After a row come its right border and the left border of the next one, in one piece.
  let gap = inside + <usize>width * pixel;
  for (let y = 1; y < height; y++, gap += stride) memory.fill(gap, 0, <usize>(before + after) * pixel);
  memory.fill(gap, 0, <usize>after * (stride + pixel));
  return inside;
}

/** A 1 x 1 convolution into {@link bordered}; gives the bytes of a row there. */
function expand(input: usize, width: i32, height: i32, inputs: i32, outputs: i32, before: i32, after: i32, activation: Activation): usize {
  const w = take(inputs * outputs);
  const bias = take(outputs);
  const inside = border(width, height, outputs, before, after);
  const stride = <usize>((before + width + after) * outputs) * F32;
  for (let y = 0; y < height; y++) pointwise(input + <usize>(y * width * inputs) * F32, inside + <usize>y * stride, w, bias, 0, width, inputs, outputs, activation);
  return stride;
}

/** A 1 x 1 convolution without activation. */
function project(input: usize, output: usize, add: usize, pixels: i32, inputs: i32, outputs: i32): void {
  const w = take(inputs * outputs);
  pointwise(input, output, w, take(outputs), add, pixels, inputs, outputs, Activation.None);
}

/** As {@link project}, of an input that {@link gates} scale. */
function projectGated(input: usize, output: usize, add: usize, pixels: i32, inputs: i32, outputs: i32): void {
  scaleInputs(take(inputs * outputs), gates, scaled, inputs, outputs);
  pointwise(input, output, scaled, take(outputs), add, pixels, inputs, outputs, Activation.None);
}

function toGates(count: i32): void {
  for (let i: usize = 0; i < <usize>count * F32; i += 16) v128.store(gates + i, sigmoid(v128.load(gates + i)));
}

function scaleBy(vector: usize, factor: f32, count: i32): void {
  const by = f32x4.splat(factor);
  for (let i: usize = 0; i < <usize>count * F32; i += 16) v128.store(vector + i, f32x4.mul(v128.load(vector + i), by));
}

/** Squeeze and excite: from the means of the channels to {@link gates}. */
function excite(channels: i32, squeeze: i32): void {
  const w = take(channels * squeeze);
  dense(means, squeezed, w, take(squeeze), channels, squeeze, Activation.Relu);
  const v = take(squeeze * channels);
  dense(squeezed, gates, v, take(channels), squeeze, channels, Activation.None);
  toGates(channels);
}

/** Means of the channels of a whole tensor, without a border. */
function meansOf(input: usize, pixels: i32, channels: i32, target: usize): void {
  const pixel = <usize>channels * F32;
  for (let c: usize = 0; c < pixel; c += 16) {
    let sum = f32x4.splat(0);
    let p = input + c;
    for (let i = 0; i < pixels; i++, p += pixel) sum = f32x4.add(sum, v128.load(p));
    v128.store(target + c, f32x4.mul(sum, f32x4.splat(<f32>1 / <f32>pixels)));
  }
}

/** An inverted residual of the encoder's last stage, in place: expand, 5 x 5, excite, project, add. */
function inverted(channels: i32, squeeze: i32): void {
  const stride = expand(sixteenth, 16, 9, 32, channels, 2, 2, Activation.HardSwish);
  const w = take(channels * 25);
  depthwise5(bordered, stride, wide, w, take(channels), 16, 9, channels, 1, means);
  scaleBy(means, 1.0 / 144, channels);
  excite(channels, squeeze);
  projectGated(wide, sixteenth, sixteenth, 144, channels, 32);
}

/**
 * One step of the decoder: what comes from below, at half the size, is combined with what the encoder kept, in
 * {@link bordered}.
 *
 * @param low from below; its means, gated, are in {@link lowMean}
 * @param gateLow {@link gates} still have to be applied to it
 * @returns the bytes of a row there
 */
function combine(low: usize, lowChannels: i32, gateLow: boolean, skip: usize, skipMean: usize, width: i32, height: i32, channels: i32): usize {
  const size = channels * channels;
  const lowWidth = width >> 1;
  const lowHeight = height >> 1;
  // Both 1 x 1 convolutions from below to here, as one.
  let way = take(lowChannels * channels);
  if (gateLow) {
    scaleInputs(way, gates, scaled, lowChannels, channels);
    way = scaled;
  }
  pointwise(low, narrow, way, take(channels), 0, lowWidth * lowHeight, lowChannels, channels, Activation.None);
  const w = take(lowChannels * channels);
  dense(lowMean, means, w, take(channels), lowChannels, channels, Activation.None);
  for (let i: usize = 0; i < <usize>channels * F32; i += 16) v128.store(means + i, f32x4.add(v128.load(means + i), v128.load(skipMean + i)));
  excite(channels, channels);
  scaleInputs(take(size), gates, scaled, channels, channels);
  const bias = take(channels);
  const inside = border(width, height, channels, 1, 1);
  const stride = <usize>((width + 2) * channels) * F32;
  for (let y = 0; y < height; y++) {
    upsampleRow(narrow, between, upsampled, y, lowWidth, lowHeight, channels);
    pointwise(skip + <usize>(y * width * channels) * F32, inside + <usize>y * stride, scaled, bias, upsampled, width, channels, channels, Activation.Relu);
  }
  return stride;
}

/** As {@link combine}, then x + relu(3 x 3 of x) into {@link wide}, and its means into {@link lowMean}. */
function decode(low: usize, lowChannels: i32, gateLow: boolean, skip: usize, skipMean: usize, width: i32, height: i32, channels: i32): void {
  const stride = combine(low, lowChannels, gateLow, skip, skipMean, width, height, channels);
  const w = take(channels * 9);
  depthwise3(bordered, stride, wide, w, take(channels), width, height, channels, true, lowMean);
  scaleBy(lowMean, <f32>1 / <f32>(width * height), channels);
}

/** From the picture (RGBA, 256 x 144) to the mask (a byte a pixel, 255 for a person). */
export function segment(): void {
  next = weights;
  let stride: usize;

  let w = take(27 * 16);
  firstConvolution(picture, pictureRows, half, w, take(16), WIDTH, HEIGHT, halfMean);
  scaleBy(halfMean, 1.0 / (72 * 128), 16);

  stride = expand(half, 128, 72, 16, 16, 0, 1, Activation.Relu);
  w = take(16 * 9);
  depthwise3Halved(bordered, stride, wide, w, take(16), 64, 36, 16, means);
  scaleBy(means, 1.0 / (36 * 64), 16);
  excite(16, 8);
  projectGated(wide, quarter, 0, 36 * 64, 16, 16);
  meansOf(quarter, 36 * 64, 16, quarterMean);

  stride = expand(quarter, 64, 36, 16, 72, 0, 1, Activation.Relu);
  w = take(72 * 9);
  depthwise3Halved(bordered, stride, wide, w, take(72), 32, 18, 72, means);
  project(wide, eighth, 0, 18 * 32, 72, 24);

  stride = expand(eighth, 32, 18, 24, 88, 1, 1, Activation.Relu);
  w = take(88 * 9);
  depthwise3(bordered, stride, wide, w, take(88), 32, 18, 88, false, means);
  project(wide, eighth, eighth, 18 * 32, 88, 24);
  meansOf(eighth, 18 * 32, 24, eighthMean);

  stride = expand(eighth, 32, 18, 24, 96, 1, 2, Activation.HardSwish);
  w = take(96 * 25);
  depthwise5(bordered, stride, wide, w, take(96), 16, 9, 96, 2, means);
  scaleBy(means, 1.0 / 144, 96);
  excite(96, 24);
  projectGated(wide, sixteenth, 0, 144, 96, 32);
  inverted(128, 32);
  inverted(128, 32);
  inverted(96, 24);
  inverted(96, 24);

  meansOf(sixteenth, 144, 32, means);
  w = take(32 * 128);
  pointwise(sixteenth, wide, w, take(128), 0, 144, 32, 128, Activation.Relu);
  w = take(32 * 128);
  dense(means, gates, w, take(128), 32, 128, Activation.None);
  toGates(128);
  meansOf(wide, 144, 128, lowMean);
  for (let i: usize = 0; i < 128 * F32; i += 16) v128.store(lowMean + i, f32x4.mul(v128.load(lowMean + i), v128.load(gates + i)));

  decode(wide, 128, true, eighth, eighthMean, 32, 18, 24);
  decode(wide, 24, false, quarter, quarterMean, 64, 36, 16);
  stride = combine(wide, 16, false, half, halfMean, 128, 72, 16);
  lastLayers(bordered, stride, upsampled, means, take(4 * 36 + 16 + 64 + 4), mask, 128, 72);
}
