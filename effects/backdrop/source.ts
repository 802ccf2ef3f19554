import type { PictureSource } from '../spec';

/** @throws Error when it cannot be had, or is larger than `limit` bytes */
export const openSource = async (source: PictureSource, limit = Infinity): Promise<Blob> => {
  let file = source;
  if (typeof file === 'string') {
    // A picture must not tell another site who is in a meeting, not even by way of a redirection.
    const response = await fetch(file, { mode: 'same-origin' });
    if (!response.ok) throw new Error(`${response.status} for the background`);
    if (Number(response.headers.get('content-length')) > limit) {
      await response.body?.cancel();
      throw tooLarge(limit);
    }
    file = await response.blob();
  }
  if (file.size > limit) throw tooLarge(limit);
  return file;
};

const tooLarge = (limit: number): Error => new Error(`the background is larger than ${limit} bytes`);
