/**
 * A frame number that a far end can read out of the picture: two patches of 8 x 4 cells near the upper corners,
 * black and white. The first row alternates (it gives the two levels and is the first to vanish under a blur), then
 * come 12 bits of frame number and 12 bits of checksum, most significant first.
 *
 * One cell is 1/40 of the width by 1/22.5 of the height, 16 x 16 pixels at 640x360. All positions are fractions of
 * the picture, so an encoder may send it at another size.
 */

/** Luma of the painted cells, inside the limited range so that no codec clips them. */
const BLACK = 24;
const WHITE = 232;

/** Frame numbers wrap here. */
export const MARK_FRAMES = 4096;

/** A mark as it was read. */
export interface MarkRead {
  /** Number of the frame it was painted into, modulo MARK_FRAMES. */
  readonly frame: number;
  /** Which of the two patches was read; the left one is tried first. */
  readonly corner: 'left' | 'right';
}

/**
 * Paints the number of a frame into both upper corners of a luma plane, in place.
 * @param plane 8-bit luma, `stride` bytes per row
 */
export function paintMark(plane: Uint8Array, width: number, height: number, stride: number, frame: number): void {
  const number = frame % MARK_FRAMES;
  // The same checksum as in decodeMark, which must not reach outside itself.
  const bits = (number << 12) | (((number * 2533) ^ (number >> 5) ^ 0xa53) & 0xfff);
  const cellWidth = width / 40;
  const cellHeight = height / 22.5;
  for (const left of [1, 31]) {
    for (let cell = 0; cell < 32; cell++) {
      const white = cell < 8 ? cell % 2 === 0 : ((bits >> (31 - cell)) & 1) === 1;
      const x = Math.round((left + (cell % 8)) * cellWidth);
      const right = Math.round((left + (cell % 8) + 1) * cellWidth);
      const top = Math.round((1 + Math.floor(cell / 8)) * cellHeight);
      const bottom = Math.round((2 + Math.floor(cell / 8)) * cellHeight);
      for (let y = top; y < bottom; y++) plane.fill(white ? WHITE : BLACK, y * stride + x, y * stride + right);
    }
  }
}

/**
 * Reads the mark out of a luma plane of any size; null where there is none, or where it has been covered or blurred:
 * the faintest cell must keep at least half of the painted contrast.
 *
 * Self-contained, with no inner functions: its source text is also sent into pages.
 */
export function decodeMark(plane: Uint8Array, width: number, height: number, stride: number): MarkRead | null {
  const cellWidth = width / 40;
  const cellHeight = height / 22.5;
  for (const left of [1, 31]) {
    const levels: number[] = [];
    for (let cell = 0; cell < 32; cell++) {
      let sum = 0;
      for (let sample = 0; sample < 16; sample++) {
        // 4 x 4 points in the middle half of the cell, away from what ringing and scaling do at its edges.
        const x = Math.floor((left + (cell % 8) + 0.3125 + 0.125 * (sample % 4)) * cellWidth);
        const y = Math.floor((1 + Math.floor(cell / 8) + 0.3125 + 0.125 * Math.floor(sample / 4)) * cellHeight);
        sum += plane[y * stride + x] ?? 0;
      }
      levels.push(sum / 16);
    }
    let middle = 0;
    for (let cell = 0; cell < 8; cell++) middle += (levels[cell] ?? 0) / 8;
    let bits = 0;
    let faintestWhite = 255;
    let faintestBlack = 0;
    let synchronised = true;
    for (let cell = 0; cell < 32; cell++) {
      const level = levels[cell] ?? 0;
      const white = level > middle;
      if (white) faintestWhite = Math.min(faintestWhite, level);
      else faintestBlack = Math.max(faintestBlack, level);
      if (cell < 8) synchronised = synchronised && white === (cell % 2 === 0);
      else bits = (bits << 1) | (white ? 1 : 0);
    }
    const frame = bits >> 12;
    // 104 is half of the painted contrast, 232 - 24.
    if (synchronised && faintestWhite - faintestBlack >= 104 && (bits & 0xfff) === (((frame * 2533) ^ (frame >> 5) ^ 0xa53) & 0xfff)) {
      return { frame, corner: left === 1 ? 'left' : 'right' };
    }
  }
  return null;
}
