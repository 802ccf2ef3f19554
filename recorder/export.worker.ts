import type { StreamTargetChunk } from 'mediabunny';
import { nameOf, RecorderError } from './errors';
import type { FromExport, ToExport } from './export-protocol';
import { Journal, type StoredChunk } from './journal';
import { remux } from './remux';

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

const scope = self as unknown as WorkerScope;
const cancel = new AbortController();

scope.onmessage = ({ data: message }) => {
  if (message.type === 'cancel') cancel.abort();
  else make(message).then((losses) => scope.postMessage({ type: 'done', losses }), (cause: unknown) => {
    const code = nameOf(cause) === 'QuotaExceededError' ? 'quota' : 'encoder';
    const error = RecorderError.from(cause, code, 'The file could not be made');
    scope.postMessage({ type: 'failed', code: error.code, message: error.message });
  });
};

/** One export per worker. Lets go of the file before it settles. */
async function make({ database, id, file }: Extract<ToExport, { type: 'start' }>): Promise<number> {
  const journal = new Journal(database);
  const handle = await (file as unknown as WorkerFileHandle).createSyncAccessHandle();
  try {
    const losses = await remux(reported(journal.read(id, { signal: cancel.signal })), new WritableStream<StreamTargetChunk>({
      write({ data, position }) {
        // A full disk may show in a short write instead of an error.
        if (handle.write(data, { at: position }) < data.byteLength) throw new RecorderError('quota', 'The file could not be written to its end');
      },
    }));
    handle.flush();
    return losses;
  } finally {
    handle.close();
    await journal.close();
  }
}

async function* reported(batches: AsyncIterable<StoredChunk[]>): AsyncGenerator<StoredChunk[], void, undefined> {
  let bytes = 0;
  for await (const batch of batches) {
    yield batch;
    bytes += batch.reduce((sum, { data }) => sum + data.byteLength, 0);
    scope.postMessage({ type: 'progress', bytes });
  }
}
