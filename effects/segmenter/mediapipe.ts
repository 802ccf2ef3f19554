import { ImageSegmenter } from '@mediapipe/tasks-vision';
import type { SegmenterAssets } from '../protocol';
import { EffectError } from '../spec';
import type { Segmenter } from './segmenter';

/**
 * MediaPipe's own engine for the model, for browsers without SIMD.
 *
 * The CPU delegate of tasks-vision still opens a WebGL context; where the browser has none, the first
 * {@link segment} throws.
 */
export class MediaPipeSegmenter implements Segmenter {
  readonly #engine: ImageSegmenter;

  private constructor(engine: ImageSegmenter) {
    this.#engine = engine;
  }

  /** @throws EffectError with `model-unavailable` or `engine-unavailable` */
  static async load(assets: SegmenterAssets): Promise<MediaPipeSegmenter> {
    const model = await fetchModel(assets.mediapipeModel);
    hushEngine();
    try {
      const engine = await ImageSegmenter.createFromOptions(
        {
          wasmLoaderPath: assets.mediapipeLoader,
          wasmBinaryPath: assets.mediapipeWasm,
        },
        {
          baseOptions: { modelAssetBuffer: model, delegate: 'CPU' },
          runningMode: 'IMAGE',
          outputConfidenceMasks: true,
          outputCategoryMask: false,
        },
      );
      return new MediaPipeSegmenter(engine);
    } catch (error) {
      throw new EffectError('engine-unavailable', error);
    }
  }

  segment(picture: ImageData, mask: Uint8Array): void {
    this.#engine.segment(picture, (result) => {
      const confidence = result.confidenceMasks?.[0]?.getAsFloat32Array();
      if (confidence?.length !== mask.length) throw new Error('the model gave no mask');
      for (let i = 0; i < mask.length; i++) mask[i] = (confidence[i] ?? 0) * 255 + 0.5;
    });
  }

  dispose(): void {
    this.#engine.close();
  }
}

const fetchModel = async (url: string): Promise<Uint8Array> => {
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${response.status} for the segmentation model`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    // A server that answers every address with its index page would hand HTML to the engine.
    if (String.fromCharCode(...bytes.subarray(4, 8)) !== 'TFL3') throw new Error('the segmentation model is not a TFLite file');
    return bytes;
  } catch (error) {
    throw new EffectError('model-unavailable', error);
  }
};

/** What the engine says about itself at every start, in glog's form: I and W lines, and that it runs. */
const CHATTER = /^[IW]\d{4} \d\d:\d\d|^INFO: |^Graph successfully/;

let hushed = false;

/**
 * Keeps the engine's chatter, some of it on the error channel, out of the meeting's console. Emscripten takes its
 * printers from a global `Module`, which MediaPipe's loader hands on and then clears; some lines go to this worker's
 * own console directly.
 */
const hushEngine = (): void => {
  if (!hushed) for (const channel of ['log', 'info', 'warn', 'error'] as const) {
    const original = console[channel].bind(console);
    console[channel] = (...values: unknown[]) => {
      if (!CHATTER.test(String(values[0]))) original(...values);
    };
  }
  hushed = true;
  const say = (line: string): void => console.warn('[greenroom] segmenter:', line);
  const print = (line: string): void => {
    if (!CHATTER.test(line)) say(line);
  };
  Object.assign(self, { Module: { print, printErr: print } });
};
