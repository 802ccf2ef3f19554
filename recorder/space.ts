import type { RecordingInfo } from './journal';

/** How often the browser is asked. In between its answer goes stale by what we write, and that we count ourselves. */
const ASK_MS = 60_000;
/** How much of a recording tells its rate: an encoder begins with more than it goes on with. */
const TELLING_MS = 10_000;

/** What the browser said: how many bytes were free when the recording had so many. */
export interface Room {
  readonly free: number;
  readonly bytes: number;
}

/**
 * How long a recording can go on, ms, at the rate it had so far.
 * @param expected the rate until that is known, bytes per ms
 */
export function remainingMs(room: Room, { bytes, durationMs }: Pick<RecordingInfo, 'bytes' | 'durationMs'>, expected: number): number {
  const rate = durationMs < TELLING_MS || bytes === 0 ? expected : bytes / durationMs;
  return Math.max(0, room.free - (bytes - room.bytes)) / rate;
}

/** Follows one recording's room on the disk. Knows nothing where the browser does not say. */
export class SpaceWatch {
  #room: Room | null = null;
  #askedAt = -Infinity;

  /** @param expected bytes per ms, until the recording shows its own rate */
  constructor(private readonly expected: number) {}

  /** Asks the browser if its last answer is old. Resolves to true if there is a new one. Never rejects. */
  async refresh(bytes: number): Promise<boolean> {
    if (performance.now() - this.#askedAt < ASK_MS) return false;
    this.#askedAt = performance.now();
    try {
      const { quota, usage } = await navigator.storage.estimate();
      if (quota === undefined || usage === undefined) return false;
      this.#room = { free: quota - usage, bytes };
      return true;
    } catch {
      return false; // the end of the room will be told by the journal
    }
  }

  /** Null where it is not known. */
  remainingMs(info: RecordingInfo): number | null {
    return this.#room === null ? null : remainingMs(this.#room, info, this.expected);
  }
}
