/** From the model's mask to the coefficients of the matte: alpha = slope * (luma - 128) + offset. */
import { MODEL_HEIGHT, MODEL_WIDTH, modelMask, offset, slope, smallHeight, smallMask, smallStride, smallWidth } from './memory';

/** Alpha has 11 fractional bits: 2048 is opaque. */
export const ALPHA_BITS: i32 = 11;

/** The mask at one small sample, bilinear, 0 to 255. */
// @ts-ignore: decorator
@inline
function sampled(top: usize, bottom: usize, x: i32, fy: i32): i32 {
  const stepX = <i32>((<i64>MODEL_WIDTH << 16) / smallWidth);
  const at = min(max(x * stepX + (stepX >> 1) - 0x8000, 0), (MODEL_WIDTH - 1) << 16);
  const left = at >> 16;
  const right = min(left + 1, MODEL_WIDTH - 1);
  const fx = (at & 0xffff) >> 8;
  const a = <i32>load<u8>(top + left) * (256 - fy) + <i32>load<u8>(bottom + left) * fy;
  const b = <i32>load<u8>(top + right) * (256 - fy) + <i32>load<u8>(bottom + right) * fy;
  return (a * (256 - fx) + b * fx + 0x8000) >> 16;
}

export function matte(): void {
  const stepY = <i32>((<i64>MODEL_HEIGHT << 16) / smallHeight);
  for (let y = 0; y < smallHeight; y++) {
    const at = min(max(y * stepY + (stepY >> 1) - 0x8000, 0), (MODEL_HEIGHT - 1) << 16);
    const top = modelMask + (at >> 16) * MODEL_WIDTH;
    const bottom = modelMask + min((at >> 16) + 1, MODEL_HEIGHT - 1) * MODEL_WIDTH;
    const fy = (at & 0xffff) >> 8;
    for (let x = 0; x < smallWidth; x++) {
      const mask = sampled(top, bottom, x, fy);
      const i = y * smallStride + x;
      store<u8>(smallMask + i, mask);
      store<i16>(slope + 2 * i, 0);
      store<i16>(offset + 2 * i, <i16>((mask * 2056 + 128) >> 8));
    }
  }
}
