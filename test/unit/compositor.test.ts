import { BlurCompositor, fromRgba } from '../../effects/compositor/blur';
import { i420Size, pictureIn, plane, scaledRow, shrink } from '../../effects/compositor/planes';

const variance = (data: ArrayLike<number>, at: (i: number) => boolean): number => {
  const values = Array.from({ length: data.length }, (_, i) => i).filter(at).map((i) => data[i]!);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
};

/** A checkerboard of 2x2 cells: the finest texture that survives chroma subsampling. */
const checkerboard = (width: number, height: number) => {
  const picture = pictureIn(width, height, new Uint8Array(i420Size(width, height)).fill(128));
  for (let i = 0; i < width * height; i++) picture.y.data[i] = ((i % width >> 1) + (Math.floor(i / width) >> 1)) % 2 ? 220 : 30;
  return picture;
};

test.each([
  [64, 36],
  [101, 57], // odd in both directions
  [36, 64], // portrait
  [9, 7], // smaller than any radius
])('at %i x %i the background loses its texture and the person keeps every sample', (width, height) => {
  const picture = checkerboard(width, height);
  const before = picture.y.data.slice();
  const mask = plane(width, height);
  const person = (i: number): boolean => i % width < width / 3;
  for (let i = 0; i < width * height; i++) mask.data[i] = person(i) ? 255 : 0;
  new BlurCompositor(width, height).apply(picture, mask, 0.8);
  for (let i = 0; i < width * height; i++) if (person(i)) expect(picture.y.data[i]).toBe(before[i]);
  const far = (i: number): boolean => i % width >= width / 3;
  expect(variance(picture.y.data, far)).toBeLessThan(variance(before, far) / 20);
});

test('the person does not bleed into the background', () => {
  const width = 80;
  const height = 40;
  const picture = pictureIn(width, height, new Uint8Array(i420Size(width, height)).fill(128));
  const mask = plane(width, height);
  for (let i = 0; i < width * height; i++) {
    const person = i % width < 40;
    picture.y.data[i] = person ? 235 : 60;
    mask.data[i] = person ? 255 : 0;
  }
  new BlurCompositor(width, height).apply(picture, mask, 1);
  // A plain blur would put some 100 levels of the bright person into the columns beside them.
  expect(picture.y.data[20 * width + 44]).toBeLessThan(70);
});

test('a flat picture stays flat: no rounding drift', () => {
  const picture = pictureIn(48, 28, new Uint8Array(i420Size(48, 28)).fill(77));
  new BlurCompositor(48, 28).apply(picture, plane(48, 28), 0.5);
  for (const part of [picture.y, picture.u, picture.v]) expect(new Set(part.data)).toEqual(new Set([77]));
});

test('scaling keeps the mean of a ramp, and shrinking averages', () => {
  const ramp = plane(16, 1, Uint8Array.from({ length: 16 }, (_, i) => i * 16));
  const into = new Uint8Array(64);
  scaledRow(ramp, 0, 1, into, new Uint16Array(64));
  expect(into.reduce((a, b) => a + b, 0) / 64).toBeCloseTo(120, 0);
  const small = plane(4, 1);
  shrink(ramp, small);
  expect([...small.data]).toEqual([24, 88, 152, 216]);
});

test('RGB becomes BT.601 limited-range planes', () => {
  const rgba = new Uint8Array([255, 255, 255, 255, 0, 0, 0, 255, 255, 0, 0, 255, 0, 0, 255, 255]);
  const picture = fromRgba(rgba, 4, 1, new Uint8Array(i420Size(4, 1)));
  expect([...picture.y.data]).toEqual([235, 16, 82, 41]);
  const reversed = fromRgba(rgba, 4, 1, new Uint8Array(i420Size(4, 1)), true);
  expect([...reversed.y.data]).toEqual([235, 16, 41, 82]);
});
