import type { Kernel } from './kernel';

const MODEL_WIDTH = 256;
const MODEL_HEIGHT = 144;

/** One plane in {@link ScalarKernel.memory}. */
interface Samples {
  readonly width: number;
  readonly height: number;
  readonly stride: number;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** Four quantities for each sample of the coarse grid; the first three are colours, or slopes over them. */
type Field = Float32Array;

interface Layout {
  readonly reduction: number;
  readonly y: Samples;
  readonly u: Samples;
  readonly v: Samples;
  readonly backY: Samples;
  readonly backU: Samples;
  readonly backV: Samples;
  readonly matte: Samples;
  readonly input: Uint8Array;
  readonly mask: Uint8Array;
  readonly small: { readonly width: number; readonly height: number; readonly y: Uint8Array; readonly u: Uint8Array; readonly v: Uint8Array };
  readonly coarse: { readonly width: number; readonly height: number };
  readonly guide: Field;
  readonly past: Field;
  readonly fit: Field;
  readonly blurred: Field;
  readonly at: Readonly<Record<'frame' | 'backdrop' | 'matte' | 'input' | 'mask' | 'staging', number>>;
}

/**
 * What the kernel does, in plain TypeScript: for processors on which WebAssembly has no SIMD, and to compare the kernel
 * with. Some ten times slower, and within rounding of it; the reasons for each step are given in kernel/assembly.
 */
export class ScalarKernel implements Kernel {
  memory: { buffer: ArrayBuffer } = { buffer: new ArrayBuffer(0) };
  #layout: Layout | undefined;
  #width = 0;
  #height = 0;
  #remembers = false;
  #staged = 0;

  layout(width: number, height: number): void {
    this.#width = width;
    this.#height = height;
    this.#remembers = false;
    this.#staged = 0;
    this.#place();
  }

  lumaStrideOf = (): number => (this.#width + 31) & ~31;
  chromaStrideOf = (): number => this.lumaStrideOf() >> 1;
  frameAt = (): number => this.#now.at.frame;
  backdropAt = (): number => this.#now.at.backdrop;
  stagingAt = (): number => this.#now.at.staging;
  modelInputAt = (): number => this.#now.at.input;
  modelMaskAt = (): number => this.#now.at.mask;
  alphaAt = (): number => this.#now.at.matte;

  reserveStaging(bytes: number): void {
    if (bytes <= this.#staged) return;
    this.#staged = bytes;
    const { past } = this.#now;
    this.#place();
    this.#now.past.set(past);
  }

  /** The planes carry no padding here that anyone reads. */
  padFrame = (): void => undefined;

  fromNv12(): void {
    const { u, v, at } = this.#now;
    const staged = new Uint8Array(this.memory.buffer, at.staging);
    for (let i = 0; i < u.data.length; i++) {
      u.data[i] = staged[2 * i]!;
      v.data[i] = staged[2 * i + 1]!;
    }
  }

  fromRgba(blueFirst: number): void {
    const { y, u, v, at } = this.#now;
    const staged = new Uint8Array(this.memory.buffer, at.staging);
    const red = blueFirst ? 2 : 0;
    const colour = (x: number, row: number, channel: number): number => staged[4 * (Math.min(row, y.height - 1) * y.stride + Math.min(x, y.width - 1)) + channel]!;
    for (let row = 0; row < y.height; row++) {
      for (let x = 0; x < y.width; x++) y.data[row * y.stride + x] = ((66 * colour(x, row, red) + 129 * colour(x, row, 1) + 25 * colour(x, row, 2 - red) + 128) >> 8) + 16;
    }
    for (let row = 0; row < u.height; row++) {
      for (let x = 0; x < u.width; x++) {
        const mean = (channel: number): number => (colour(2 * x, 2 * row, channel) + colour(2 * x + 1, 2 * row, channel) + colour(2 * x, 2 * row + 1, channel) + colour(2 * x + 1, 2 * row + 1, channel) + 2) >> 2;
        const [r, g, b] = [mean(red), mean(1), mean(2 - red)];
        u.data[row * u.stride + x] = ((-38 * r - 74 * g + 112 * b + 128) >> 8) + 128;
        v.data[row * v.stride + x] = ((112 * r - 94 * g - 18 * b + 128) >> 8) + 128;
      }
    }
  }

  shrink(): void {
    const { small, y, u, v, reduction } = this.#now;
    const average = ({ width, height, stride, data }: Samples, factor: number, into: Uint8Array): void => {
      for (let row = 0; row < small.height; row++) {
        for (let x = 0; x < small.width; x++) {
          let sum = 0;
          let count = 0;
          for (let dy = 0; dy < factor || dy === 0; dy++) {
            for (let dx = 0; dx < factor || dx === 0; dx++) {
              sum += data[Math.min(Math.floor(row * factor) + dy, height - 1) * stride + Math.min(Math.floor(x * factor) + dx, width - 1)]!;
              count++;
            }
          }
          into[row * small.width + x] = sum / count + 0.5;
        }
      }
    };
    average(y, reduction, small.y);
    average(u, reduction / 2, small.u);
    average(v, reduction / 2, small.v);
  }

  modelInput(fullRange: number): void {
    const { small, input } = this.#now;
    const rgb = (i: number): readonly [number, number, number] => {
      const luma = fullRange ? small.y[i]! : 1.164 * (small.y[i]! - 16);
      const [u, v] = [small.u[i]! - 128, small.v[i]! - 128];
      const clamp = (value: number): number => Math.min(255, Math.max(0, value));
      return fullRange
        ? [clamp(luma + 1.402 * v), clamp(luma - 0.344 * u - 0.714 * v), clamp(luma + 1.772 * u)]
        : [clamp(luma + 1.596 * v), clamp(luma - 0.392 * u - 0.813 * v), clamp(luma + 2.017 * u)];
    };
    for (let y = 0, out = 0; y < MODEL_HEIGHT; y++) {
      const [top, bottom, fy] = taps(y, MODEL_HEIGHT, small.height);
      for (let x = 0; x < MODEL_WIDTH; x++, out += 4) {
        const [left, right, fx] = taps(x, MODEL_WIDTH, small.width);
        const [a, b, c, d] = [rgb(top * small.width + left), rgb(top * small.width + right), rgb(bottom * small.width + left), rgb(bottom * small.width + right)];
        for (let k = 0; k < 3; k++) input[out + k] = between(a[k]!, b[k]!, c[k]!, d[k]!, fx, fy) + 0.5;
        input[out + 3] = 255;
      }
    }
  }

  matte(): void {
    const { coarse, small, guide, past, fit, mask } = this.#now;
    const { width, height } = coarse;
    const size = width * height;
    const motion = new Float32Array(size);
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const mean = (plane: Uint8Array): number => {
          const right = Math.min(2 * x + 1, small.width - 1);
          const bottom = Math.min(2 * y + 1, small.height - 1) * small.width;
          return (plane[2 * y * small.width + 2 * x]! + plane[2 * y * small.width + right]! + plane[bottom + 2 * x]! + plane[bottom + right]! - 512) / 1020;
        };
        guide.set([mean(small.y), 2 * mean(small.u), 2 * mean(small.v), 1], 4 * i);
        motion[i] = Math.abs(guide[4 * i]! - past[4 * i]!) + (Math.abs(guide[4 * i + 1]! - past[4 * i + 1]!) + Math.abs(guide[4 * i + 2]! - past[4 * i + 2]!)) / 2;
      }
    }
    for (let y = 0, i = 0; y < height; y++) {
      const [top, bottom, fy] = taps(y, height, MODEL_HEIGHT);
      for (let x = 0; x < width; x++, i++) {
        const [left, right, fx] = taps(x, width, MODEL_WIDTH);
        let alpha = between(mask[top * MODEL_WIDTH + left]!, mask[top * MODEL_WIDTH + right]!, mask[bottom * MODEL_WIDTH + left]!, mask[bottom * MODEL_WIDTH + right]!, fx, fy) / 255;
        if (this.#remembers) {
          let stirred = 0;
          for (let dy = -1; dy <= 1; dy++) for (let dx = -1; dx <= 1; dx++) stirred += motion[clampTo(y + dy, height) * width + clampTo(x + dx, width)]! / 9;
          const before = past[4 * i + 3]!;
          alpha = before + (alpha - before) * (0.25 + 0.75 * smoothstep(stirred, 0.03, 0.1));
        }
        past.set([guide[4 * i]!, guide[4 * i + 1]!, guide[4 * i + 2]!, alpha], 4 * i);
      }
    }
    this.#remembers = true;

    const radius = Math.min(3, Math.max(1, Math.min(width, height) >> 4));
    const times = (factor: (i: number) => number): Field => Float32Array.from(guide, (value, i) => value * factor(i >> 2));
    const columns = [0, 1, 2].map((lane) => boxMean(times((i) => guide[4 * i + lane]!), width, height, radius));
    const inverse = (i: number): readonly (readonly number[])[] => {
      const m = columns.map((column) => column[4 * i + 3]!);
      const s = columns.map((column, a) => [0, 1, 2].map((b) => column[4 * i + b]! - m[a]! * m[b]! + (a === b ? 1e-4 : 0)));
      const minor = (a: number, b: number): number => {
        const [r, t, p, q] = [(a + 1) % 3, (a + 2) % 3, (b + 1) % 3, (b + 2) % 3];
        return s[r]![p]! * s[t]![q]! - s[r]![q]! * s[t]![p]!;
      };
      const determinant = Math.max(1e-12, s[0]![0]! * minor(0, 0) + s[0]![1]! * minor(0, 1) + s[0]![2]! * minor(0, 2));
      return [0, 1, 2].map((a) => [0, 1, 2].map((b) => minor(b, a) / determinant));
    };
    const inverses = Array.from({ length: size }, (_, i) => inverse(i));
    const fitted = (i: number): number => fit[4 * i]! * guide[4 * i]! + fit[4 * i + 1]! * guide[4 * i + 1]! + fit[4 * i + 2]! * guide[4 * i + 2]! + fit[4 * i + 3]!;

    let shares: Field = fit;
    for (let n = 0; n < 3; n++) {
      shares = boxMean(times((i) => (n === 0 ? past[4 * i + 3]! : smoothstep(fitted(i), 0.2, 0.8))), width, height, radius);
      const raw = new Float32Array(4 * size);
      for (let i = 0; i < size; i++) {
        const share = shares[4 * i + 3]!;
        const covariance = [0, 1, 2].map((k) => shares[4 * i + k]! - columns[k]![4 * i + 3]! * share);
        const slopes = inverses[i]!.map((line) => line[0]! * covariance[0]! + line[1]! * covariance[1]! + line[2]! * covariance[2]!);
        raw.set([...slopes, share - slopes.reduce((sum, slope, k) => sum + slope * columns[k]![4 * i + 3]!, 0)], 4 * i);
      }
      fit.set(boxMean(raw, width, height, radius));
    }

    for (let i = 0; i < size; i++) {
      const alpha = fitted(i);
      const share = shares[4 * i + 3]!;
      past[4 * i + 3] = past[4 * i + 3]! + (smoothstep(alpha, 0.2, 0.8) - past[4 * i + 3]!) * 0.25;
      guide[4 * i + 3] = (1 - smoothstep(alpha, 0.1, 0.9)) * (1 - share) ** 2 + 1 / 4096;
      const trust = Math.min(1, 4 * share * (1 - share));
      for (let k = 0; k < 4; k++) fit[4 * i + k] = fit[4 * i + k]! * trust + (k === 3 ? share * (1 - trust) : 0);
    }
  }

  blurBackground(radius: number): void {
    const { coarse, guide, blurred } = this.#now;
    let field: Field = Float32Array.from(guide, (value, i) => (i % 4 === 3 ? value : value * guide[i | 3]!));
    for (let pass = 0; pass < 3; pass++) field = boxMean(field, coarse.width, coarse.height, radius);
    for (let i = 0; i < field.length; i++) blurred[i] = (field[i]! / field[i | 3]!) * (i % 4 === 0 ? 255 : 127.5) + 128;
  }

  blendBlurred(): void {
    const { blurred, coarse, reduction } = this.#now;
    this.#blend((plane, x, y) => sampled(blurred, plane, coarse.width, coarse.height, x, y, plane === 0 ? 2 * reduction : reduction));
  }

  blendBackdrop(): void {
    const { backY, backU, backV } = this.#now;
    const planes = [backY, backU, backV];
    this.#blend((plane, x, y) => planes[plane]!.data[y * planes[plane]!.stride + x]!);
  }

  blendColour(y: number, u: number, v: number): void {
    const colour = [y, u, v];
    this.#blend((plane) => colour[plane]!);
  }

  writeMatte(): void {
    const { y, matte } = this.#now;
    const alpha = this.#alpha();
    for (let row = 0; row < y.height; row++) for (let x = 0; x < y.width; x++) matte.data[row * matte.stride + x] = alpha[row * y.width + x]! * 255 + 0.5;
  }

  get #now(): Layout {
    if (!this.#layout) throw new Error('no size was given yet');
    return this.#layout;
  }

  #place(): void {
    const [width, height] = [this.#width, this.#height];
    const longest = Math.max(width, height);
    const reduction = longest >= 1024 ? 4 : longest >= 512 ? 2 : 1;
    const [luma, chroma] = [this.lumaStrideOf(), this.chromaStrideOf()];
    const [halfWidth, halfHeight] = [(width + 1) >> 1, (height + 1) >> 1];
    const frame = luma * height + 2 * chroma * halfHeight;
    const at = { frame: 0, backdrop: frame, matte: 2 * frame, input: 2 * frame + luma * height, mask: 0, staging: 0 };
    at.mask = at.input + 4 * MODEL_WIDTH * MODEL_HEIGHT;
    at.staging = at.mask + MODEL_WIDTH * MODEL_HEIGHT;
    const old = this.memory.buffer;
    const buffer = new ArrayBuffer(at.staging + this.#staged);
    if (this.#layout && this.#layout.at.staging === at.staging) new Uint8Array(buffer).set(new Uint8Array(old, 0, Math.min(old.byteLength, at.staging)));
    this.memory = { buffer };
    const plane = (offset: number, w: number, h: number, stride: number): Samples => ({ width: w, height: h, stride, data: new Uint8Array(buffer, offset, stride * h) });
    const planes = (offset: number): [Samples, Samples, Samples] => [
      plane(offset, width, height, luma),
      plane(offset + luma * height, halfWidth, halfHeight, chroma),
      plane(offset + luma * height + chroma * halfHeight, halfWidth, halfHeight, chroma),
    ];
    const [y, u, v] = planes(at.frame);
    const [backY, backU, backV] = planes(at.backdrop);
    const small = { width: Math.ceil(width / reduction), height: Math.ceil(height / reduction) };
    const coarse = { width: (small.width + 1) >> 1, height: (small.height + 1) >> 1 };
    const samples = (): Uint8Array => new Uint8Array(small.width * small.height);
    const field = (): Field => new Float32Array(4 * coarse.width * coarse.height);
    this.#layout = {
      reduction, y, u, v, backY, backU, backV, at, coarse,
      matte: plane(at.matte, width, height, luma),
      input: new Uint8Array(buffer, at.input, 4 * MODEL_WIDTH * MODEL_HEIGHT),
      mask: new Uint8Array(buffer, at.mask, MODEL_WIDTH * MODEL_HEIGHT),
      small: { ...small, y: samples(), u: samples(), v: samples() },
      guide: field(), past: field(), fit: field(), blurred: field(),
    };
  }

  /** Alpha of every pixel, 0 to 1, row by row without padding. */
  #alpha(): Float32Array {
    const { y, u, v, fit, coarse, reduction } = this.#now;
    const coefficient = (lane: number, x: number, row: number): number => sampled(fit, lane, coarse.width, coarse.height, x, row, reduction);
    const tints = new Float32Array(u.width * u.height);
    const slopes = new Float32Array(u.width * u.height);
    for (let row = 0, i = 0; row < u.height; row++) {
      for (let x = 0; x < u.width; x++, i++) {
        const [cu, cv] = [u.data[row * u.stride + x]! - 128, v.data[row * v.stride + x]! - 128];
        tints[i] = ((coefficient(1, x, row) * cu + coefficient(2, x, row) * cv) * 2) / 255 + coefficient(3, x, row);
        slopes[i] = coefficient(0, x, row);
      }
    }
    const alpha = new Float32Array(y.width * y.height);
    for (let row = 0, i = 0; row < y.height; row++) {
      const [top, bottom, fy] = taps(row, 2 * u.height, u.height);
      for (let x = 0; x < y.width; x++, i++) {
        const [left, right, fx] = taps(x, 2 * u.width, u.width);
        const tint = between(tints[top * u.width + left]!, tints[top * u.width + right]!, tints[bottom * u.width + left]!, tints[bottom * u.width + right]!, fx, fy);
        alpha[i] = smoothstep(tint + (slopes[(row >> 1) * u.width + (x >> 1)]! * (y.data[row * y.stride + x]! - 128)) / 255, 0.1, 0.9);
      }
    }
    return alpha;
  }

  #blend(back: (plane: 0 | 1 | 2, x: number, y: number) => number): void {
    const { y, u, v } = this.#now;
    const alpha = this.#alpha();
    for (let row = 0; row < y.height; row++) {
      for (let x = 0; x < y.width; x++) {
        const i = row * y.stride + x;
        const behind = back(0, x, row);
        y.data[i] = behind + (y.data[i]! - behind) * alpha[row * y.width + x]! + 0.5;
      }
    }
    for (let row = 0; row < u.height; row++) {
      const below = Math.min(2 * row + 1, y.height - 1);
      for (let x = 0; x < u.width; x++) {
        const right = Math.min(2 * x + 1, y.width - 1);
        const mean = (alpha[2 * row * y.width + 2 * x]! + alpha[2 * row * y.width + right]! + alpha[below * y.width + 2 * x]! + alpha[below * y.width + right]!) / 4;
        for (const [plane, samples] of [[1, u], [2, v]] as const) {
          const i = row * samples.stride + x;
          const behind = back(plane, x, row);
          samples.data[i] = behind + (samples.data[i]! - behind) * mean + 0.5;
        }
      }
    }
  }
}

const clampTo = (i: number, length: number): number => Math.min(length - 1, Math.max(0, i));

const smoothstep = (x: number, low: number, high: number): number => {
  const t = Math.min(1, Math.max(0, (x - low) / (high - low)));
  return t * t * (3 - 2 * t);
};

/** How sample `i` of `to` lies among `from`, centres aligned: neighbours, and the share of the second. */
const taps = (i: number, to: number, from: number): readonly [number, number, number] => {
  const at = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
  const left = Math.floor(at);
  return [left, Math.min(from - 1, left + 1), at - left];
};

const between = (a: number, b: number, c: number, d: number, fx: number, fy: number): number => (a + (b - a) * fx) * (1 - fy) + (c + (d - c) * fx) * fy;

/** One lane of a field at a sample of a grid `factor` times as fine, bilinear. */
const sampled = (field: Field, lane: number, width: number, height: number, x: number, y: number, factor: number): number => {
  const [left, right, fx] = taps(x, width * factor, width);
  const [top, bottom, fy] = taps(y, height * factor, height);
  const at = (row: number, column: number): number => field[4 * (row * width + column) + lane]!;
  return between(at(top, left), at(top, right), at(bottom, left), at(bottom, right), fx, fy);
};

/** Box means of a field, edges repeated. */
const boxMean = (field: Field, width: number, height: number, radius: number): Field => {
  const pass = (source: Field, length: number, lines: number, step: number, jump: number): Field => {
    const target = new Float32Array(source.length);
    for (let line = 0; line < lines; line++) {
      for (let lane = 0; lane < 4; lane++) {
        const at = (i: number): number => 4 * (line * jump + clampTo(i, length) * step) + lane;
        let sum = 0;
        for (let i = -radius; i <= radius; i++) sum += source[at(i)]!;
        for (let i = 0; i < length; i++) {
          target[at(i)] = sum / (2 * radius + 1);
          sum += source[at(i + radius + 1)]! - source[at(i - radius)]!;
        }
      }
    }
    return target;
  };
  return pass(pass(field, width, height, 1, width), height, width, width, 1);
};
