import type { RecorderErrorCode } from './errors';

/** To the export worker. `file` is empty and the worker's alone until it answers `done` or `failed`. */
export type ToExport =
  | { readonly type: 'start'; readonly database: string; readonly id: string; readonly file: FileSystemFileHandle }
  | { readonly type: 'cancel' };

export type FromExport =
  /** Bytes of the journal read so far. */
  | { readonly type: 'progress'; readonly bytes: number }
  /** `losses`: how many parts of the recording were missing or damaged and are not in the file. */
  | { readonly type: 'done'; readonly losses: number }
  | { readonly type: 'failed'; readonly code: RecorderErrorCode; readonly message: string };
