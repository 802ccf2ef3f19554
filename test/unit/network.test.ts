import fs from 'node:fs';
import { compileNetwork } from '../../effects/kernel/compile.cjs';
import { Network } from '../../effects/segmenter/network';
import { weightsFile } from '../../effects/segmenter/weights.cjs';
import { EffectError } from '../../effects/spec';

const model = (name: string): Uint8Array => new Uint8Array(fs.readFileSync(require.resolve(`@mediapipe/selfie_segmentation/${name}.tflite`)));

describe('the network’s weights', () => {
  let code: Uint8Array<ArrayBuffer>;
  let file: Uint8Array<ArrayBuffer>;
  beforeAll(async () => {
    code = await compileNetwork();
    file = new Uint8Array(weightsFile(model('selfie_segmentation_landscape')));
  }, 60_000);

  const refusal = async (weights: Uint8Array<ArrayBuffer>): Promise<string> => {
    const error: unknown = await Network.load(code, weights).then(
      () => 'was taken',
      (reason: unknown) => reason,
    );
    return error instanceof EffectError ? error.failure.code : String(error);
  };

  test('are taken as they are built', async () => {
    await expect(Network.load(code, file)).resolves.toBeInstanceOf(Network);
  });

  test('are refused with a single bit wrong, cut short, too long, or replaced by a page', async () => {
    const flipped = file.slice();
    flipped[300_000]! ^= 1;
    expect(await refusal(flipped)).toBe('model-unavailable');
    expect(await refusal(file.slice(0, -4))).toBe('model-unavailable');
    expect(await refusal(new Uint8Array([...file, 0, 0, 0, 0]))).toBe('model-unavailable');
    expect(await refusal(new TextEncoder().encode('<!doctype html>'))).toBe('model-unavailable');
  });

  test('come from the one model that the network was written for', () => {
    expect(() => weightsFile(model('selfie_segmentation'))).toThrow('not the selfie segmentation model');
  });
});
