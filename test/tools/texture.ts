import type { Footage } from './footage';

/** Pixels along the side of the squares whose variance counts: smaller than any radius of blur. */
const BLOCK = 8;

/**
 * How much fine texture a picture has where the clip is certainly background, and where it is certainly the person:
 * the mean over 8x8 blocks, wholly inside the region, of the luma's variance within the block.
 *
 * @param luma of the clip's size, row by row
 */
export function textureOf(luma: Uint8Array, footage: Footage): { background: number; person: number } {
  const { width, height } = footage;
  const { surelyBackground, surelyPerson } = footage.regions();
  const mean = (region: Uint8Array): number => {
    let sum = 0;
    let blocks = 0;
    for (let top = 0; top + BLOCK <= height; top += BLOCK) {
      for (let left = 0; left + BLOCK <= width; left += BLOCK) {
        let inside = true;
        let first = 0;
        let second = 0;
        for (let y = top; inside && y < top + BLOCK; y++) {
          for (let x = left; x < left + BLOCK; x++) {
            const at = y * width + x;
            inside &&= region[at] === 255;
            first += luma[at]!;
            second += luma[at]! ** 2;
          }
        }
        if (!inside) continue;
        blocks++;
        sum += second / BLOCK ** 2 - (first / BLOCK ** 2) ** 2;
      }
    }
    if (blocks === 0) throw new Error('the region has no whole block');
    return sum / blocks;
  };
  return { background: mean(surelyBackground), person: mean(surelyPerson) };
}
