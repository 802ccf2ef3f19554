import type { Kernel } from './kernel';

const MODEL_WIDTH = 256;
const MODEL_HEIGHT = 144;

const BLOCK = 8;
const ROOM = 0;
const PERSON = 1;
const EDGE = 2;

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
  /** What each block of 8 coarse samples of a row shows; see settle() in kernel/assembly/matte.ts. */
  readonly blocks: Uint8Array;
  readonly blurred: Field;
  readonly at: Readonly<Record<'frame' | 'backdrop' | 'matte' | 'input' | 'mask' | 'staging', number>>;
}

/**
 * What the kernel does, in plain TypeScript: for processors on which WebAssembly has no SIMD, and to compare the kernel
 * with. Tens of times slower, and within rounding of it; the reasons for each step are given in kernel/assembly.
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
    const clamp = (value: number): number => Math.min(255, Math.max(0, value));
    const rows = tapsOf(MODEL_HEIGHT, small.height);
    const columns = tapsOf(MODEL_WIDTH, small.width);
    const rgb = new Float32Array(3 * small.width);
    for (let y = 0, out = 0; y < MODEL_HEIGHT; y++) {
      const [top, bottom, fy] = [rows.left[y]! * small.width, rows.right[y]! * small.width, rows.share[y]!];
      // Mixed in height as YUV, in width as RGB: where colours leave the gamut, the order shows.
      for (let x = 0; x < small.width; x++) {
        const luma = small.y[top + x]! * (1 - fy) + small.y[bottom + x]! * fy;
        const u = small.u[top + x]! * (1 - fy) + small.u[bottom + x]! * fy - 128;
        const v = small.v[top + x]! * (1 - fy) + small.v[bottom + x]! * fy - 128;
        const grey = fullRange ? luma : 1.164 * (luma - 16);
        rgb[3 * x] = clamp(grey + (fullRange ? 1.402 : 1.596) * v);
        rgb[3 * x + 1] = clamp(grey - (fullRange ? 0.344 : 0.392) * u - (fullRange ? 0.714 : 0.813) * v);
        rgb[3 * x + 2] = clamp(grey + (fullRange ? 1.772 : 2.017) * u);
      }
      for (let x = 0; x < MODEL_WIDTH; x++, out += 4) {
        const [left, right, fx] = [3 * columns.left[x]!, 3 * columns.right[x]!, columns.share[x]!];
        for (let k = 0; k < 3; k++) input[out + k] = rgb[left + k]! + (rgb[right + k]! - rgb[left + k]!) * fx + 0.5;
        input[out + 3] = 255;
      }
    }
  }

  matte(): void {
    this.#readGuide();
    this.#mixMask();
    const { coarse, guide, past, fit, blocks } = this.#now;
    const { width, height } = coarse;
    const size = width * height;
    const radius = Math.min(3, Math.max(1, Math.min(width, height) >> 4));
    this.#settle(2 * radius);
    /** 0 or 1 where there is no edge to be fitted. */
    const settled = new Float32Array(size);
    for (let i = 0; i < size; i++) {
      const kind = blocks[Math.floor(i / width) * Math.ceil(width / BLOCK) + Math.floor((i % width) / BLOCK)]!;
      settled[i] = kind === EDGE ? NaN : kind;
    }
    const times = (factor: (i: number) => number): Field => {
      const field = new Float32Array(4 * size);
      for (let i = 0; i < size; i++) {
        const by = factor(i);
        for (let k = 0; k < 4; k++) field[4 * i + k] = guide[4 * i + k]! * by;
      }
      return field;
    };
    // The last lane of each is the mean of that part of the guide.
    const [cy, cu, cv] = [0, 1, 2].map((lane) => boxMean(times((i) => guide[4 * i + lane]!), width, height, radius)) as [Field, Field, Field];
    const inverse = new Float32Array(6 * size);
    for (let i = 0; i < size; i++) {
      const j = 4 * i;
      const [my, mu, mv] = [cy[j + 3]!, cu[j + 3]!, cv[j + 3]!];
      const [yy, yu, yv] = [cy[j]! - my * my + 1e-4, cy[j + 1]! - my * mu, cy[j + 2]! - my * mv];
      const [uu, uv, vv] = [cu[j + 1]! - mu * mu + 1e-4, cu[j + 2]! - mu * mv, cv[j + 2]! - mv * mv + 1e-4];
      const [a, b, c] = [uu * vv - uv * uv, yv * uv - yu * vv, yu * uv - yv * uu];
      const scale = 1 / Math.max(yy * a + yu * b + yv * c, 1e-12);
      inverse.set([a * scale, b * scale, c * scale, (yy * vv - yv * yv) * scale, (yu * yv - yy * uv) * scale, (yy * uu - yu * yu) * scale], 6 * i);
    }
    const fitted = (i: number): number => !Number.isNaN(settled[i]!) ? settled[i]! : fit[4 * i]! * guide[4 * i]! + fit[4 * i + 1]! * guide[4 * i + 1]! + fit[4 * i + 2]! * guide[4 * i + 2]! + fit[4 * i + 3]!;

    let shares: Field = fit;
    for (let n = 0; n < 3; n++) {
      shares = boxMean(times((i) => {
        if (!Number.isNaN(settled[i]!)) return settled[i]!;
        const mixed = past[4 * i + 3]!;
        const sharp = n === 0 ? mixed : smoothstep(fitted(i), 0.2, 0.8);
        return sharp + (mixed - sharp) * 0.3;
      }), width, height, radius);
      const raw = new Float32Array(4 * size);
      for (let i = 0; i < size; i++) {
        const [j, m] = [4 * i, 6 * i];
        if (!Number.isNaN(settled[i]!)) {
          raw[j + 3] = shares[j + 3] = settled[i]!;
          continue;
        }
        const [share, my, mu, mv] = [shares[j + 3]!, cy[j + 3]!, cu[j + 3]!, cv[j + 3]!];
        const [sy, su, sv] = [shares[j]! - my * share, shares[j + 1]! - mu * share, shares[j + 2]! - mv * share];
        raw[j] = inverse[m]! * sy + inverse[m + 1]! * su + inverse[m + 2]! * sv;
        raw[j + 1] = inverse[m + 1]! * sy + inverse[m + 3]! * su + inverse[m + 4]! * sv;
        raw[j + 2] = inverse[m + 2]! * sy + inverse[m + 4]! * su + inverse[m + 5]! * sv;
        raw[j + 3] = share - raw[j] * my - raw[j + 1]! * mu - raw[j + 2]! * mv;
      }
      fit.set(boxMean(raw, width, height, radius));
    }

    for (let i = 0; i < size; i++) {
      const alpha = fitted(i);
      if (!Number.isNaN(settled[i]!)) fit.set([0, 0, 0, alpha], 4 * i);
      const share = shares[4 * i + 3]!;
      past[4 * i + 3] = past[4 * i + 3]! + (smoothstep(alpha, 0.2, 0.8) - past[4 * i + 3]!) * 0.4;
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
    this.#blend((plane, y, into) => {
      // As in kernel/assembly/blend.ts: where rows are an eighth of a coarse sample apart, a pair of luma shows the one between them.
      const shared = plane > 0 || reduction === 4;
      const row = plane === 0 && shared ? y >> 1 : y;
      laneRow(blurred, plane, coarse.width, coarse.height, row, plane === 0 ? 2 * reduction : reduction, into, shared ? reduction : 2 * reduction);
    });
  }

  blendBackdrop(): void {
    const { backY, backU, backV } = this.#now;
    const planes = [backY, backU, backV];
    this.#blend((plane, y, into) => {
      const { data, stride } = planes[plane]!;
      into.set(data.subarray(y * stride, y * stride + into.length));
    });
  }

  blendColour(y: number, u: number, v: number): void {
    const colour = [y, u, v];
    this.#blend((plane, _y, into) => into.fill(colour[plane]!));
  }

  halveFrame(): void {
    const { y, u, v } = this.#now;
    for (const { width, height, stride, data } of [y, u, v]) {
      for (let row = 0; row < height >> 1; row++) {
        for (let x = 0; x < width >> 1; x++) {
          const at = 2 * row * stride + 2 * x;
          data[row * stride + x] = (data[at]! + data[at + 1]! + data[at + stride]! + data[at + stride + 1]! + 2) >> 2;
        }
      }
    }
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
      guide: field(), past: field(), fit: field(), blocks: new Uint8Array(Math.ceil(coarse.width / BLOCK) * coarse.height), blurred: field(),
    };
  }

  /** (Y, U, V) around zero, and 1. */
  #readGuide(): void {
    const { coarse, small, guide } = this.#now;
    for (let y = 0, i = 0; y < coarse.height; y++) {
      const top = 2 * y * small.width;
      const bottom = Math.min(2 * y + 1, small.height - 1) * small.width;
      for (let x = 0; x < coarse.width; x++, i++) {
        const right = Math.min(2 * x + 1, small.width - 1);
        const mean = (plane: Uint8Array): number => (plane[top + 2 * x]! + plane[top + right]! + plane[bottom + 2 * x]! + plane[bottom + right]! - 512) / 1020;
        guide[4 * i] = mean(small.y);
        guide[4 * i + 1] = 2 * mean(small.u);
        guide[4 * i + 2] = 2 * mean(small.v);
        guide[4 * i + 3] = 1;
      }
    }
  }

  /** Mixes the mask with the past, by how much the guide changed. */
  #mixMask(): void {
    const { coarse, guide, past, mask } = this.#now;
    const { width, height } = coarse;
    const motion = new Float32Array(width * height);
    for (let i = 0; i < motion.length; i++) {
      motion[i] = Math.abs(guide[4 * i]! - past[4 * i]!) + (Math.abs(guide[4 * i + 1]! - past[4 * i + 1]!) + Math.abs(guide[4 * i + 2]! - past[4 * i + 2]!)) / 2;
    }
    const rows = tapsOf(height, MODEL_HEIGHT);
    const columns = tapsOf(width, MODEL_WIDTH);
    for (let y = 0, i = 0; y < height; y++) {
      const [top, bottom, fy] = [rows.left[y]! * MODEL_WIDTH, rows.right[y]! * MODEL_WIDTH, rows.share[y]!];
      for (let x = 0; x < width; x++, i++) {
        const [left, right, fx] = [columns.left[x]!, columns.right[x]!, columns.share[x]!];
        let alpha = between(mask[top + left]!, mask[top + right]!, mask[bottom + left]!, mask[bottom + right]!, fx, fy) / 255;
        if (this.#remembers) {
          let stirred = 0;
          for (let dy = -1; dy <= 1; dy++) for (let dx = -1; dx <= 1; dx++) stirred += motion[clampTo(y + dy, height) * width + clampTo(x + dx, width)]! / 9;
          const before = past[4 * i + 3]!;
          if (Math.abs(alpha - before) > 1 / 512) alpha = before + (alpha - before) * (0.25 + 0.75 * smoothstep(stirred, 0.03, 0.1));
        }
        for (let k = 0; k < 3; k++) past[4 * i + k] = guide[4 * i + k]!;
        past[4 * i + 3] = alpha;
      }
    }
    this.#remembers = true;
  }

  #settle(reach: number): void {
    const { coarse: { width, height }, past, blocks } = this.#now;
    const kinds = new Uint8Array(width * height);
    const edges = new Uint8Array(width * height);
    for (let i = 0; i < kinds.length; i++) {
      const mask = past[4 * i + 3]!;
      const kind = (kinds[i] = mask < 1 / 16 ? ROOM : mask > 15 / 16 ? PERSON : EDGE);
      edges[i] = Number(kind === EDGE || (i >= width && kinds[i - width] !== kind) || (i % width > 0 && kinds[i - 1] !== kind));
    }
    const across = Math.ceil(width / BLOCK);
    for (let y = 0; y < height; y++) {
      for (let b = 0; b < across; b++) {
        let kind = kinds[y * width + b * BLOCK]!;
        for (let row = Math.max(0, y - reach); row <= Math.min(height - 1, y + reach); row++) {
          for (let x = Math.max(0, b * BLOCK - reach); x < Math.min(width, (b + 1) * BLOCK + reach); x++) if (edges[row * width + x]) kind = EDGE;
        }
        blocks[y * across + b] = kind;
      }
    }
  }

  /** What is shown at each sample of chroma row `row`. */
  #kindsOf(row: number, into: Uint8Array): void {
    const { blocks, coarse: { width, height }, reduction } = this.#now;
    const across = Math.ceil(width / BLOCK);
    const rows = tapsOf(height * reduction, height);
    const [top, bottom] = [rows.left[row]! * across, rows.right[row]! * across];
    for (let x = 0; x < into.length; x++) {
      const b = Math.min(across - 1, Math.floor(x / (BLOCK * reduction)));
      into[x] = Math.max(blocks[top + b]!, blocks[bottom + b]!);
    }
  }

  /** Alpha of every pixel, 0 to 1, row by row without padding. */
  #alpha(): Float32Array {
    const { y, u, v, fit, coarse, reduction } = this.#now;
    const tints = new Float32Array(u.width * u.height);
    const slopes = new Float32Array(u.width * u.height);
    const lanes = [0, 1, 2, 3].map(() => new Float32Array(u.width));
    const kinds = new Uint8Array(u.width);
    for (let row = 0, i = 0; row < u.height; row++) {
      lanes.forEach((lane, k) => laneRow(fit, k, coarse.width, coarse.height, row, reduction, lane));
      this.#kindsOf(row, kinds);
      for (let x = 0; x < u.width; x++, i++) {
        const kind = kinds[x]!;
        if (kind !== EDGE) {
          tints[i] = kind;
          continue;
        }
        const [cu, cv] = [u.data[row * u.stride + x]! - 128, v.data[row * v.stride + x]! - 128];
        tints[i] = ((lanes[1]![x]! * cu + lanes[2]![x]! * cv) * 2) / 255 + lanes[3]![x]!;
        slopes[i] = lanes[0]![x]!;
      }
    }
    const alpha = new Float32Array(y.width * y.height);
    const rows = tapsOf(2 * u.height, u.height);
    const columns = tapsOf(2 * u.width, u.width);
    for (let row = 0, i = 0; row < y.height; row++) {
      const [top, bottom, fy] = [rows.left[row]! * u.width, rows.right[row]! * u.width, rows.share[row]!];
      this.#kindsOf(row >> 1, kinds);
      for (let x = 0; x < y.width; x++, i++) {
        const kind = kinds[x >> 1]!;
        if (kind !== EDGE) {
          alpha[i] = kind;
          continue;
        }
        const [left, right, fx] = [columns.left[x]!, columns.right[x]!, columns.share[x]!];
        const tint = between(tints[top + left]!, tints[top + right]!, tints[bottom + left]!, tints[bottom + right]!, fx, fy);
        alpha[i] = smoothstep(tint + (slopes[(row >> 1) * u.width + (x >> 1)]! * (y.data[row * y.stride + x]! - 128)) / 255, 0.1, 0.9);
      }
    }
    return alpha;
  }

  /** @param back writes one row of the background, plane 0, 1 or 2, into an array of the plane's width */
  #blend(back: (plane: 0 | 1 | 2, y: number, into: Float32Array) => void): void {
    const { y, u, v } = this.#now;
    const alpha = this.#alpha();
    const behind = new Float32Array(y.width);
    for (let row = 0; row < y.height; row++) {
      back(0, row, behind);
      for (let x = 0; x < y.width; x++) {
        const i = row * y.stride + x;
        y.data[i] = behind[x]! + (y.data[i]! - behind[x]!) * alpha[row * y.width + x]! + 0.5;
      }
    }
    const half = behind.subarray(0, u.width);
    for (const [plane, { data, stride }] of [[1, u], [2, v]] as const) {
      for (let row = 0; row < u.height; row++) {
        back(plane, row, half);
        const top = 2 * row * y.width;
        const bottom = Math.min(2 * row + 1, y.height - 1) * y.width;
        for (let x = 0; x < u.width; x++) {
          const right = Math.min(2 * x + 1, y.width - 1);
          const mean = (alpha[top + 2 * x]! + alpha[top + right]! + alpha[bottom + 2 * x]! + alpha[bottom + right]!) / 4;
          const i = row * stride + x;
          data[i] = half[x]! + (data[i]! - half[x]!) * mean + 0.5;
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

/** How `to` samples lie among `from`, centres aligned: both neighbours, and the share of the second. */
interface Taps {
  readonly left: Uint16Array;
  readonly right: Uint16Array;
  readonly share: Float32Array;
}

const known = new Map<string, Taps>();

const tapsOf = (to: number, from: number): Taps => {
  const key = `${to}:${from}`;
  let taps = known.get(key);
  if (!taps) {
    taps = { left: new Uint16Array(to), right: new Uint16Array(to), share: new Float32Array(to) };
    for (let i = 0; i < to; i++) {
      const at = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
      taps.left[i] = Math.floor(at);
      taps.right[i] = Math.min(from - 1, Math.floor(at) + 1);
      taps.share[i] = at - Math.floor(at);
    }
    if (known.size > 64) known.clear(); // a camera changes size a few times a day, not endlessly
    known.set(key, taps);
  }
  return taps;
};

const between = (a: number, b: number, c: number, d: number, fx: number, fy: number): number => (a + (b - a) * fx) * (1 - fy) + (c + (d - c) * fx) * fy;

/** Row `y` of one lane of a field at a grid `factor` times as wide and `down` times as high, bilinear, as long as `into`. */
const laneRow = (field: Field, lane: number, width: number, height: number, y: number, factor: number, into: Float32Array, down = factor): void => {
  const rows = tapsOf(height * down, height);
  const columns = tapsOf(width * factor, width);
  const [top, bottom, fy] = [4 * rows.left[y]! * width + lane, 4 * rows.right[y]! * width + lane, rows.share[y]!];
  for (let x = 0; x < into.length; x++) {
    const [left, right] = [4 * columns.left[x]!, 4 * columns.right[x]!];
    into[x] = between(field[top + left]!, field[top + right]!, field[bottom + left]!, field[bottom + right]!, columns.share[x]!, fy);
  }
};

/** Box means of a field, edges repeated. */
const boxMean = (field: Field, width: number, height: number, radius: number): Field => {
  const pass = (source: Field, length: number, lines: number, step: number, jump: number): Field => {
    const target = new Float32Array(source.length);
    const line = new Float32Array(length + 2 * radius + 1);
    for (let n = 0; n < 4 * lines; n++) {
      const base = 4 * (n >> 2) * jump + (n & 3);
      for (let i = 0; i < line.length; i++) line[i] = source[base + 4 * clampTo(i - radius, length) * step]!;
      let sum = 0;
      for (let i = 0; i <= 2 * radius; i++) sum += line[i]!;
      for (let i = 0; i < length; i++) {
        target[base + 4 * i * step] = sum / (2 * radius + 1);
        sum += line[i + 2 * radius + 1]! - line[i]!;
      }
    }
    return target;
  };
  return pass(pass(field, width, height, 1, width), height, width, width, 1);
};
