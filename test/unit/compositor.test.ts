import { MODEL_HEIGHT, MODEL_WIDTH, PlanarCompositor } from '../../effects/compositor/planar';
import type { Picture, Plane } from '../../effects/compositor/planar';
import { compileKernel } from '../../effects/kernel/compile.cjs';
import { instantiateKernel } from '../../effects/kernel/kernel';

let compiled: WebAssembly.Module;
beforeAll(async () => {
  compiled = await WebAssembly.compile(await compileKernel());
}, 60_000);

const compositor = (width: number, height: number): PlanarCompositor => {
  const made = new PlanarCompositor(instantiateKernel(compiled));
  made.resize(width, height);
  return made;
};

const fill = (plane: Plane, value: (x: number, y: number) => number): void => {
  for (let y = 0; y < plane.height; y++) for (let x = 0; x < plane.width; x++) plane.data[y * plane.stride + x] = value(x, y);
};
const samples = ({ width, height, stride, data }: Plane): number[] => Array.from({ length: width * height }, (_, i) => data[Math.floor(i / width) * stride + (i % width)]!);
const fillAll = ({ y, u, v }: Picture, luma: (x: number, y: number) => number, chroma = 128): void => {
  fill(y, luma);
  fill(u, () => chroma);
  fill(v, () => chroma);
};

/** A mask of the model's size from a function of the position, 0 to 1 in both directions. */
const maskOf = (person: (s: number, t: number) => number): Uint8Array =>
  Uint8Array.from({ length: MODEL_WIDTH * MODEL_HEIGHT }, (_, i) => 255 * person(((i % MODEL_WIDTH) + 0.5) / MODEL_WIDTH, (Math.floor(i / MODEL_WIDTH) + 0.5) / MODEL_HEIGHT));

const variance = (values: readonly number[]): number => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
};

/** Everything from a size below the model's to the largest that cameras send. */
const sizes: [number, number][] = [[1280, 720], [640, 360], [320, 180], [1921, 1081], [101, 57], [360, 640], [64, 36], [9, 7]];

test.each(sizes.slice(0, -1))('at %i x %i the background loses its texture and the person keeps every sample', (width, height) => {
  const made = compositor(width, height);
  const checkerboard = (x: number, y: number): number => (((x >> 1) + (y >> 1)) % 2 ? 220 : 30);
  fillAll(made.frame, checkerboard);
  made.begin();
  made.render(maskOf((s) => (s < 0.4 ? 1 : 0)), { kind: 'blur', strength: 0.8 });
  const person: number[] = [];
  const room: number[] = [];
  const { y: plane } = made.frame;
  samples(plane).forEach((value, i) => {
    const x = i % width;
    if (x < width * 0.3) person.push(Math.abs(value - checkerboard(x, Math.floor(i / width))));
    else if (x > width * 0.55) room.push(value);
  });
  expect(Math.max(0, ...person.slice(0, 1e5))).toBe(0);
  expect(variance(room)).toBeLessThan(95 ** 2 / 20);
});

test.each(sizes)('at %i x %i a flat picture stays flat: no rounding drift', (width, height) => {
  const made = compositor(width, height);
  fillAll(made.frame, () => 77, 140);
  made.begin();
  made.render(maskOf((s, t) => s * t), { kind: 'blur', strength: 0.5 });
  expect([...new Set(samples(made.frame.y))]).toEqual([77]);
  expect([...new Set(samples(made.frame.u))]).toEqual([140]);
  expect([...new Set(samples(made.frame.v))]).toEqual([140]);
});
