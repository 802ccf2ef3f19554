import { fromRgba } from './blur';
import type { Picture } from './planes';
import { i420Size, pictureIn } from './planes';

/** Reads frames of any format into I420 planes and makes frames of them again. One size at a time. */
export class FrameReader {
  #buffer = new Uint8Array(0);
  #raw = new Uint8Array(0);

  /**
   * @param frame stays the caller's, who closes it
   * @returns planes valid until the next call
   */
  async read(frame: VideoFrame): Promise<Picture> {
    const { width, height } = visibleSize(frame);
    const size = i420Size(width, height);
    if (this.#buffer.length !== size) this.#buffer = new Uint8Array(size);
    switch (frame.format) {
      case 'I420':
      case 'I420A': {
        const chroma = (width + 1) >> 1;
        const chromaSize = chroma * ((height + 1) >> 1);
        const layout = [
          { offset: 0, stride: width },
          { offset: width * height, stride: chroma },
          { offset: width * height + chromaSize, stride: chroma },
        ];
        if (frame.format === 'I420') await frame.copyTo(this.#buffer, { layout });
        else await frame.copyTo(this.#spare(size + width * height), { layout: [...layout, { offset: size, stride: width }] }).then(() => this.#buffer.set(this.#raw.subarray(0, size)));
        return pictureIn(width, height, this.#buffer);
      }
      case 'NV12': {
        const chroma = (width + 1) >> 1;
        const rows = (height + 1) >> 1;
        const raw = this.#spare(width * height + 2 * chroma * rows);
        await frame.copyTo(raw, { layout: [{ offset: 0, stride: width }, { offset: width * height, stride: 2 * chroma }] });
        const picture = pictureIn(width, height, this.#buffer);
        picture.y.data.set(raw.subarray(0, width * height));
        for (let i = 0, at = width * height; i < chroma * rows; i++, at += 2) {
          picture.u.data[i] = raw[at]!;
          picture.v.data[i] = raw[at + 1]!;
        }
        return picture;
      }
      default: {
        // RGB of some kind, or a texture whose format is not told: let the browser convert it.
        const blueFirst = frame.format === 'BGRA' || frame.format === 'BGRX';
        const native = blueFirst || frame.format === 'RGBA' || frame.format === 'RGBX';
        const raw = this.#spare(width * height * 4);
        const layout = [{ offset: 0, stride: width * 4 }];
        await frame.copyTo(raw, native ? { layout } : { layout, format: 'RGBA' });
        return fromRgba(raw, width, height, this.#buffer, blueFirst);
      }
    }
  }

  /** @returns a new frame with the planes of the last {@link read} and the timing of `like`; the caller closes it */
  write(like: VideoFrame): VideoFrame {
    const { width, height } = visibleSize(like);
    const rgb = like.format === null || !/^(I420|NV12)/.test(like.format);
    return new VideoFrame(this.#buffer, {
      format: 'I420',
      codedWidth: width,
      codedHeight: height,
      displayWidth: like.displayWidth,
      displayHeight: like.displayHeight,
      timestamp: like.timestamp,
      ...(like.duration === null ? {} : { duration: like.duration }),
      colorSpace: rgb ? { matrix: 'smpte170m', primaries: 'bt709', transfer: 'bt709', fullRange: false } : like.colorSpace.toJSON(),
      ...orientation(like),
    });
  }

  #spare(size: number): Uint8Array {
    if (this.#raw.length !== size) this.#raw = new Uint8Array(size);
    return this.#raw;
  }
}

/** Size of the visible part of a frame in pixels: what `copyTo` copies. */
export const visibleSize = (frame: VideoFrame): { width: number; height: number } => {
  const rect = frame.visibleRect;
  return rect ? { width: rect.width, height: rect.height } : { width: frame.codedWidth, height: frame.codedHeight };
};

/** Rotation and flip are newer than the DOM types. */
const orientation = (frame: VideoFrame): { rotation?: number; flip?: boolean } => {
  const { rotation, flip } = frame as VideoFrame & { rotation?: number; flip?: boolean };
  return { ...(rotation === undefined ? {} : { rotation }), ...(flip === undefined ? {} : { flip }) };
};
