import { EffectError } from '../spec';
import type { Segmenter } from './segmenter';

/** The exports of assembly/index.ts; addresses are byte offsets into its memory and never change. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  start(): void;
  pictureAt(): number;
  maskAt(): number;
  weightsAt(): number;
  weightsBytes(): number;
  segment(): void;
}

/** `GRSW`, then the SHA-256 of the weights, see weights.cjs. */
const MAGIC = 'GRSW';
const HEAD_BYTES = 36;

/** The selfie model as straight code of our own, see assembly/index.ts: about 3 MB of memory, ready as soon as it is fetched. */
export class Network implements Segmenter {
  readonly #exports: Exports;

  private constructor(exports: Exports) {
    this.#exports = exports;
  }

  /**
   * @param code the compiled assembly/
   * @param file the weights as weights.cjs puts them
   * @throws EffectError with `engine-unavailable`, or `model-unavailable` when a single bit of the weights is wrong
   */
  static async load(code: Uint8Array<ArrayBuffer>, file: Uint8Array<ArrayBuffer>): Promise<Network> {
    let exports: Exports;
    try {
      const { instance } = await WebAssembly.instantiate(code, { env: { abort } });
      exports = instance.exports as unknown as Exports;
      exports.start();
    } catch (error) {
      throw new EffectError('engine-unavailable', error);
    }
    const weights = file.subarray(HEAD_BYTES);
    // A damaged weight would still give masks, and they would show the room.
    if (String.fromCharCode(...file.subarray(0, 4)) !== MAGIC || weights.length !== exports.weightsBytes()) throw new EffectError('model-unavailable', new Error('the weights are not the model’s'));
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', weights));
    if (digest.some((byte, i) => byte !== file[4 + i])) throw new EffectError('model-unavailable', new Error('the weights are damaged'));
    new Uint8Array(exports.memory.buffer).set(weights, exports.weightsAt());
    return new Network(exports);
  }

  segment(picture: ImageData, mask: Uint8Array): void {
    const network = this.#exports;
    new Uint8Array(network.memory.buffer).set(picture.data, network.pictureAt());
    network.segment();
    mask.set(new Uint8Array(network.memory.buffer, network.maskAt(), mask.length));
  }

  dispose(): void {
    // Its memory goes with it.
  }
}

const abort = (): never => {
  throw new Error('the segmentation network aborted');
};
