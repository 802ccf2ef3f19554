import type { PlanarCompositor } from '../compositor/planar';
import type { PictureSource } from '../spec';
import { EffectError } from '../spec';
import type { Backdrop } from './backdrop';
import type { Clip } from './clip';
import { readClip } from './clip';
import type { Encoding } from './colour';
import { encodingOf, recoding } from './colour';
import type { Decoded, Samples } from './fit';
import { Fit, recode } from './fit';

/** Pictures that are decoded ahead of their time. */
const AHEAD = 3;
/** A frame that comes later than this after the one before does not make the clip jump, ms. */
const LONGEST_STEP_MS = 250;
/** A decoder that has given no picture after so many packets gives none. */
const PATIENCE = 64;

/** A decoded picture out of the decoder's hands, which has few to give. */
interface Shot {
  /** Milliseconds since the clip began to play. */
  readonly at: number;
  readonly format: 'I420' | 'NV12';
  readonly width: number;
  readonly height: number;
  readonly encoding: Encoding;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * A clip that plays in a circle behind the person. One decoder goes round and round: the clip begins with a key picture,
 * so the end needs no pause. It decodes when frames ask for pictures and rests when none do. In memory are the encoded
 * clip and a few decoded pictures.
 */
export class MovingBackdrop implements Backdrop {
  readonly #clip: Clip;
  #decoder: VideoDecoder;
  /** Packets given to the decoder since the clip began to play. */
  #given = 0;
  #fruitless = 0;
  readonly #ready: Shot[] = [];
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  /** Pictures on their way into memory, one after the other. */
  #copying = 0;
  #copies: Promise<void> = Promise.resolve();
  #shown: Shot | undefined;
  #clock = 0;
  /** Time of the last frame, ms: frames are shown by their own time, however late they are worked on. */
  #last: number | undefined;
  #painted = '';
  #fit: Fit | undefined;
  #failure: EffectError | undefined;
  #onPicture: () => void = () => undefined;
  #disposed = false;

  private constructor(clip: Clip) {
    this.#clip = clip;
    this.#decoder = this.#startDecoder();
  }

  /**
   * @param source an address of this origin, or the clip's file
   * @throws EffectError `picture-unavailable`, `video-unsupported`
   */
  static async load(source: PictureSource): Promise<MovingBackdrop> {
    const clip = await readClip(source);
    let backdrop: MovingBackdrop | undefined;
    try {
      const made = new MovingBackdrop(clip);
      backdrop = made;
      await new Promise<void>((resolve) => {
        made.#onPicture = resolve;
        made.#feed();
      });
      if (made.#failure) throw made.#failure;
      return made;
    } catch (error) {
      backdrop?.dispose();
      throw error instanceof EffectError ? error : new EffectError('picture-unavailable', error);
    }
  }

  paint(compositor: PlanarCompositor, frame: VideoFrame): void {
    if (this.#failure) throw this.#failure;
    this.#advance(frame.timestamp / 1000);
    const shot = this.#shown;
    if (!shot) return;
    const { width, height } = compositor;
    const { rotation = 0, flip = false } = frame as VideoFrame & { rotation?: number; flip?: boolean };
    const encoding = encodingOf(frame);
    const way = [width, height, rotation, flip, shot.width, shot.height].join();
    const key = [way, shot.at, encoding.matrix, encoding.fullRange].join();
    if (key === this.#painted) return;
    if (!this.#fit || !this.#painted.startsWith(`${way},`)) this.#fit = new Fit(shot, compositor, { picture: this.#clip.rotation, frame: rotation, flip });
    this.#fit.write(planesOf(shot), compositor.backdrop);
    const difference = recoding(shot.encoding, encoding);
    if (difference) recode(compositor.backdrop, difference);
    this.#painted = key;
  }

  dispose(): void {
    this.#disposed = true;
    if (this.#decoder.state !== 'closed') this.#decoder.close();
    this.#onPicture();
  }

  /** Puts on show what is due by the time of a frame, and sees to what comes next. */
  #advance(time: number): void {
    this.#clock += Math.min(LONGEST_STEP_MS, Math.max(0, time - (this.#last ?? time)));
    this.#last = time;
    while (this.#ready[0] && (!this.#shown || this.#ready[0].at <= this.#clock)) {
      if (this.#shown) this.#free.push(this.#shown.bytes);
      this.#shown = this.#ready.shift();
    }
    this.#feed();
  }

  #startDecoder(): VideoDecoder {
    const decoder = new VideoDecoder({
      output: (frame) => this.#take(frame),
      error: (error) => this.#recover(error),
    });
    decoder.configure(this.#clip.config);
    decoder.ondequeue = () => this.#feed();
    return decoder;
  }

  #feed(): void {
    const { packets, duration } = this.#clip;
    try {
      while (!this.#disposed && !this.#failure && this.#ready.length + this.#copying + this.#decoder.decodeQueueSize < AHEAD) {
        if (++this.#fruitless > PATIENCE) throw new Error('the decoder gives no pictures');
        const packet = packets[this.#given % packets.length]!;
        const round = Math.floor(this.#given / packets.length);
        this.#given++;
        this.#decoder.decode(new EncodedVideoChunk({ ...packet, timestamp: Math.round(packet.timestamp + round * duration) }));
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #take(frame: VideoFrame): void {
    this.#fruitless = 0;
    this.#copying++;
    this.#copies = this.#copies.then(async () => {
      try {
        if (this.#disposed) return;
        this.#ready.push(await this.#copy(frame));
        this.#onPicture();
      } catch (error) {
        this.#fail(error);
      } finally {
        frame.close();
        this.#copying--;
      }
    });
  }

  async #copy(frame: VideoFrame): Promise<Shot> {
    const { width, height } = frame.visibleRect ?? { width: frame.codedWidth, height: frame.codedHeight };
    const about = { at: frame.timestamp / 1000, width, height };
    if (frame.format === 'I420' || frame.format === 'NV12') {
      const bytes = this.#room(frame.allocationSize());
      await frame.copyTo(bytes);
      return { ...about, format: frame.format, encoding: { matrix: frame.colorSpace.matrix, fullRange: frame.colorSpace.fullRange === true }, bytes };
    }
    // A texture, or RGB: slower, and seldom.
    const rgba = new Uint8Array(4 * width * height);
    await frame.copyTo(rgba, { format: 'RGBA' });
    const half = [(width + 1) >> 1, (height + 1) >> 1] as const;
    const bytes = this.#room(width * height + 2 * half[0] * half[1]);
    fromRgba(rgba, width, height, bytes);
    return { ...about, format: 'I420', encoding: { matrix: null, fullRange: true }, bytes };
  }

  #room(size: number): Uint8Array<ArrayBuffer> {
    const free = this.#free.pop();
    return free?.length === size ? free : new Uint8Array(size);
  }

  /** Browsers take a decoder away that has rested for long: then a new one begins with the clip's next round. */
  #recover(error: DOMException): void {
    if (this.#disposed || this.#failure) return;
    if (error.name !== 'QuotaExceededError') {
      this.#fail(error);
      return;
    }
    const { packets, duration } = this.#clip;
    const round = Math.ceil(this.#given / packets.length);
    this.#given = round * packets.length;
    this.#clock = (round * duration) / 1000;
    this.#decoder = this.#startDecoder();
  }

  #fail(error: unknown): void {
    if (this.#disposed) return;
    this.#failure ??= new EffectError('picture-unavailable', error);
    this.#onPicture();
  }
}

/** The samples of a picture as `copyTo` lays them out: without gaps. */
const planesOf = ({ format, width, height, bytes }: Shot): Decoded => {
  const [w, h] = [(width + 1) >> 1, (height + 1) >> 1];
  const plane = (at: number, stride: number, step: number): Samples => ({ width: w, height: h, stride, step, data: bytes.subarray(at) });
  const y: Samples = { width, height, stride: width, step: 1, data: bytes };
  const at = width * height;
  return format === 'I420' ? { y, u: plane(at, w, 1), v: plane(at + w * h, w, 1) } : { y, u: plane(at, 2 * w, 2), v: plane(at + 1, 2 * w, 2) };
};

/** Full-range BT.601 without gaps; chroma is that of every other pixel of every other row. */
const fromRgba = (rgba: Uint8Array, width: number, height: number, bytes: Uint8Array): void => {
  const [w, h] = [(width + 1) >> 1, (height + 1) >> 1];
  const [u, v] = [width * height, width * height + w * h];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const [red, green, blue] = [rgba[4 * i]!, rgba[4 * i + 1]!, rgba[4 * i + 2]!];
      bytes[i] = 0.299 * red + 0.587 * green + 0.114 * blue + 0.5;
      if ((x | y) & 1) continue;
      const j = (y >> 1) * w + (x >> 1);
      bytes[u + j] = Math.min(255, 128.5 - 0.168736 * red - 0.331264 * green + 0.5 * blue);
      bytes[v + j] = Math.min(255, 128.5 + 0.5 * red - 0.418688 * green - 0.081312 * blue);
    }
  }
};
