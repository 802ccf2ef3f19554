import type { CaptureReport } from './capture';
import type { RecorderError } from './errors';
import type { RecordingInfo } from './journal';

export type RecorderState =
  /** `last` is the recording that has just ended well, if any. */
  | { readonly kind: 'idle'; readonly last: RecordingInfo | null }
  /** The browser's prompt is open, or the encoder is being set up. */
  | { readonly kind: 'starting' }
  /**
   * Announced anew, with fresh `info`, for every chunk that is safe on disk. `since` is the epoch time, ms, at which the
   * recording would have begun without its pauses: what has passed since then is what has been recorded. `remainingMs` is
   * how long the disk will do, by the browser's estimate and the rate so far; null if it is not known (yet).
   * `capture` is null where nothing was captured.
   */
  | { readonly kind: 'recording'; readonly info: RecordingInfo; readonly capture: CaptureReport | null; readonly since: number; readonly remainingMs: number | null }
  /** Nothing is recorded until it is resumed. `recordedMs` is what was until now; its last part is on its way to disk. */
  | { readonly kind: 'paused'; readonly info: RecordingInfo; readonly capture: CaptureReport | null; readonly recordedMs: number }
  /** The last chunks are on their way to disk. */
  | { readonly kind: 'stopping'; readonly info: RecordingInfo }
  /** `info` is what was saved before the failure, or null if nothing was recorded. */
  | { readonly kind: 'failed'; readonly error: RecorderError; readonly info: RecordingInfo | null }
  | { readonly kind: 'disposed' };

type Kind = RecorderState['kind'];

const transitions: Readonly<Record<Kind, readonly Kind[]>> = {
  idle: ['starting', 'disposed'],
  starting: ['recording', 'idle', 'failed'],
  recording: ['recording', 'paused', 'stopping'],
  paused: ['paused', 'recording', 'stopping'],
  stopping: ['stopping', 'idle', 'failed'],
  failed: ['starting', 'disposed'],
  disposed: [],
};

export function mayBecome(from: Kind, to: Kind): boolean {
  return transitions[from].includes(to);
}
