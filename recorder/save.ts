import { nameOf, RecorderError, throwIfAborted } from './errors';
import type { FromExport, ToExport } from './export-protocol';
import type { Journal, RecordingInfo } from './journal';

export interface SaveOptions {
  readonly onProgress?: (progress: { readonly bytes: number; readonly total: number }) => void;
  /** Has no effect once the browser's download has begun. */
  readonly signal?: AbortSignal;
}

const FOLDER = 'greenroom-exports';
/** The end of a download is not told to the page. A gigabyte takes seconds, so by then it is over. */
const KEPT_MS = 15 * 60_000;
const TITLE_LENGTH = 60;

/** `seekable`: it says how long it is and where each moment is, as opposed to the chunks in a row, which only play. */
export interface SavedFile {
  readonly fileName: string;
  readonly bytes: number;
  readonly seekable: boolean;
}

/**
 * Gives the recording to the browser's downloads. It is written into a private file first, chunk by chunk, because a Blob
 * made of gigabytes of chunks is built in memory.
 * @throws RecorderError `aborted`, `storage`, `quota`
 */
export async function saveFile(journal: Journal, info: RecordingInfo, options: SaveOptions): Promise<SavedFile> {
  const fileName = fileNameOf(info);
  const folder = await openFolder({ create: true });
  const seekable = folder === null ? null : await exportToFile(journal, info, folder, options);
  const file = seekable ?? (folder === null ? null : await copyToFile(journal, info, folder, options)) ?? await copyToBlob(journal, info, options);
  download(file, fileName);
  return { fileName, bytes: file.size, seekable: seekable !== null };
}

/** "Title 2026-11-20 21-45.webm", in local time, with nothing in it that a file system or a reader could trip over. */
export function fileNameOf({ title, startedAt, mimeType }: Pick<RecordingInfo, 'title' | 'startedAt' | 'mimeType'>): string {
  const words = title
    .normalize('NFC')
    // What some file system reserves, control characters, and those that turn the direction of reading. Joiners stay:
    // Persian and emoji need them.
    // eslint-disable-next-line no-control-regex
    .replace(/[\\/:*?"<>|\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]+/g, ' ')
    .replace(/\s+/g, ' ')
    .replace(/^[.\s]+/, '');
  const short = Array.from(words).slice(0, TITLE_LENGTH).join('').trim();
  const date = new Date(startedAt);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const extension = mimeType.startsWith('video/mp4') ? 'mp4' : 'webm';
  return `${short === '' ? 'Recording' : short} ${day} ${two(date.getHours())}-${two(date.getMinutes())}.${extension}`;
}

/** Deletes the copies that earlier downloads were made of. Never rejects. */
export async function sweepExports(): Promise<void> {
  await openFolder({ create: false });
}

/**
 * Sweeps as well, since no later moment is sure to come. Null where the browser has no private files, or none that the
 * page itself can write (Safari before 26).
 */
async function openFolder(options: { create: boolean }): Promise<FileSystemDirectoryHandle | null> {
  if (typeof FileSystemFileHandle === 'undefined' || !('createWritable' in FileSystemFileHandle.prototype)) return null;
  try {
    const root = await navigator.storage.getDirectory();
    const folder = await root.getDirectoryHandle(FOLDER, options);
    await sweep(folder);
    return folder;
  } catch {
    return null; // no folder to sweep, or a private window that refuses
  }
}

/** Null, with a line in the log, if it cannot be done: the chunks in a row still make a file that plays. */
async function exportToFile(journal: Journal, info: RecordingInfo, folder: FileSystemDirectoryHandle, options: SaveOptions): Promise<File | null> {
  // Fragmented MP4, which Safari records, plays and seeks as it is.
  if (!info.mimeType.startsWith('video/webm')) return null;
  try {
    return await inNewFile(folder, async (file) => {
      const losses = await runExport({ type: 'start', database: journal.name, id: info.id, file }, info.bytes, options);
      throwIfAborted(options.signal); // it may have come when the worker had read the last chunk
      if (losses > 0) console.warn(`[greenroom] recording ${info.id}: ${losses} damaged part(s) are not in the file`);
    });
  } catch (error) {
    if (error instanceof RecorderError && error.code === 'aborted') throw error;
    console.warn(`[greenroom] recording ${info.id} is saved as it was written, without a duration and an index:`, error);
    return null;
  }
}

/** Resolves when the file is whole and nobody holds it any more, with the number of parts that are not in it. */
function runExport(start: ToExport, total: number, { onProgress, signal }: SaveOptions): Promise<number> {
  throwIfAborted(signal);
  const worker = new Worker(/* webpackChunkName: "recorder-export" */ new URL('./export.worker.ts', import.meta.url));
  const post = (message: ToExport): void => worker.postMessage(message);
  const cancel = (): void => post({ type: 'cancel' });
  signal?.addEventListener('abort', cancel);
  return new Promise<number>((resolve, reject) => {
    worker.onmessage = ({ data: message }: MessageEvent<FromExport>) => {
      if (message.type === 'progress') onProgress?.({ bytes: message.bytes, total: Math.max(total, message.bytes) });
      else if (message.type === 'done') resolve(message.losses);
      else reject(new RecorderError(message.code, message.message));
    };
    worker.onerror = (event) => {
      event.preventDefault(); // logged by us, once, with what it means
      reject(new RecorderError('unsupported', event.message || 'The export worker could not be loaded'));
    };
    post(start);
  }).finally(() => {
    signal?.removeEventListener('abort', cancel);
    worker.terminate();
  });
}

/** Null if the disk or the site's quota has no room for a second copy: a full disk is when a recording must be saved. */
async function copyToFile(journal: Journal, info: RecordingInfo, folder: FileSystemDirectoryHandle, options: SaveOptions): Promise<File | null> {
  try {
    return await inNewFile(folder, async (handle) => {
      const writable = await handle.createWritable();
      try {
        await copy(journal, info, options, (data) => writable.write(data));
        await writable.close();
      } catch (error) {
        await writable.abort().catch(() => undefined);
        throw error;
      }
    });
  } catch (error) {
    if (error instanceof RecorderError) throw error;
    if (nameOf(error) === 'QuotaExceededError') return null;
    throw RecorderError.from(error, 'storage', 'The file could not be written');
  }
}

/** Removes the file again if `write` fails. */
async function inNewFile(folder: FileSystemDirectoryHandle, write: (file: FileSystemFileHandle) => Promise<void>): Promise<File> {
  const name = crypto.randomUUID();
  try {
    const handle = await folder.getFileHandle(name, { create: true });
    await write(handle);
    return await handle.getFile();
  } catch (error) {
    await folder.removeEntry(name).catch(() => undefined);
    throw error;
  }
}

async function copyToBlob(journal: Journal, info: RecordingInfo, options: SaveOptions): Promise<Blob> {
  const parts: Blob[] = [];
  // A Blob per chunk rather than the buffers themselves: the browser may move Blobs out of memory.
  await copy(journal, info, options, (data) => Promise.resolve(void parts.push(new Blob([data]))));
  return new Blob(parts, { type: info.mimeType });
}

async function copy(journal: Journal, info: RecordingInfo, { onProgress, signal }: SaveOptions, write: (data: ArrayBuffer) => Promise<void>): Promise<void> {
  let bytes = 0;
  for await (const batch of journal.read(info.id, { signal })) {
    for (const { data } of batch) {
      await write(data);
      bytes += data.byteLength;
    }
    onProgress?.({ bytes, total: Math.max(info.bytes, bytes) });
  }
  throwIfAborted(signal);
}

function download(file: Blob, fileName: string): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = url;
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
}

async function sweep(folder: FileSystemDirectoryHandle): Promise<void> {
  for await (const [name, handle] of folder.entries()) {
    try {
      const { lastModified } = await (handle as FileSystemFileHandle).getFile();
      if (lastModified < Date.now() - KEPT_MS) await folder.removeEntry(name);
    } catch { /* another tab is writing it */ }
  }
}
