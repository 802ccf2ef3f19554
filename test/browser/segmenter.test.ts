import { execFileSync } from 'node:child_process';
import path from 'node:path';
import type { ModelRunner } from '../bench/quality-masks';
import { startModel } from '../bench/quality-masks';

const AREA = 256 * 144;
const fixture = (name: string): string => path.resolve(__dirname, '../fixtures', name);

/** The astronaut before the coffee table, `size` pixels high, her left edge at `x` and her top at `y`; some of them grainy. */
const PICTURES = [
  { size: 144, x: 56, y: 0, noise: 0 },
  { size: 200, x: 10, y: 20, noise: 0 },
  { size: 90, x: 160, y: 54, noise: 20 },
  { size: 300, x: -20, y: 0, noise: 0 },
  { size: 144, x: -70, y: 10, noise: 40 },
];

const pictureOf = ({ size, x, y, noise }: (typeof PICTURES)[number]): Uint8ClampedArray => {
  const person = `[1][2]alphamerge,scale=${size}:${size}[person]`;
  const filter = `[0]scale=256:144:force_original_aspect_ratio=increase,crop=256:144[table];${person};[table][person]overlay=${x}:${y},noise=alls=${noise}:all_seed=1,format=rgba`;
  const inputs = ['coffee.png', 'astronaut.png', 'astronaut-alpha.png'].flatMap((name) => ['-i', fixture(name)]);
  return new Uint8ClampedArray(execFileSync('ffmpeg', ['-v', 'error', ...inputs, '-filter_complex', filter, '-frames:v', '1', '-f', 'rawvideo', '-pix_fmt', 'rgba', '-'], { maxBuffer: 4 * AREA + 1 }));
};

describe('the network', () => {
  let model: ModelRunner;
  beforeAll(async () => {
    model = await startModel();
  }, 60_000);
  afterAll(async () => {
    await model.close();
  });

  test('gives the masks of MediaPipe’s engine on the published model', async () => {
    const pictures = PICTURES.map(pictureOf);
    const ours = await model.masks(pictures, 'ours');
    const theirs = await model.masks(pictures, 'mediapipe');
    for (const [i, mask] of ours.entries()) {
      const expected = theirs[i]!;
      const person = expected.filter((value) => value > 128).length / AREA;
      expect(person).toBeGreaterThan(0.03); // somebody was found: the comparison is about something
      expect(person).toBeLessThan(0.9);
      expect(Math.max(...mask.map((value, at) => Math.abs(value - expected[at]!)))).toBeLessThanOrEqual(2);
    }
  });
});
