/** One plane of 8-bit samples, row by row without padding. */
export interface Plane {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** A picture in planes; chroma has half the width and height, rounded up. */
export interface Picture {
  readonly y: Plane;
  readonly u: Plane;
  readonly v: Plane;
}

export const plane = (width: number, height: number, data: Uint8Array = new Uint8Array(width * height)): Plane => ({ width, height, data });

/** A picture whose three planes lie one after the other in `buffer`, which is what VideoFrame calls I420. */
export const pictureIn = (width: number, height: number, buffer: Uint8Array): Picture => {
  const chromaWidth = (width + 1) >> 1;
  const chromaHeight = (height + 1) >> 1;
  const ySize = width * height;
  const cSize = chromaWidth * chromaHeight;
  return {
    y: plane(width, height, buffer.subarray(0, ySize)),
    u: plane(chromaWidth, chromaHeight, buffer.subarray(ySize, ySize + cSize)),
    v: plane(chromaWidth, chromaHeight, buffer.subarray(ySize + cSize, ySize + 2 * cSize)),
  };
};

/** Bytes of an I420 picture without padding. */
export const i420Size = (width: number, height: number): number => width * height + 2 * ((width + 1) >> 1) * ((height + 1) >> 1);

/** How one axis of a target samples a source, bilinear, sample centres aligned: index of the left neighbour and weight (0..256) of the right one. */
interface Taps {
  readonly from: number;
  readonly to: number;
  readonly left: Uint16Array;
  readonly right: Uint16Array;
  readonly weight: Uint16Array;
}

const tapCache = new Map<string, Taps>();

const taps = (from: number, to: number): Taps => {
  const key = `${from}:${to}`;
  const cached = tapCache.get(key);
  if (cached) return cached;
  if (tapCache.size > 64) tapCache.clear(); // a camera changes size a few times a day, not endlessly
  const left = new Uint16Array(to);
  const right = new Uint16Array(to);
  const weight = new Uint16Array(to);
  for (let i = 0; i < to; i++) {
    const at = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    const whole = Math.floor(at);
    left[i] = whole;
    right[i] = Math.min(from - 1, whole + 1);
    weight[i] = Math.round((at - whole) * 256);
  }
  const made = { from, to, left, right, weight };
  tapCache.set(key, made);
  return made;
};

/** Writes row `y` of `source` scaled to `height` rows and `into.length` columns; samples stay 8-bit. */
export const scaledRow = (source: Plane, y: number, height: number, into: Uint8Array, scratch: Uint16Array): void => {
  const vertical = taps(source.height, height);
  const horizontal = taps(source.width, into.length);
  const top = vertical.left[y]! * source.width;
  const bottom = vertical.right[y]! * source.width;
  const wy = vertical.weight[y]!;
  const { data, width } = source;
  for (let x = 0; x < width; x++) scratch[x] = data[top + x]! * (256 - wy) + data[bottom + x]! * wy;
  const { left, right, weight } = horizontal;
  for (let x = 0; x < into.length; x++) {
    const wx = weight[x]!;
    into[x] = (scratch[left[x]!]! * (256 - wx) + scratch[right[x]!]! * wx) >>> 16;
  }
};

/** Averages `source` down into `target`; any ratio at or above one. */
export const shrink = (source: Plane, target: Plane): void => {
  const { width, height, data } = target;
  for (let y = 0; y < height; y++) {
    const y0 = Math.floor((y * source.height) / height);
    const y1 = Math.max(y0 + 1, Math.floor(((y + 1) * source.height) / height));
    for (let x = 0; x < width; x++) {
      const x0 = Math.floor((x * source.width) / width);
      const x1 = Math.max(x0 + 1, Math.floor(((x + 1) * source.width) / width));
      let sum = 0;
      for (let sy = y0; sy < y1; sy++) {
        const row = sy * source.width;
        for (let sx = x0; sx < x1; sx++) sum += source.data[row + sx]!;
      }
      data[y * width + x] = sum / ((y1 - y0) * (x1 - x0)) + 0.5;
    }
  }
};

/** One box pass of `radius` along rows (`step` 1) or columns (`step` width) of a float field, in place through `line`. */
const boxPass = (field: Float32Array, count: number, stride: number, length: number, step: number, radius: number, line: Float32Array): void => {
  const scale = 1 / (2 * radius + 1);
  for (let n = 0; n < count; n++) {
    const base = n * stride;
    const last = length - 1;
    for (let i = 0; i < length; i++) line[i] = field[base + i * step]!;
    let sum = line[0]! * (radius + 1);
    for (let i = 1; i <= radius; i++) sum += line[Math.min(i, last)]!;
    for (let i = 0; i < length; i++) {
      field[base + i * step] = sum * scale;
      sum += line[Math.min(i + radius + 1, last)]! - line[Math.max(i - radius, 0)]!;
    }
  }
};

/** Three box passes: close to a Gaussian of sigma = radius (Kovesi, "Fast almost-Gaussian filtering", 2010). */
export const blurField = (field: Float32Array, width: number, height: number, radius: number, line: Float32Array): void => {
  if (radius < 1) return;
  for (let pass = 0; pass < 3; pass++) {
    boxPass(field, height, width, width, 1, radius, line);
    boxPass(field, width, 1, height, width, radius, line);
  }
};
