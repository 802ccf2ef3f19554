import type { Kernel } from '../kernel/kernel';

/** One plane of 8-bit samples: `height` rows of `width` samples, `stride` bytes apart. */
export interface Plane {
  readonly width: number;
  readonly height: number;
  readonly stride: number;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** A picture in planes; chroma has half the width and height, rounded up. */
export interface Picture {
  readonly y: Plane;
  readonly u: Plane;
  readonly v: Plane;
}

/** What stands behind the person. */
export type Background =
  /** The room itself, blurred; `strength` 0 (barely) to 1 (unrecognisable). */
  | { readonly kind: 'blur'; readonly strength: number }
  /** The picture last written to {@link PlanarCompositor.backdrop}. */
  | { readonly kind: 'picture' }
  /** One colour, in the range and matrix of the frame. */
  | { readonly kind: 'colour'; readonly y: number; readonly u: number; readonly v: number }
  /** Nothing: the frame stays as it is, and {@link PlanarCompositor.matte} tells who is the person. */
  | { readonly kind: 'transparent' };

/** Views of the kernel's memory, good until it grows or is laid out anew. */
interface Views {
  readonly buffer: ArrayBuffer;
  readonly all: Uint8Array<ArrayBuffer>;
  readonly frame: Picture;
  readonly frameBytes: Uint8Array<ArrayBuffer>;
  readonly backdrop: Picture;
  readonly matte: Plane;
  readonly input: Uint8ClampedArray<ArrayBuffer>;
  readonly mask: Uint8Array<ArrayBuffer>;
}

/** Size of the model's input and of its mask. */
export const MODEL_WIDTH = 256;
export const MODEL_HEIGHT = 144;

/** Less than half of this is not worth sending. */
const SMALLEST_TO_HALVE = 360;

/**
 * Frame and mask to frame, in planes, in the kernel's memory. For each frame: write the {@link frame} planes, call
 * {@link begin}, then {@link modelInput}, then {@link render}; the frame planes then hold the result.
 *
 * Nothing is allocated per frame. All views belong to the compositor and are replaced by {@link resize}.
 */
export class PlanarCompositor {
  readonly #kernel: Kernel;
  #width = 0;
  #height = 0;
  #halved = false;
  #views: Views | undefined;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  get width(): number {
    return this.#width;
  }

  get height(): number {
    return this.#height;
  }

  /** Size of the result: the frame's, or half of it after {@link halve}. */
  get outputSize(): { width: number; height: number } {
    return this.#halved ? { width: (this.#width >> 2) << 1, height: (this.#height >> 2) << 1 } : { width: this.#width, height: this.#height };
  }

  /** The kernel's whole memory, for `VideoFrame.copyTo`. */
  get memory(): Uint8Array<ArrayBuffer> {
    return this.#current().all;
  }

  /** The frame's planes: written by the caller, blended in place. */
  get frame(): Picture {
    return this.#current().frame;
  }

  /** The planes of a picture background, at the frame's size (cover-fit is the caller's). */
  get backdrop(): Picture {
    return this.#current().backdrop;
  }

  /** The person's coverage at the frame's size, 0 to 255, after {@link render} with a transparent background. */
  get matte(): Plane {
    return this.#current().matte;
  }

  /** The bytes of the frame's three planes alone; where each lies in them is what {@link layout} says. */
  get frameBytes(): Uint8Array<ArrayBuffer> {
    return this.#current().frameBytes;
  }

  /** Where the frame's planes lie, in bytes from `base`, as VideoFrame understands them. */
  layout(base: 'frame' | 'memory'): [PlaneLayout, PlaneLayout, PlaneLayout] {
    const { y, u, v } = this.frame;
    const start = base === 'frame' ? y.data.byteOffset : 0;
    const of = ({ data, stride }: Plane): PlaneLayout => ({ offset: data.byteOffset - start, stride });
    return [of(y), of(u), of(v)];
  }

  /** @param width, height of the frames to come, in pixels. Another size forgets frame, backdrop and past masks. */
  resize(width: number, height: number): void {
    if (width === this.#width && height === this.#height) return;
    this.#kernel.layout(width, height);
    this.#width = width;
    this.#height = height;
    this.#views = undefined;
  }

  /** @returns byte offset of `bytes` of room for a frame that {@link beginNv12} or {@link beginRgba} converts */
  stage(bytes: number): number {
    this.#kernel.reserveStaging(bytes);
    return this.#kernel.stagingAt();
  }

  /** The frame's planes were written. */
  begin(): void {
    this.#halved = false;
    this.#kernel.padFrame();
    this.#kernel.shrink();
  }

  /** Luma was written to the frame, and rows of U and V in turn, twice the chroma stride long, to {@link stage}. */
  beginNv12(): void {
    this.#kernel.fromNv12();
    this.begin();
  }

  /** Rows of RGBA (or BGRA), 4 times the luma stride long, were written to {@link stage}; becomes limited range. */
  beginRgba(blueFirst: boolean): void {
    this.#kernel.fromRgba(blueFirst ? 1 : 0);
    this.begin();
  }

  /** @param into {@link MODEL_WIDTH} x {@link MODEL_HEIGHT} */
  modelInput(into: ImageData, fullRange: boolean): void {
    this.#kernel.modelInput(fullRange ? 1 : 0);
    into.data.set(this.#current().input);
  }

  /** @param mask of this frame, 0 to 255, {@link MODEL_WIDTH} x {@link MODEL_HEIGHT} */
  render(mask: Uint8Array, background: Background): void {
    this.#current().mask.set(mask);
    this.#kernel.matte();
    switch (background.kind) {
      case 'blur': {
        const coarse = Math.min(this.#width, this.#height) / (Math.max(this.#width, this.#height) >= 1024 ? 8 : Math.max(this.#width, this.#height) >= 512 ? 4 : 2);
        this.#kernel.blurBackground(Math.max(1, Math.round(coarse * (0.02 + 0.07 * background.strength))));
        this.#kernel.blendBlurred();
        break;
      }
      case 'picture':
        this.#kernel.blendBackdrop();
        break;
      case 'colour':
        this.#kernel.blendColour(background.y, background.u, background.v);
        break;
      case 'transparent':
        this.#kernel.writeMatte();
        break;
    }
  }

  /** After {@link render}: the result at half its size. Frames too small for that stay as they are. */
  halve(): void {
    if (Math.min(this.#width, this.#height) < SMALLEST_TO_HALVE) return;
    this.#kernel.halveFrame();
    this.#halved = true;
  }

  #current(): Views {
    const buffer = this.#kernel.memory.buffer;
    if (this.#views?.buffer !== buffer) {
      const planes = (at: number): Picture => {
        const [luma, chroma] = [this.#kernel.lumaStrideOf(), this.#kernel.chromaStrideOf()];
        const [width, height] = [(this.#width + 1) >> 1, (this.#height + 1) >> 1];
        const u = at + luma * this.#height;
        const v = u + chroma * height;
        return {
          y: { width: this.#width, height: this.#height, stride: luma, data: new Uint8Array(buffer, at, luma * this.#height) },
          u: { width, height, stride: chroma, data: new Uint8Array(buffer, u, chroma * height) },
          v: { width, height, stride: chroma, data: new Uint8Array(buffer, v, chroma * height) },
        };
      };
      const frame = planes(this.#kernel.frameAt());
      this.#views = {
        buffer,
        all: new Uint8Array(buffer),
        frame,
        frameBytes: new Uint8Array(buffer, frame.y.data.byteOffset, frame.y.data.length + frame.u.data.length + frame.v.data.length),
        backdrop: planes(this.#kernel.backdropAt()),
        matte: { ...frame.y, data: new Uint8Array(buffer, this.#kernel.alphaAt(), frame.y.data.length) },
        input: new Uint8ClampedArray(buffer, this.#kernel.modelInputAt(), 4 * MODEL_WIDTH * MODEL_HEIGHT),
        mask: new Uint8Array(buffer, this.#kernel.modelMaskAt(), MODEL_WIDTH * MODEL_HEIGHT),
      };
    }
    return this.#views;
  }
}
