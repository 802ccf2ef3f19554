import type { Background, Picture, Plane } from '../../effects/compositor/planar';
import { MODEL_HEIGHT, MODEL_WIDTH, PlanarCompositor } from '../../effects/compositor/planar';
import { compileKernel } from '../../effects/kernel/compile.cjs';
import type { Kernel } from '../../effects/kernel/kernel';
import { instantiateKernel } from '../../effects/kernel/kernel';
import { ScalarKernel } from '../../effects/kernel/scalar';
import { pseudoRandom } from '../tools/sound';

let compiled: WebAssembly.Module;
beforeAll(async () => {
  compiled = await WebAssembly.compile(await compileKernel());
}, 120_000);

const kernels: [string, () => Kernel][] = [['SIMD', () => instantiateKernel(compiled)], ['scalar', () => new ScalarKernel()]];

const compositor = (width: number, height: number, kernel: Kernel = instantiateKernel(compiled)): PlanarCompositor => {
  const made = new PlanarCompositor(kernel);
  made.resize(width, height);
  return made;
};

const fill = (plane: Plane, value: (x: number, y: number) => number): void => {
  for (let y = 0; y < plane.height; y++) for (let x = 0; x < plane.width; x++) plane.data[y * plane.stride + x] = value(x, y);
};
const samples = ({ width, height, stride, data }: Plane): number[] => {
  const all: number[] = [];
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) all.push(data[y * stride + x]!);
  return all;
};
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

/** A room with stripes and a person of another colour, both with grain; the person's centre is at `middle` of the width. */
const paint = (picture: Picture, middle: number, seed: number): void => {
  const random = pseudoRandom(seed);
  for (const [key, person, room] of [['y', 150, 70], ['u', 100, 150], ['v', 165, 110]] as const) {
    const plane = picture[key];
    fill(plane, (x, y) => (isPerson(x / plane.width, y / plane.height, middle) ? person + 20 * Math.sin(x / 3) : room + 30 * Math.sin((40 * (x + y)) / plane.width)) + 6 * random());
  }
};
const isPerson = (s: number, t: number, middle: number): boolean => ((s - middle) / 0.22) ** 2 + ((t - 0.75) / 0.6) ** 2 < 1;
/** The model's idea of that person: soft, and a little off. */
const person = (middle: number): Uint8Array => maskOf((s, t) => Math.min(1, Math.max(0, 0.5 + 6 * (1 - ((s - middle - 0.01) / 0.22) ** 2 - ((t - 0.75) / 0.6) ** 2))));

/** From below the model's size to the largest that cameras send; odd, portrait. */
const sizes: [number, number][] = [[1280, 720], [640, 360], [320, 180], [1921, 1081], [101, 57], [360, 640], [64, 36]];

describe.each(sizes)('at %i x %i', (width, height) => {
  test('the background loses its texture and the person keeps every sample', () => {
    const made = compositor(width, height);
    const checkerboard = (x: number, y: number): number => (((x >> 1) + (y >> 1)) % 2 ? 220 : 30);
    fillAll(made.frame, checkerboard);
    made.begin();
    made.render(maskOf((s) => (s < 0.4 ? 1 : 0)), { kind: 'blur', strength: 0.8 });
    let changed = 0;
    const room: number[] = [];
    samples(made.frame.y).forEach((value, i) => {
      const x = i % width;
      if (x < width * 0.3 && value !== checkerboard(x, Math.floor(i / width))) changed++;
      else if (x > width * 0.55) room.push(value);
    });
    expect(changed).toBe(0);
    expect(variance(room)).toBeLessThan(95 ** 2 / 20);
  });

  test('a flat picture stays flat: no rounding drift', () => {
    const made = compositor(width, height);
    fillAll(made.frame, () => 77, 140);
    made.begin();
    made.render(maskOf((s, t) => s * t), { kind: 'blur', strength: 0.5 });
    expect([made.frame.y, made.frame.u, made.frame.v].map((plane) => [...new Set(samples(plane))])).toEqual([[77], [140], [140]]);
  });
});

describe('the kernel against its scalar twin', () => {
  const random = pseudoRandom(4);
  const between = (low: number, high: number): number => Math.round(low + random() * (high - low));
  const odd: [number, number][] = Array.from({ length: 6 }, () => [between(17, 330), between(17, 250)]);
  const backgrounds: Background[] = [{ kind: 'blur', strength: 0.1 }, { kind: 'blur', strength: 1 }, { kind: 'picture' }, { kind: 'colour', y: 90, u: 60, v: 200 }, { kind: 'transparent' }];

  test.each([[1281, 719], [643, 357], [2, 2], [9, 7], ...odd] as [number, number][])('%i x %i, two frames, every background', (width, height) => {
    for (const background of backgrounds) {
      const [fast, plain] = kernels.map(([, make]) => {
        const made = compositor(width, height, make());
        const input = { width: MODEL_WIDTH, height: MODEL_HEIGHT, data: new Uint8ClampedArray(4 * MODEL_WIDTH * MODEL_HEIGHT) } as ImageData;
        // Two frames: the second one starts from what the first one left.
        for (const middle of [0.5, 0.52]) {
          paint(made.frame, middle, 3);
          paint(made.backdrop, 0.2, 5);
          made.begin();
          made.modelInput(input, middle > 0.5);
          made.render(person(middle), background);
        }
        if (background.kind === 'colour') made.halve();
        return [input.data, ...[made.frame.y, made.frame.u, made.frame.v, ...(background.kind === 'transparent' ? [made.matte] : [])].map(samples)];
      });
      // Fixed point against floating point: alpha has ten bits, and a step of it weighs most where colours differ most.
      fast!.forEach((values, p) => {
        let sum = 0;
        let most = 0;
        for (let i = 0; i < values.length; i++) {
          const apart = Math.abs(values[i]! - plain![p]![i]!);
          sum += apart;
          most = Math.max(most, apart);
        }
        expect(sum / values.length).toBeLessThan(0.6);
        expect(most).toBeLessThanOrEqual(12);
      });
      if (width > 330) break; // the twin is slow
    }
  }, 60_000);
});

test('what is blended and what is blurred are rounded, not cut off: on average the kernel is as bright as its twin', () => {
  const bright = (make: () => Kernel, background: Background): number[] => {
    const made = compositor(320, 180, make());
    const random = pseudoRandom(7);
    // Above and below the person alike, so that an inexact alpha shifts nothing on average.
    fillAll(made.frame, () => 120 + 8 * random());
    fillAll(made.backdrop, () => 120 + 60 * random());
    made.begin();
    made.render(maskOf((s) => s), background);
    return samples(made.frame.y);
  };
  for (const background of [{ kind: 'picture' }, { kind: 'blur', strength: 0.8 }] as const) {
    const [fast, plain] = kernels.map(([, make]) => bright(make, background));
    const apart = fast!.map((value, i) => value - plain![i]!);
    // Where both are mixed: cutting off would cost up to half a level.
    const mixed = apart.filter((_, i) => i % 320 >= 60 && i % 320 < 260);
    expect(Math.abs(mixed.reduce((a, b) => a + b, 0) / mixed.length)).toBeLessThan(0.06);
  }
});

test.each([[641, 361], [1281, 35], [1026, 577], [101, 57]])('at %i x %i what lies in the padding of the rows changes nothing', (width, height) => {
  const input = { width: MODEL_WIDTH, height: MODEL_HEIGHT, data: new Uint8ClampedArray(4 * MODEL_WIDTH * MODEL_HEIGHT) } as ImageData;
  for (const background of [{ kind: 'blur', strength: 0.8 }, { kind: 'transparent' }] as const) {
    const [black, white] = [0, 255].map((padding) => {
      const made = compositor(width, height);
      for (const plane of [made.frame.y, made.frame.u, made.frame.v]) plane.data.fill(padding);
      paint(made.frame, 0.9, 3); // the person stands at the edge
      made.begin();
      made.modelInput(input, false);
      made.render(person(0.9), background);
      return [[...input.data], ...[made.frame.y, made.frame.u, made.frame.v, made.matte].map(samples)];
    });
    expect(black!.map((plane, i) => plane.findIndex((value, j) => value !== white![i]![j]))).toEqual([-1, -1, -1, -1, -1]);
  }
});

test('the person does not bleed into the background', () => {
  const made = compositor(320, 180);
  fillAll(made.frame, (x) => (x < 160 ? 235 : 60));
  made.begin();
  made.render(maskOf((s) => (s < 0.5 ? 1 : 0)), { kind: 'blur', strength: 1 });
  // A plain blur would put some 100 levels of the bright person into the columns beside them.
  expect(Math.max(...samples(made.frame.y).filter((_, i) => i % 320 > 164))).toBeLessThan(66);
});

test('the matte finds an edge that the mask has in the wrong place', () => {
  const made = compositor(640, 360);
  fillAll(made.frame, (x) => (x < 320 ? 170 : 90));
  made.begin();
  // 8 pixels too far to the right, and soft.
  made.render(maskOf((s) => Math.min(1, Math.max(0, 0.5 - (s - 0.5125) * 25))), { kind: 'transparent' });
  const row = samples(made.matte).slice(180 * 640, 181 * 640);
  expect(Math.min(...row.slice(0, 318))).toBeGreaterThan(240);
  expect(Math.max(...row.slice(323))).toBeLessThan(15);
});

test('a mask that flickers at rest is calmed, and one that follows a move is taken at once', () => {
  const made = compositor(320, 180);
  const show = (luma: (x: number) => number, mask: Uint8Array): number => {
    fillAll(made.frame, luma);
    made.begin();
    made.render(mask, { kind: 'transparent' });
    return samples(made.matte)[90 * 320 + 200]!;
  };
  const still = (x: number): number => (x < 160 ? 180 : 60);
  const without = maskOf((s) => (s < 0.5 ? 1 : 0));
  const withMore = maskOf((s) => (s < 0.75 ? 1 : 0));
  for (let i = 0; i < 5; i++) show(still, without);
  expect(show(still, withMore)).toBeLessThan(60);
  for (let i = 0; i < 5; i++) show(still, without);
  expect(show((x) => (x < 240 ? 180 : 60), withMore)).toBeGreaterThan(240);
});

describe.each(kernels)('%s', (_, make) => {
  test('another size starts anew, whatever was there before', () => {
    const used = compositor(640, 360, make());
    for (const [width, height] of [[640, 360], [57, 101], [320, 180]] as const) {
      const fresh = compositor(width, height, make());
      for (const made of [used, fresh]) {
        made.resize(width, height);
        paint(made.frame, 0.4, 9);
        made.begin();
        made.render(person(0.4), { kind: 'blur', strength: 0.5 });
      }
      expect(samples(used.frame.y)).toEqual(samples(fresh.frame.y));
      expect(samples(used.frame.v)).toEqual(samples(fresh.frame.v));
    }
  });

  test('a halved frame is the means of 2 x 2, at even numbers, and a small one stays as it is', () => {
    const made = compositor(646, 362, make());
    fillAll(made.frame, (x, y) => (3 * x + 5 * y) & 255);
    fill(made.frame.u, (x, y) => (x ^ y) & 255);
    made.begin();
    made.render(maskOf(() => 1), { kind: 'colour', y: 0, u: 0, v: 0 }); // all of it is the person
    const [y, u] = [samples(made.frame.y), samples(made.frame.u)];
    made.halve();
    const { width, height } = made.outputSize;
    expect([width, height]).toEqual([322, 180]);
    const mean = (plane: number[], stride: number, at: number): number => (plane[at]! + plane[at + 1]! + plane[at + stride]! + plane[at + stride + 1]! + 2) >> 2;
    for (const [x, row] of [[0, 0], [7, 3], [321, 179]] as const) expect(made.frame.y.data[row * made.frame.y.stride + x]).toBe(mean(y, 646, 2 * row * 646 + 2 * x));
    for (const [x, row] of [[0, 0], [160, 89]] as const) expect(made.frame.u.data[row * made.frame.u.stride + x]).toBe(mean(u, 323, 2 * row * 323 + 2 * x));

    const small = compositor(320, 180, make());
    small.begin();
    small.halve();
    expect(small.outputSize).toEqual({ width: 320, height: 180 });
  });

  test.each([[32, 18], [33, 19]])('NV12 of %i x %i is taken apart', (width, height) => {
    const made = compositor(width, height, make());
    const stride = 2 * made.frame.u.stride;
    const rows = (height + 1) >> 1;
    const at = made.stage(stride * rows);
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < (width + 1) >> 1; x++) {
        made.memory[at + y * stride + 2 * x] = 10 + x + y;
        made.memory[at + y * stride + 2 * x + 1] = 200 - x - y;
      }
    }
    made.beginNv12();
    const half = (width + 1) >> 1;
    expect(samples(made.frame.u)).toEqual(Array.from({ length: half * rows }, (_value, i) => 10 + (i % half) + Math.floor(i / half)));
    expect(samples(made.frame.v)).toEqual(Array.from({ length: half * rows }, (_value, i) => 200 - (i % half) - Math.floor(i / half)));
  });

  test('RGBA and BGRA become BT.601 limited-range planes', () => {
    for (const blueFirst of [false, true]) {
      const made = compositor(5, 3, make());
      const stride = 4 * made.frame.y.stride;
      const at = made.stage(stride * 3);
      const colours = [[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 0, 255], [0, 255, 0]];
      for (let y = 0; y < 3; y++) {
        for (let x = 0; x < 5; x++) {
          const [r, g, b] = colours[x]!;
          made.memory.set(blueFirst ? [b!, g!, r!, 255] : [r!, g!, b!, 255], at + y * stride + 4 * x);
        }
      }
      made.beginRgba(blueFirst);
      expect(samples(made.frame.y).slice(0, 5)).toEqual([235, 16, 82, 41, 144]);
      // Pairs of columns are averaged; the last column stands alone.
      expect(samples(made.frame.u).slice(0, 3)).toEqual([128, 165, 54]);
      expect(samples(made.frame.v).slice(0, 3)).toEqual([128, 175, 34]);
      expect(samples(made.frame.y).slice(10)).toEqual([235, 16, 82, 41, 144]);
    }
  });
});
