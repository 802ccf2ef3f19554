/**
 * Where everything lies in linear memory. Laid out anew at every size change, never per frame.
 *
 * Grids, for a frame of W x H and a reduction r of 4, 2 or 1:
 * - full: luma W x H, chroma half of it, rounded up
 * - small: W/r x H/r, rounded up; the model's input is made from it
 * - coarse: half of small, rounded up; the matte is fitted and the background blurred here. The chroma grid is r times
 *   the coarse one, the luma grid 2r times.
 *
 * Rows of the planes are padded to 16 samples (luma: 32), so that no loop needs a scalar tail.
 */

/** The segmentation model's input and output. */
export const MODEL_WIDTH: i32 = 256;
export const MODEL_HEIGHT: i32 = 144;

export let width: i32 = 0;
export let height: i32 = 0;
export let chromaWidth: i32 = 0;
export let chromaHeight: i32 = 0;
export let reduction: i32 = 0;
export let smallWidth: i32 = 0;
export let smallHeight: i32 = 0;
export let coarseWidth: i32 = 0;
export let coarseHeight: i32 = 0;

/** Bytes per row. */
export let lumaStride: i32 = 0;
export let chromaStride: i32 = 0;
/** Samples per row of every small plane, whatever their type. */
export let smallStride: i32 = 0;
/** Samples per row of every coarse plane. */
export let coarseStride: i32 = 0;

export let frameY: usize = 0;
export let frameU: usize = 0;
export let frameV: usize = 0;
/** The picture background, laid out as the frame. */
export let backdropY: usize = 0;

export let smallY: usize = 0;
export let smallU: usize = 0;
export let smallV: usize = 0;
/** i16 at the coarse grid, see matte.ts: alpha = coefY * Y + coefU * U + coefV * V + offset. */
export let coefY: usize = 0;
export let coefU: usize = 0;
export let coefV: usize = 0;
export let offset: usize = 0;

/** i16, the background at the coarse grid, see background.ts. */
export let coarseY: usize = 0;
export let coarseU: usize = 0;
export let coarseV: usize = 0;

export let modelRgba: usize = 0;
export let modelMask: usize = 0;

/** Fields: one f32x4 per sample of the coarse grid, rows of coarseStride. The guide is that of the last frame until it is read. */
export let guide: usize = 0;
export let wide: usize = 0;
export let fieldA: usize = 0;
export let fieldB: usize = 0;
/**
 * For each four samples, as vectors: the six different entries of the inverse of the guide's covariance (YY, YU, YV, UU,
 * UV, VV), and the means of Y, U and V.
 */
export let inverse: usize = 0;
/** Bytes of that per sample. */
export const INVERSE: i32 = 36;
/** One f32 per coarse sample, rows of coarseStride: how much the guide changed; the mask, which the next frame starts from; weights as background. */
export let motion: usize = 0;
export let present: usize = 0;
export let weights: usize = 0;
/** Rows of f32x4, with room for {@link ROW_PAD} samples on both sides. */
export let fieldRow: usize = 0;
export let fieldRowU: usize = 0;
export let fieldRowV: usize = 0;
/** For each block of a row, i32: the row of the field that the sums in {@link fieldRow} are for. */
export let sumsAreFor: usize = 0;

/** One byte per coarse sample, see settle() in matte.ts: its class; and whether it is at an edge. Rows have room around them, of zeros in the second. */
export let classes: usize = 0;
export let unsettled: usize = 0;
export let classStride: i32 = 0;
/** One byte per block of {@link BLOCK} coarse samples of a row: what it shows, ROOM, PERSON or EDGE; and which hold an edge. */
export let blocks: usize = 0;
export let edgeBlocks: usize = 0;
export let blockStride: i32 = 0;
/** Coarse samples of a block. */
export const BLOCK: i32 = 8;
/** What a block shows. Only where there are edges is anything to be fitted. */
export const ROOM: u8 = 0;
export const PERSON: u8 = 1;
export const EDGE: u8 = 2;

/** Row buffers of i16; each has {@link ROW_PAD} samples in front. Of the first there are two in turn. */
export let rowCoefY: usize = 0;
export let rowCoefU: usize = 0;
export let rowCoefV: usize = 0;
export let rowOffset: usize = 0;
/** The chroma's part of alpha, of three rows in turn. */
export let rowTint: usize = 0;
/** One byte per block of those rows: what it shows. */
export let rowBlocks: usize = 0;
/** Bytes from one row of rowTint, and of rowCoefY, to the next. */
export let tintStride: usize = 0;
export let rowBack0: usize = 0;
export let rowBack1: usize = 0;
export let rowBackU: usize = 0;
export let rowBackV: usize = 0;
export let rowRgba: usize = 0;
/** For each column of the model's input, where in that row to look, and the share of the second of two pixels, four times. */
export let pixelAt: usize = 0;
export let pixelShare: usize = 0;
/** A row of the model's mask, i16; and for each coarse sample of a row, where in it to look, and the shares of two neighbours. */
export let rowMask: usize = 0;
export let tapAt: usize = 0;
export let tapShare: usize = 0;

/** The full matte, one byte per pixel, rows of lumaStride: written only for transparent frames. */
export let alphaPlane: usize = 0;

/** Whether {@link guide} and {@link present} hold a frame. */
export let remembers: bool = false;
export function remember(): void {
  remembers = true;
}

/** Frames of other formats are copied here first. */
export let staging: usize = 0;

const ROW_PAD: i32 = 8;

let top: usize = 0;

function reserve(bytes: i32): usize {
  const at = top;
  // Vector loads may run past the end of a plane by less than 64 bytes.
  top = (top + bytes + 64 + 15) & ~15;
  return at;
}

function grow(end: usize): void {
  const pages = <i32>((end + 0xffff) >>> 16);
  if (pages > memory.size() && memory.grow(pages - memory.size()) < 0) unreachable();
}

// @ts-ignore: decorators on functions are AssemblyScript's
@inline
function align16(n: i32): i32 {
  return (n + 15) & ~15;
}

/** Lays out memory for frames of one size, in pixels. Forgets the frame, the mask and the backdrop before. */
export function layout(w: i32, h: i32): void {
  width = w;
  height = h;
  chromaWidth = (w + 1) >> 1;
  chromaHeight = (h + 1) >> 1;
  const longest = max(w, h);
  reduction = longest >= 1024 ? 4 : longest >= 512 ? 2 : 1;
  smallWidth = (w + reduction - 1) / reduction;
  smallHeight = (h + reduction - 1) / reduction;
  coarseWidth = (smallWidth + 1) >> 1;
  coarseHeight = (smallHeight + 1) >> 1;
  // 16 samples of chroma stand beside 32 of luma.
  lumaStride = (w + 31) & ~31;
  chromaStride = lumaStride >> 1;
  smallStride = align16(smallWidth);
  coarseStride = align16(coarseWidth);

  top = (__heap_base + 15) & ~15;
  const lumaSize = lumaStride * height;
  const chromaSize = chromaStride * chromaHeight;
  const smallSize = smallStride * smallHeight;
  const coarseSize = coarseStride * coarseHeight;
  frameY = reserve(lumaSize + 2 * chromaSize);
  frameU = frameY + lumaSize;
  frameV = frameU + chromaSize;
  backdropY = reserve(lumaSize + 2 * chromaSize);
  smallY = reserve(smallSize);
  smallU = reserve(smallSize);
  smallV = reserve(smallSize);
  coefY = reserve(2 * coarseSize);
  coefU = reserve(2 * coarseSize);
  coefV = reserve(2 * coarseSize);
  offset = reserve(2 * coarseSize);
  coarseY = reserve(2 * coarseSize);
  coarseU = reserve(2 * coarseSize);
  coarseV = reserve(2 * coarseSize);
  modelRgba = reserve(4 * MODEL_WIDTH * MODEL_HEIGHT);
  modelMask = reserve(MODEL_WIDTH * MODEL_HEIGHT);
  const field = 16 * coarseSize;
  guide = reserve(field);
  wide = reserve(field);
  fieldA = reserve(field);
  fieldB = reserve(field);
  inverse = reserve(INVERSE * coarseSize);
  motion = reserve(4 * coarseSize);
  present = reserve(4 * coarseSize);
  weights = reserve(4 * coarseSize);
  const fieldPad = 16 * ROW_PAD;
  fieldRow = reserve(16 * coarseStride + 2 * fieldPad) + fieldPad;
  fieldRowU = reserve(16 * coarseStride + 2 * fieldPad) + fieldPad;
  fieldRowV = reserve(16 * coarseStride + 2 * fieldPad) + fieldPad;
  classStride = coarseStride + 2 * BLOCK;
  classes = reserve(classStride * coarseHeight) + BLOCK;
  unsettled = reserve(classStride * coarseHeight) + BLOCK;
  blockStride = (coarseStride / BLOCK + 7) & ~7;
  blocks = reserve(blockStride * coarseHeight);
  edgeBlocks = reserve(blockStride * coarseHeight);
  rowBlocks = reserve(3 * blockStride);
  sumsAreFor = reserve(4 * blockStride);
  rowMask = reserve(2 * MODEL_WIDTH);
  tapAt = reserve(4 * coarseStride);
  tapShare = reserve(4 * coarseStride);
  // Long enough for a full row, and for a coarse one that was doubled and rounded up.
  const row = 2 * (max(lumaStride, 2 * smallStride + 32) + 2 * ROW_PAD);
  const pad = 2 * ROW_PAD;
  tintStride = row + pad;
  rowCoefY = reserve(2 * <i32>tintStride) + pad;
  rowCoefU = reserve(row) + pad;
  rowCoefV = reserve(row) + pad;
  rowOffset = reserve(row) + pad;
  rowTint = reserve(3 * <i32>tintStride) + pad;
  rowBack0 = reserve(row) + pad;
  rowBack1 = reserve(row) + pad;
  rowBackU = reserve(row) + pad;
  rowBackV = reserve(row) + pad;
  rowRgba = reserve(4 * (smallStride + 32));
  pixelAt = reserve(4 * MODEL_WIDTH);
  pixelShare = reserve(8 * MODEL_WIDTH);
  alphaPlane = reserve(lumaSize);
  remembers = false;
  staging = top;
  grow(top);
  memory.fill(unsettled - BLOCK, 0, classStride * coarseHeight);
}

/** Makes room for a frame that needs conversion. */
export function reserveStaging(bytes: i32): void {
  grow(staging + bytes + 64);
}
