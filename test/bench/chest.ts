/**
 * A frame number on the person's chest, where no effect touches the picture: the mark of test/tools/marks.ts, its left
 * patch only, in small cells. What reads it tells how old a frame is that went through an effect.
 */
import { decodeMark, paintMark } from '../tools/marks';

/** Where the patch is, with a margin of one cell around it, in pixels. All numbers are even, for the sake of chroma. */
export interface ChestRect {
  readonly cell: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Inside the chest in every frame of footage(). */
export function chestRect(width: number, height: number): ChestRect {
  const cell = 2 * Math.round(height / 103);
  return { cell, x: 2 * Math.round((width - 0.59 * height) / 4), y: 2 * Math.round(0.354 * height), width: 10 * cell, height: 6 * cell };
}

/** The mark's own picture has 40 x 22.5 cells, of which the left patch and its margin are the first 10 x 6. */
const markSize = ({ cell }: ChestRect): [width: number, height: number] => [40 * cell, 22.5 * cell];

/** Paints into the planes of an I420 frame without padding, in place. */
export function paintChest(frame: Uint8Array, width: number, height: number, number: number): void {
  const rect = chestRect(width, height);
  const [markWidth, markHeight] = markSize(rect);
  const mark = new Uint8Array(markWidth * markHeight);
  paintMark(mark, markWidth, markHeight, markWidth, number);
  const { cell } = rect;
  for (let y = cell; y < 5 * cell; y++) frame.set(mark.subarray(y * markWidth + cell, y * markWidth + 9 * cell), (rect.y + y) * width + rect.x + cell);
  const half = width / 2;
  for (const chroma of [width * height, width * height + half * (height / 2)]) {
    for (let y = (rect.y + cell) / 2; y < (rect.y + 5 * cell) / 2; y++) frame.fill(128, chroma + y * half + (rect.x + cell) / 2, chroma + y * half + (rect.x + 9 * cell) / 2);
  }
}

/** @param luma of the rectangle alone, row by row; null where no number can be read */
export function readChest(luma: Uint8Array, rect: ChestRect): number | null {
  return decodeMark(luma, ...markSize(rect), rect.width)?.frame ?? null;
}
