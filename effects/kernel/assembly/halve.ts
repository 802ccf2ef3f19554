/** A finished frame at half its size, in place. */
import { chromaHeight, chromaStride, frameU, frameV, frameY, height, lumaStride } from './memory';

/** Means of 2 x 2; rows stay where they are, `stride` apart, so that a row is written only after it was read. */
function halvePlane(plane: usize, stride: i32, rows: i32): void {
  const two = i16x8.splat(2);
  for (let y = 0; y < rows >> 1; y++) {
    const into = plane + y * stride;
    const top = plane + 2 * y * stride;
    for (let x = 0; x < stride; x += 16) {
      const a = v128.load(top + x);
      const b = v128.load(top + stride + x);
      const sum = i16x8.add(i16x8.extadd_pairwise_i8x16_u(a), i16x8.extadd_pairwise_i8x16_u(b));
      const mean = i16x8.shr_u(i16x8.add(sum, two), 2);
      v128.store64_lane(into + (x >> 1), i8x16.narrow_i16x8_u(mean, mean), 0);
    }
  }
}

export function halveFrame(): void {
  halvePlane(frameY, lumaStride, height);
  halvePlane(frameU, chromaStride, chromaHeight);
  halvePlane(frameV, chromaStride, chromaHeight);
}
