import { ScalarKernel } from './scalar';

/**
 * The frame kernel as the page's code sees it: functions over one linear memory. Addresses are byte offsets into that
 * memory and change with every {@link Kernel.layout}; views of it are cut off whenever it grows.
 */
export interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer };
  /** Lays out memory for frames of one size in pixels; forgets frame, mask and backdrop. */
  layout(width: number, height: number): void;
  /** Bytes per row of the frame's planes, and of the backdrop's. U follows Y, and V follows U, without a gap. */
  lumaStrideOf(): number;
  chromaStrideOf(): number;
  /** I420 planes of the frame; blended in place. */
  frameAt(): number;
  /** I420 planes of a picture background, same layout as the frame. */
  backdropAt(): number;
  /** Makes room for `bytes` of a frame in another format at {@link stagingAt}. */
  reserveStaging(bytes: number): void;
  stagingAt(): number;
  /** To be called after the planes of an I420 frame were written. */
  padFrame(): void;
  /** Takes chroma from staging, rows of twice the chroma stride; luma is written to the frame directly. */
  fromNv12(): void;
  /** Takes the whole frame from staging, rows of 4 times the luma stride; the result is limited range. */
  fromRgba(blueFirst: number): void;
  /** Fills the reduced planes that all later stages start from. */
  shrink(): void;
  /** Writes the model's input, RGBA, to {@link modelInputAt}. */
  modelInput(fullRange: number): void;
  modelInputAt(): number;
  /** Where the model's mask is expected, one byte per sample, 255 for a person. */
  modelMaskAt(): number;
  /** From the mask to the coefficients of the matte. */
  matte(): void;
  /** `radius` in samples of the coarse grid, see assembly/memory.ts. */
  blurBackground(radius: number): void;
  blendBlurred(): void;
  blendBackdrop(): void;
  blendColour(y: number, u: number, v: number): void;
  /** Writes the full matte to {@link alphaAt}, rows of the luma stride, 255 for the person; the frame stays. */
  writeMatte(): void;
  alphaAt(): number;
  /** Brings the finished frame to half its size, rounded down to even numbers; its rows stay where they are. */
  halveFrame(): void;
}

/**
 * Fetches and compiles the kernel.
 *
 * @returns makes a kernel with a memory of its own: one per camera. Where WebAssembly has no SIMD (processors older than
 * 2008, and browsers that were told so) it is the much slower {@link ScalarKernel}.
 * @throws when the file cannot be fetched
 */
export const loadKernel = async (url: string): Promise<() => Kernel> => {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${response.status} for the frame kernel`);
  // Not compileStreaming: it insists on a content type that many servers do not send, and there is little to stream.
  const bytes = await response.arrayBuffer();
  if (WebAssembly.validate(bytes)) {
    const module = await WebAssembly.compile(bytes);
    return () => instantiateKernel(module);
  }
  console.warn('[greenroom] this browser cannot run the fast frame kernel; effects will be slow');
  return () => new ScalarKernel();
};

export const instantiateKernel = (module: WebAssembly.Module): Kernel => {
  const imports = {
    env: {
      abort: () => {
        throw new Error('the frame kernel aborted');
      },
    },
  };
  return new WebAssembly.Instance(module, imports).exports as unknown as Kernel;
};
