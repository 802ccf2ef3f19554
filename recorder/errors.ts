/**
 * - `denied`: the user (or the operating system, or the frame's policy) refused the capture.
 * - `aborted`: the caller's `AbortSignal` fired.
 * - `unsupported`: this browser lacks something a recording needs.
 * - `capture`: the capture failed, or ended before the first frame was encoded.
 * - `no-audio`: the browser would not let the audio engine run.
 * - `encoder`: the browser's encoder gave up.
 * - `quota`: the disk, or the share of it given to this site, is full.
 * - `storage`: the database could not be opened, read or written.
 * - `busy`: a recording is under way, here or in another tab, that forbids this call.
 * - `not-recording`: there is nothing to pause, resume or stop.
 * - `not-found`: no such recording, or it was removed.
 * - `locked`: it is, or is to be, protected by a passphrase that was not given yet.
 * - `passphrase`: this is not the passphrase.
 * - `disposed`: the recorder was disposed.
 */
export type RecorderErrorCode =
  | 'denied' | 'aborted' | 'unsupported' | 'capture' | 'no-audio' | 'encoder' | 'quota' | 'storage' | 'busy' | 'not-recording' | 'not-found' | 'locked' | 'passphrase' | 'disposed';

const hopeless: ReadonlySet<RecorderErrorCode> = new Set<RecorderErrorCode>(['unsupported', 'not-found', 'disposed']);

/** The only error that leaves this folder. The text is for the log; people are told by `code`. */
export class RecorderError extends Error {
  override readonly name = 'RecorderError';
  /** Whether the same call may succeed when it is made again, by itself or after the user acted. */
  readonly recoverable: boolean;

  constructor(readonly code: RecorderErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.recoverable = !hopeless.has(code);
  }

  /** Passes a RecorderError through and wraps anything else under `code`. */
  static from(cause: unknown, code: RecorderErrorCode, what: string): RecorderError {
    return cause instanceof RecorderError ? cause : new RecorderError(code, `${what}: ${describe(cause)}`, cause);
  }
}

/** The DOMException's name of an error, or ''. */
export function nameOf(error: unknown): string {
  return error instanceof Error || error instanceof DOMException ? error.name : '';
}

/** Throws `aborted` if the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new RecorderError('aborted', 'Aborted by the caller', signal.reason);
}

// An AbortError or a QuotaExceededError often has no message: the name is then all there is.
function describe(cause: unknown): string {
  return cause instanceof Error || cause instanceof DOMException ? `${cause.name} ${cause.message}`.trim() : String(cause);
}
