import type { StreamTargetChunk } from 'mediabunny';
import { chaptersOf } from './chapters';
import { nameOf, RecorderError, throwIfAborted } from './errors';
import type { FromExport, ToExport } from './export-protocol';
import { Journal, type Contents, type StoredChunk, type StoredTake } from './journal';
import { entryNames } from './formats';
import { remux, soundStartMs, type RemuxOptions, type Take } from './remux';
import { zip, type Entry } from './zip';

/** The part of DedicatedWorkerGlobalScope used here; the DOM and worker type libraries exclude each other. */
interface WorkerScope {
  postMessage(message: FromExport): void;
  onmessage: ((event: MessageEvent<ToExport>) => void) | null;
}

/** The same for files: only workers have it. Every call returns when the operating system has the data. */
interface SyncAccessHandle {
  write(data: Uint8Array, options: { at: number }): number;
  flush(): void;
  close(): void;
}
interface WorkerFileHandle { createSyncAccessHandle(): Promise<SyncAccessHandle> }

/** Where the file goes. Exactly one of `finish` and `abandon` is called. */
interface Destination {
  write(data: Uint8Array, position: number): Promise<void> | void;
  finish(): Promise<void> | void;
  abandon(): Promise<void> | void;
}

type Start = Extract<ToExport, { type: 'start' }>;

const scope = self as unknown as WorkerScope;
const cancel = new AbortController();
let mayFinish: () => void = () => undefined;

scope.onmessage = ({ data: message }) => {
  if (message.type === 'cancel') cancel.abort();
  else if (message.type === 'finish') mayFinish();
  else make(message).then((losses) => scope.postMessage({ type: 'done', losses }), (cause: unknown) => {
    const code = nameOf(cause) === 'QuotaExceededError' ? 'quota' : 'encoder';
    const error = RecorderError.from(cause, code, 'The file could not be made');
    scope.postMessage({ type: 'failed', code: error.code, message: error.message });
  });
};

/** One export per worker. Lets go of the file before it settles. */
async function make(start: Start): Promise<number> {
  const journal = new Journal(start.database);
  try {
    const contents = await journal.contents(start.id, start.key);
    const destination = start.place === 'private' ? await privateFile(start.file) : await chosenFile(start.file);
    try {
      const losses = start.format === 'stems' ? await writeStems(journal, start, contents, destination) : await writeMix(journal, start, contents, destination);
      await permission();
      await destination.finish();
      return losses;
    } catch (error) {
      await destination.abandon();
      throw error;
    }
  } finally {
    await journal.close();
  }
}

/** @throws RecorderError `aborted` */
async function permission(): Promise<void> {
  await new Promise<void>((resolve) => {
    mayFinish = resolve;
    cancel.signal.addEventListener('abort', () => resolve());
    scope.postMessage({ type: 'ready' });
  });
  throwIfAborted(cancel.signal);
}

function writeMix(journal: Journal, start: Start, { mix }: Contents, destination: Destination): Promise<number> {
  const progress = progressOver(mix, 1);
  const options: RemuxOptions = { container: start.format === 'mp4' ? 'mp4' : 'webm', soundOnly: start.format === 'sound' };
  return remux(takesOf(journal, start, mix, progress), new WritableStream<StreamTargetChunk>({ write: ({ data, position }) => destination.write(data, position) }), options);
}

/** A stem of which nothing can be read is an empty file: the others are wanted all the same. */
async function writeStems(journal: Journal, start: Start, { mix, stems, markers, durationMs }: Contents, destination: Destination): Promise<number> {
  if (stems.length === 0) throw new RecorderError('encoder', 'The recording has no stems');
  const progress = progressOver(stems.flatMap(({ takes }) => takes), 2);
  let losses = 0;
  // A stem's sound is as late after its start as the mix's is after its own. The mix's file begins with its first picture
  // if that is there before the sound, and players show it so: a stem's begins with its sound.
  const late: { startMs: number; ms: number }[] = [];
  for (const take of takesOf(journal, start, mix, () => undefined)) late.push({ startMs: take.startMs, ms: await soundStartMs(take) });
  const laid = <T extends { startMs: number }>(take: T): T => ({ ...take, startMs: take.startMs + (late.filter(({ startMs }) => startMs <= take.startMs).at(-1)?.ms ?? 0) });
  const names = entryNames(stems.map(({ name }) => name));
  const entries: Entry[] = stems.map(({ takes }, index) => ({
    name: names[index] ?? `${index + 1}.webm`,
    content: async (writable) => {
      losses += await remux(takesOf(journal, start, takes.map(laid), progress), writable, { fromZero: true }).catch((error: unknown) => {
        if (error instanceof RecorderError && error.code === 'encoder') return 1;
        throw error;
      });
    },
  }));
  if (markers.length > 0) entries.push({ name: 'chapters.vtt', content: chaptersOf(markers, durationMs) });
  let position = 0;
  for await (const data of zip(entries, new Date())) {
    await destination.write(data, position);
    position += data.length;
  }
  return losses / 2; // each is made twice
}

function takesOf(journal: Journal, { id, key }: Start, takes: readonly Required<StoredTake>[], progress: (chunks: number) => void): Take[] {
  return takes.map((take) => ({ startMs: take.startMs, first: take.from, chunks: counted(journal.read(id, { key, take, signal: cancel.signal }), progress) }));
}

async function* counted(batches: AsyncIterable<StoredChunk[]>, progress: (chunks: number) => void): AsyncGenerator<StoredChunk[], void, undefined> {
  for await (const batch of batches) {
    yield batch;
    progress(batch.length);
  }
}

/** @param times how often each is read */
function progressOver(takes: readonly Required<StoredTake>[], times: number): (chunks: number) => void {
  const total = takes.reduce((sum, { from, until }) => sum + until - from, 0) * times;
  let done = 0;
  return (chunks) => {
    done += chunks;
    scope.postMessage({ type: 'progress', share: Math.min(1, done / Math.max(1, total)) });
  };
}

async function privateFile(file: FileSystemFileHandle): Promise<Destination> {
  const handle = await (file as unknown as WorkerFileHandle).createSyncAccessHandle();
  return {
    write(data, position) {
      // A full disk may show in a short write instead of an error.
      if (handle.write(data, { at: position }) < data.byteLength) throw new RecorderError('quota', 'The file could not be written to its end');
    },
    finish() {
      handle.flush();
      handle.close();
    },
    abandon: () => handle.close(),
  };
}

/** Written beside the user's file, which it becomes when it is whole. */
async function chosenFile(file: FileSystemFileHandle): Promise<Destination> {
  const stream = await file.createWritable();
  return {
    write: (data, position) => stream.write({ type: 'write', data: data as Uint8Array<ArrayBuffer>, position }),
    finish: () => stream.close(),
    abandon: () => stream.abort().catch(() => undefined),
  };
}
