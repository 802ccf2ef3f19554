import type { RecorderErrorCode } from './errors';

/**
 * - `webm`, `mp4`: picture and sound, as they were encoded.
 * - `sound`: the sound alone.
 * - `stems`: a zip with one file per participant, aligned, and the chapters.
 */
export type ExportFormat = 'webm' | 'mp4' | 'sound' | 'stems';

/** To the export worker. `file` is empty, or the user agreed to replace it; it is the worker's alone until it answers `done` or `failed`. */
export type ToExport =
  | {
    readonly type: 'start';
    readonly database: string;
    readonly id: string;
    readonly format: ExportFormat;
    /** Null if the recording is not encrypted. */
    readonly key: CryptoKey | null;
    readonly file: FileSystemFileHandle;
    /** `private`: a file of this site, which only this worker sees. `chosen`: the user's; it appears when it is whole. */
    readonly place: 'private' | 'chosen';
  }
  | { readonly type: 'cancel' }
  /** Answers `ready`: nobody cancelled while the page had still to hear of the last progress. */
  | { readonly type: 'finish' };

export type FromExport =
  /** How much is done, 0 to 1. */
  | { readonly type: 'progress'; readonly share: number }
  /** All is written; the file is finished when the page says so, and given up if it cancels. */
  | { readonly type: 'ready' }
  /** `losses`: how many parts of the recording were missing or damaged and are not in the file. */
  | { readonly type: 'done'; readonly losses: number }
  | { readonly type: 'failed'; readonly code: RecorderErrorCode; readonly message: string };
