import { nameOf, RecorderError, throwIfAborted } from './errors';
import { chaptersOf } from './chapters';
import type { ExportFormat, FromExport, ToExport } from './export-protocol';
import type { Journal, RecordingInfo } from './journal';
import { fileNameOf, formatsOf, type SaveFormat } from './formats';

export interface SaveOptions {
  /** Default `webm`. Ask `formatsOf` what a recording can become. */
  readonly format?: SaveFormat;
  /** Lets the user choose where the file goes, where the browser can; call it in the handler of a click. Default false: downloads. */
  readonly choose?: boolean;
  readonly onProgress?: (progress: { readonly bytes: number; readonly total: number }) => void;
  /** Has no effect once the browser's download has begun. */
  readonly signal?: AbortSignal;
}

const FOLDER = 'greenroom-exports';
/** The end of a download is not told to the page. A gigabyte takes seconds, so by then it is over. */
const KEPT_MS = 15 * 60_000;

/** `seekable`: it says how long it is and where each moment is, as opposed to the chunks in a row, which only play. */
export interface SavedFile {
  readonly fileName: string;
  readonly bytes: number;
  readonly seekable: boolean;
}

/** Chromium's, which the DOM typings do not know yet. */
type SaveFilePicker = (options: { suggestedName: string; types: { accept: Record<string, string[]> }[] }) => Promise<FileSystemFileHandle & { remove?(): Promise<void> }>;

/**
 * Gives the recording to the browser's downloads, or writes it where the user chose. A download is written into a private
 * file first, chunk by chunk, because a Blob made of gigabytes of chunks is built in memory.
 * @throws RecorderError `aborted`, `locked`, `storage`, `quota`, `unsupported` (not in this format), `encoder`
 */
export async function saveFile(journal: Journal, info: RecordingInfo, options: SaveOptions): Promise<SavedFile> {
  throwIfAborted(options.signal);
  const { format = 'webm' } = options;
  if (info.locked) throw new RecorderError('locked', 'This recording is protected by a passphrase');
  if (!formatsOf(info).includes(format)) throw new RecorderError('unsupported', `This recording cannot be saved as ${format}`);
  const fileName = fileNameOf(info, format);
  if (format === 'chapters') {
    const file = new Blob([chaptersOf(info.markers, info.durationMs)], { type: 'text/vtt' });
    download(file, fileName);
    return { fileName, bytes: file.size, seekable: false };
  }
  // Asked for at once: the browser allows it for some seconds after a click.
  const chosen = options.choose === true && canBeMadeAnew(info, format) ? await chooseFile(fileName) : null;
  const key = await journal.keyOf(info.id);
  const source: Source = { journal, info, format, key, options };
  if (chosen !== null) return { fileName: chosen.name, bytes: await exportToChosen(chosen, source), seekable: true };

  const folder = await openFolder({ create: true });
  const seekable = folder === null ? null : await exportToFile(folder, source);
  if (seekable === null && format !== 'webm') throw new RecorderError('unsupported', `This browser cannot make a file in this format: ${format}`);
  const file = seekable ?? (folder === null ? null : await copyToFile(folder, source)) ?? await copyToBlob(source);
  download(file, fileName);
  return { fileName, bytes: file.size, seekable: seekable !== null };
}

interface Source {
  readonly journal: Journal;
  readonly info: RecordingInfo;
  readonly format: ExportFormat;
  readonly key: CryptoKey | null;
  readonly options: SaveOptions;
}

/** Fragmented MP4, which Safari records, plays and seeks as it is. */
const canBeMadeAnew = ({ mimeType }: RecordingInfo, format: ExportFormat): boolean => format === 'stems' || /^(video|audio)\/webm/.test(mimeType);

/** Whether this browser lets people choose where a file goes; in a frame of another site it may still refuse. */
export function canChooseFile(): boolean {
  return 'showSaveFilePicker' in globalThis;
}

/** Null where the browser cannot, or does not now: downloads are always there. */
async function chooseFile(fileName: string): Promise<Awaited<ReturnType<SaveFilePicker>> | null> {
  const { showSaveFilePicker } = globalThis as { showSaveFilePicker?: SaveFilePicker };
  if (showSaveFilePicker === undefined) return null;
  const extension = fileName.slice(fileName.lastIndexOf('.'));
  try {
    return await showSaveFilePicker({ suggestedName: fileName, types: [{ accept: { [mediaTypes[extension] ?? 'video/webm']: [extension] } }] });
  } catch (error) {
    if (nameOf(error) === 'AbortError') throw new RecorderError('aborted', 'No file was chosen', error);
    return null; // in a frame of another site, or too long after the click
  }
}

const mediaTypes: Readonly<Record<string, string>> = { '.webm': 'video/webm', '.mp4': 'video/mp4', '.zip': 'application/zip' };

/** @returns its size, bytes */
async function exportToChosen(file: FileSystemFileHandle & { remove?(): Promise<void> }, source: Source): Promise<number> {
  const isNew = (await file.getFile()).size === 0;
  try {
    await runExport(file, 'chosen', source);
    return (await file.getFile()).size;
  } catch (error) {
    // The browser made an empty one when it was chosen. One that was there before is as it was.
    if (isNew) await file.remove?.().catch(() => undefined);
    throw RecorderError.from(error, 'storage', 'The file could not be written');
  }
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
async function exportToFile(folder: FileSystemDirectoryHandle, source: Source): Promise<File | null> {
  const { info, format } = source;
  if (!canBeMadeAnew(info, format)) return null;
  try {
    return await inNewFile(folder, (file) => runExport(file, 'private', source));
  } catch (error) {
    const hopeless = error instanceof RecorderError && error.code === 'aborted';
    if (hopeless || format !== 'webm') throw RecorderError.from(error, nameOf(error) === 'QuotaExceededError' ? 'quota' : 'storage', 'The file could not be made');
    console.warn(`[greenroom] recording ${info.id} is saved as it was written, without a duration and an index:`, error);
    return null;
  }
}

/** Resolves when the file is whole and nobody holds it any more. */
async function runExport(file: FileSystemFileHandle, place: 'private' | 'chosen', { journal, info, format, key, options: { onProgress, signal } }: Source): Promise<void> {
  throwIfAborted(signal);
  const worker = new Worker(/* webpackChunkName: "recorder-export" */ new URL('./export.worker.ts', import.meta.url));
  const post = (message: ToExport): void => worker.postMessage(message);
  const cancel = (): void => post({ type: 'cancel' });
  signal?.addEventListener('abort', cancel);
  const losses = await new Promise<number>((resolve, reject) => {
    worker.onmessage = ({ data: message }: MessageEvent<FromExport>) => {
      if (message.type === 'progress') onProgress?.({ bytes: Math.round(message.share * info.bytes), total: info.bytes });
      else if (message.type === 'ready') post({ type: 'finish' });
      else if (message.type === 'done') resolve(message.losses);
      else reject(new RecorderError(message.code, message.message));
    };
    worker.onerror = (event) => {
      event.preventDefault(); // logged by us, once, with what it means
      reject(new RecorderError('unsupported', event.message || 'The export worker could not be loaded'));
    };
    post({ type: 'start', database: journal.name, id: info.id, format, key, file, place });
  }).finally(() => {
    signal?.removeEventListener('abort', cancel);
    worker.terminate();
  });
  if (losses > 0) console.warn(`[greenroom] recording ${info.id}: ${losses} damaged part(s) are not in the file`);
}

/** Null if the disk or the site's quota has no room for a second copy: a full disk is when a recording must be saved. */
async function copyToFile(folder: FileSystemDirectoryHandle, source: Source): Promise<File | null> {
  try {
    return await inNewFile(folder, async (handle) => {
      const writable = await handle.createWritable();
      try {
        await copy(source, (data) => writable.write(data));
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

async function copyToBlob(source: Source): Promise<Blob> {
  const parts: Blob[] = [];
  // A Blob per chunk rather than the buffers themselves: the browser may move Blobs out of memory.
  await copy(source, (data) => Promise.resolve(void parts.push(new Blob([data]))));
  return new Blob(parts, { type: source.info.mimeType });
}

async function copy({ journal, info, key, options: { onProgress, signal } }: Source, write: (data: ArrayBuffer) => Promise<void>): Promise<void> {
  let bytes = 0;
  for await (const batch of journal.read(info.id, { key, signal })) {
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
