import { describeFrame } from './frames';
import type { PlanarCompositor } from './planar';

/**
 * The person alone, for a later scene: I420A, alpha not multiplied into the colours, as VideoFrame has it. Where alpha is
 * 0 the colours are black, not the room: encoders and canvases drop alpha, and what they then show must not be the room.
 *
 * @param compositor after it rendered a transparent background; the planes of its frame are blackened
 * @returns a new frame with the timing of `like`; the caller closes it
 */
export const makeCutOut = (compositor: PlanarCompositor, like: VideoFrame): VideoFrame => {
  const { frame, matte, memory } = compositor;
  blacken(compositor, like.colorSpace.fullRange === true ? 0 : 16);
  const start = frame.y.data.byteOffset;
  const alpha = { offset: matte.data.byteOffset - start, stride: matte.stride };
  const bytes = new Uint8Array(memory.buffer, start, alpha.offset + matte.data.length);
  return new VideoFrame(bytes, { ...describeFrame(compositor, like), format: 'I420A', layout: [...compositor.layout('frame'), alpha] });
};

/** Several samples at a time: most of a picture is all person or all room. Rows are padded to whole words. */
const blacken = ({ frame, matte }: PlanarCompositor, black: number): void => {
  const { y, u, v } = frame;
  const words = y.stride >> 2;
  const alphas = new Uint32Array(matte.data.buffer, matte.data.byteOffset, words * y.height);
  const lumas = new Uint32Array(y.data.buffer, y.data.byteOffset, words * y.height);
  for (let i = 0; i < alphas.length; i++) {
    if (alphas[i] === 0) lumas[i] = black * 0x01010101;
    else if (alphas[i] !== 0xffffffff) for (let j = 4 * i; j < 4 * i + 4; j++) if (matte.data[j] === 0) y.data[j] = black;
  }
  const pairs = new Uint16Array(matte.data.buffer, matte.data.byteOffset, (y.stride >> 1) * y.height);
  for (let row = 0; row < u.height; row++) {
    const top = row * y.stride; // in pairs: two rows of half the samples
    const bottom = 2 * row + 1 < y.height ? top + (y.stride >> 1) : top;
    for (let x = 0; x < u.width; x++) if ((pairs[top + x]! | pairs[bottom + x]!) === 0) u.data[row * u.stride + x] = v.data[row * v.stride + x] = 128;
  }
};
