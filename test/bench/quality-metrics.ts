/** One frame's matte by some treatment, and the truth: coverage 0 to 255, row by row. */
export interface Judged {
  readonly width: number;
  readonly height: number;
  readonly matte: Uint8Array;
  readonly truth: Uint8Array;
  /** 1 where the truth is certain. */
  readonly scored: Uint8Array;
}

/** Means over a clip, in hundredths of full coverage. */
export interface Scores {
  /** Mean absolute error in the band around the true edge. */
  readonly edge: number;
  /** Mean absolute error everywhere. */
  readonly error: number;
  /** Mean squared difference of the gradients' magnitudes in the band (Rhemann et al., "A perceptually motivated online benchmark for image matting", 2009), times ten. */
  readonly gradient: number;
  /** Root mean square of the change from frame to frame that the truth does not make (dtSSD; Erofeev et al., "Perceptually motivated benchmark for video matting", 2015). */
  readonly dtssd: number;
}

/** Collects the scores of one treatment on one clip, frame by frame. */
export class Judge {
  readonly #sums = { edge: 0, error: 0, gradient: 0, dtssd: 0 };
  #frames = 0;
  #last: Judged | undefined;

  add(frame: Judged, band: Uint8Array): void {
    const { matte, truth, scored } = frame;
    let edge = 0;
    let edgeCount = 0;
    let error = 0;
    let count = 0;
    let change = 0;
    for (let i = 0; i < matte.length; i++) {
      if (scored[i] === 0) continue;
      const e = Math.abs(matte[i]! - truth[i]!);
      error += e;
      count++;
      if (band[i] === 1) {
        edge += e;
        edgeCount++;
      }
      if (this.#last) change += (matte[i]! - this.#last.matte[i]! - (truth[i]! - this.#last.truth[i]!)) ** 2;
    }
    this.#sums.edge += edge / edgeCount;
    this.#sums.error += error / count;
    if (this.#last) this.#sums.dtssd += Math.sqrt(change / count);
    this.#sums.gradient += gradientError(frame, band);
    this.#frames++;
    this.#last = frame;
  }

  get scores(): Scores {
    const { edge, error, gradient, dtssd } = this.#sums;
    const n = this.#frames;
    return { edge: edge / n / 2.55, error: error / n / 2.55, gradient: (1000 * gradient) / n / 255 ** 2, dtssd: dtssd / (n - 1) / 2.55 };
  }
}

/** The pixels within 1/72 of the height (10 at 720p) of a partly covered one: 1, elsewhere 0. */
export function edgeBand(truth: Uint8Array, width: number, height: number): Uint8Array {
  const radius = Math.max(3, Math.round(height / 72));
  const spread = (source: Uint8Array, length: number, lines: number, step: number, jump: number): Uint8Array => {
    const target = new Uint8Array(source.length);
    for (let line = 0; line < lines; line++) {
      for (let i = 0, until = -1; i < length + radius; i++) {
        if (i < length && source[line * jump + i * step] === 1) until = i + radius;
        const at = i - radius;
        // Marks up to `radius` after this pixel were met already; the last of them reaches to `until`.
        if (at >= 0 && until >= at) target[line * jump + at * step] = 1;
      }
    }
    return target;
  };
  const partly = truth.map((value) => (value > 5 && value < 250 ? 1 : 0));
  return spread(spread(partly, width, height, 1, width), height, width, width, 1);
}

const KERNEL = Array.from({ length: 9 }, (_, i) => Math.exp(-((i - 4) ** 2) / (2 * 1.4 ** 2)));
const KERNEL_SUM = KERNEL.reduce((a, b) => a + b, 0);
const SMOOTH = KERNEL.map((value) => value / KERNEL_SUM);
/** Derivative of the Gaussian, sigma 1.4. */
const SLOPE = SMOOTH.map((value, i) => (-(i - 4) / 1.4 ** 2) * value);

/** Computed where it counts only: the band is a small part of the picture. */
function gradientError({ width, height, matte, truth, scored }: Judged, band: Uint8Array): number {
  let sum = 0;
  let count = 0;
  const magnitude = (plane: Uint8Array, x: number, y: number): number => {
    let gx = 0;
    let gy = 0;
    for (let dy = -4; dy <= 4; dy++) {
      const row = (y + dy) * width + x;
      let smooth = 0;
      let slope = 0;
      for (let dx = -4; dx <= 4; dx++) {
        const value = plane[row + dx]!;
        smooth += SMOOTH[dx + 4]! * value;
        slope += SLOPE[dx + 4]! * value;
      }
      gx += SMOOTH[dy + 4]! * slope;
      gy += SLOPE[dy + 4]! * smooth;
    }
    return Math.hypot(gx, gy);
  };
  // Every third pixel in both directions: neighbours share nearly all of their windows.
  for (let y = 4; y < height - 4; y += 3) {
    for (let x = 4; x < width - 4; x += 3) {
      const i = y * width + x;
      if (band[i] === 0 || scored[i] === 0) continue;
      sum += (magnitude(matte, x, y) - magnitude(truth, x, y)) ** 2;
      count++;
    }
  }
  return sum / count;
}

/**
 * By how many frames a treatment trails: the delay of the truth at which it fits best, with fractions by a parabola
 * through the errors around the minimum.
 */
export function lagOf(mattes: readonly Uint8Array[], truths: readonly Uint8Array[]): number {
  const most = 5;
  const errors: number[] = [];
  for (let delay = -1; delay <= most; delay++) {
    let sum = 0;
    for (let f = most; f < mattes.length - 1; f++) {
      const matte = mattes[f]!;
      const truth = truths[f - delay]!;
      for (let i = 0; i < matte.length; i += 3) sum += Math.abs(matte[i]! - truth[i]!);
    }
    errors.push(sum);
  }
  const at = errors.indexOf(Math.min(...errors));
  const [before, least, after] = [errors[at - 1], errors[at]!, errors[at + 1]];
  const part = before === undefined || after === undefined ? 0 : (before - after) / (2 * (before + after - 2 * least));
  return Math.max(0, at - 1 + part);
}
