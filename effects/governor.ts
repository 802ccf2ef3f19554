/** What a frame may cost. */
export interface Effort {
  /** A mask is made for every n-th frame; those between take the last one, fitted to their own picture. */
  readonly maskEvery: number;
  /** Frames leave at half their width and height, which is what the encoder behind us notices most. */
  readonly half: boolean;
}

/** From all to as little as is still worth showing. */
const EFFORTS: readonly [Effort, ...Effort[]] = [
  { maskEvery: 1, half: false },
  { maskEvery: 2, half: false },
  { maskEvery: 3, half: false },
  { maskEvery: 3, half: true },
];
export const FULL_EFFORT = EFFORTS[0];

/** Frames from one decision to the next: a second of an ordinary camera. */
const WINDOW = 30;
/** Shares of a frame's time that we may take, measured as it passes: it grows too when others take the processor. */
const TOO_BUSY = 0.5;
const BUSY = 0.25;
/** Shares of the camera's frames that never came to us. */
const MANY_LOST = 0.1;
const FEW_LOST = 0.04;
/** Windows without trouble before more is tried; doubled each time that more was too much. */
const CALM = 5;
const MOST_CALM = 80;
/** Trouble within so many windows after a rise was caused by it. */
const PROBATION = 3;

/** What a window under critical pressure counts in the mean of windows: three in a row are enough, {@link SQUEEZED}. */
const PRESSURE_SHARE = 0.3;
const SQUEEZED = 0.65;
/** Some seven windows without it. */
const RELIEVED = 0.1;
/** While others want the whole processor we take less of it, though we could keep up. */
const SQUEEZED_LEVEL = 1;

/**
 * Lowers the effort while the machine cannot keep up, and raises it again once it can: first the rate of masks, then the
 * size of the picture. One per camera.
 */
export class Governor {
  #level = 0;
  #frames = 0;
  #busyMs = 0;
  #first = 0;
  #last = 0;
  readonly #gaps = new Float64Array(WINDOW);
  #calmWindows = 0;
  #patience = CALM;
  #sinceRise = Infinity;
  readonly #isPressed: () => boolean;
  #pressure = 0;
  #squeezed = false;

  /** @param isPressed whether the whole machine is short of processor at this moment, as {@link MachinePressure} tells */
  constructor(isPressed: () => boolean = () => false) {
    this.#isPressed = isPressed;
  }

  get effort(): Effort {
    return EFFORTS[this.#squeezed ? Math.max(this.#level, SQUEEZED_LEVEL) : this.#level] ?? FULL_EFFORT;
  }

  /**
   * To be told of every frame that an effect was made on.
   *
   * @param timestamp of the frame, in microseconds
   * @param busyMs from taking it to having the result
   */
  note(timestamp: number, busyMs: number): void {
    const gap = timestamp - this.#last;
    this.#last = timestamp;
    // The first frame, another camera's clock, or the effect was off for a while.
    if (this.#frames === 0 || gap <= 0 || gap > 1e6) {
      this.#frames = 1;
      this.#busyMs = 0;
      this.#first = timestamp;
      return;
    }
    this.#gaps[this.#frames - 1] = gap;
    this.#busyMs += busyMs;
    if (this.#frames++ < WINDOW) return;
    const span = timestamp - this.#first;
    // Not the mean, which grows with every lost frame, and not the least, which is jitter.
    const period = this.#gaps.sort()[Math.floor(WINDOW / 5)] ?? 0;
    this.#decide((this.#busyMs * 1000) / (WINDOW * period), 1 - (WINDOW * period) / span);
    this.#frames = 1;
    this.#busyMs = 0;
    this.#first = timestamp;
  }

  #decide(busy: number, lost: number): void {
    this.#pressure += PRESSURE_SHARE * ((this.#isPressed() ? 1 : 0) - this.#pressure);
    this.#squeezed = this.#pressure > (this.#squeezed ? RELIEVED : SQUEEZED);
    this.#sinceRise++;
    // Frames that are lost while we do little are lost by the camera: a room gone dark, a slow bus.
    if (busy > TOO_BUSY || (lost > MANY_LOST && busy > BUSY)) {
      this.#calmWindows = 0;
      if (this.#level === EFFORTS.length - 1) return;
      this.#level++;
      if (this.#sinceRise <= PROBATION) this.#patience = Math.min(2 * this.#patience, MOST_CALM);
      return;
    }
    this.#calmWindows = busy < BUSY && lost < FEW_LOST ? this.#calmWindows + 1 : 0;
    if (this.#calmWindows < this.#patience) return;
    this.#calmWindows = 0;
    if (this.#level > 0) {
      this.#level--;
      this.#sinceRise = 0;
    } else this.#patience = CALM;
  }
}

/** The part of https://www.w3.org/TR/compute-pressure/ used here; TypeScript has no types of it. */
interface PressureObserver {
  observe(source: 'cpu', options: { sampleInterval: number }): Promise<void>;
  disconnect(): void;
}
type PressureObserverConstructor = new (onRecords: (records: readonly { readonly state: 'nominal' | 'fair' | 'serious' | 'critical' }[]) => void) => PressureObserver;

/** How short the whole machine is of processor, where the browser tells (Chromium); never short where it does not. */
export class MachinePressure {
  isCritical = false;
  readonly #observer: PressureObserver | undefined;

  constructor() {
    const { PressureObserver: Observer } = globalThis as { PressureObserver?: PressureObserverConstructor };
    this.#observer = Observer && new Observer((records) => {
      this.isCritical = records.at(-1)?.state === 'critical';
    });
    this.#observer?.observe('cpu', { sampleInterval: 1000 }).catch(() => undefined); // a policy may refuse: nothing is told then
  }

  close(): void {
    this.#observer?.disconnect();
  }
}
