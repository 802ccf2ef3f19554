import { openDB, type DBSchema, type IDBPDatabase, type IDBPTransaction } from 'idb';
import { heldLocks, holdLock, withFreeLock } from './alive';
import { nameOf, RecorderError, throwIfAborted } from './errors';

/** What a recording was made of. */
type RecordingSource = 'tab' | 'room' | 'sound' | 'self';

/** Somebody who was in the meeting. Times are ms since the start of the recording, without its pauses. */
interface Participant {
  readonly id: string;
  readonly name: string;
  readonly joinedMs: number;
  /** Null: was there to the end. */
  readonly leftMs: number | null;
}

interface Marker {
  /** Since the start of the recording, without its pauses, ms. */
  readonly atMs: number;
  readonly label: string;
}

/** A file of its own beside the mix. Somebody who left and came back is a further stem. */
interface Stem {
  /** Stems of one participant become one file. */
  readonly participant: string;
  readonly name: string;
  readonly mimeType: string;
  /** Where it begins on the recording's clock, ms. */
  readonly startMs: number;
}

/** What tells who met about what. */
interface RecordingDetails {
  readonly title: string;
  readonly source: RecordingSource;
  readonly participants: readonly Participant[];
  readonly markers: readonly Marker[];
  /** Numbered from 1 in the order given: 0 is the mix. */
  readonly stems: readonly Stem[];
}

export interface RecordingInfo extends RecordingDetails {
  readonly id: string;
  /** Epoch, ms. */
  readonly startedAt: number;
  /** What is safe on disk, ms. */
  readonly durationMs: number;
  /** What is safe on disk. */
  readonly bytes: number;
  readonly mimeType: string;
  /** `interrupted`: it never came to its end, because of a crash, a closed tab or a full disk. What is there can be saved. */
  readonly state: 'recording' | 'complete' | 'interrupted';
}

/** A recording as it is begun; the rest of its details comes with time. */
export type NewRecording = Pick<RecordingInfo, 'title' | 'startedAt' | 'mimeType'> & Partial<RecordingDetails>;

interface Row {
  id: string;
  title: string;
  /** Absent in recordings of the first releases. */
  details?: Omit<RecordingDetails, 'title'>;
  startedAt: number;
  mimeType: string;
  /** Counted when chunks are written: quota estimates are not to be trusted, and reading chunks to count them is slow. */
  durationMs: number;
  bytes: number;
  chunks: number;
  complete: boolean;
  /** Epoch, ms; null unless the user removed it and may still change their mind. */
  removedAt: number | null;
}

/** A chunk as it is read. A number that is skipped is a chunk that was lost. */
export interface StoredChunk {
  /** From 0. */
  readonly sequence: number;
  readonly data: ArrayBuffer;
}

interface Chunk {
  data: ArrayBuffer;
  /** Its end, ms since the start. */
  at: number;
}

interface Schema extends DBSchema {
  recordings: { key: string; value: Row };
  /** Key: [recording, sequence number from 0]. An ArrayBuffer, because Chromium fails on many Blobs written in a row. */
  chunks: { key: [string, number]; value: Chunk };
}

type Database = IDBPDatabase<Schema>;

const NOTHING_KNOWN: Omit<RecordingDetails, 'title'> = { source: 'tab', participants: [], markers: [], stems: [] };

const VERSION = 1;
/** Chunks of about a second, so some megabytes at a time. */
const READ_AHEAD = 16;

/**
 * Recordings and their chunks on disk: after any crash, what is in here suffices to make the file. The database is opened
 * on first use and again after the browser closed it.
 * @throws RecorderError `storage` or `quota`, from every method
 */
export class Journal {
  #database: Promise<Database> | null = null;
  #writers = 0;
  #outdated = false;

  constructor(readonly name: string) {}

  /** Creates an empty recording that is alive until the writer is closed. */
  async create({ title, startedAt, mimeType, ...details }: NewRecording): Promise<JournalWriter> {
    const row: Row = { title, startedAt, mimeType, details: { ...NOTHING_KNOWN, ...details }, id: crypto.randomUUID(), durationMs: 0, bytes: 0, chunks: 0, complete: false, removedAt: null };
    // The lock comes first: a row without one would look like a crash to another tab.
    const release = await storage(holdLock(this.#lock(row.id)), 'The recording could not be locked');
    try {
      await this.#write((tx) => void tx.objectStore('recordings').add(row));
    } catch (error) {
      release();
      throw error;
    }
    this.#writers++;
    return new JournalWriter(row, (work) => this.#write(work), () => {
      release();
      this.#writers--;
      if (this.#outdated && this.#writers === 0) void this.close();
    });
  }

  /** Newest first, without the removed ones. */
  async list(): Promise<RecordingInfo[]> {
    // Asked before and after, because a recording may begin or end in another tab between the two questions.
    const before = await storage(heldLocks(), 'The locks could not be read');
    const rows = await this.#read((database) => database.getAll('recordings'));
    const after = await storage(heldLocks(), 'The locks could not be read');
    return rows
      .map((row) => ({ row, alive: before.has(this.#lock(row.id)) || after.has(this.#lock(row.id)) }))
      .filter(({ row, alive }) => row.removedAt === null && (alive || row.chunks > 0))
      .map(({ row, alive }) => infoOf(row, alive))
      .sort((a, b) => b.startedAt - a.startedAt);
  }

  /** @throws RecorderError `not-found` */
  async get(id: string): Promise<RecordingInfo> {
    const found = (await this.list()).find((info) => info.id === id);
    if (found === undefined) throw new RecorderError('not-found', `No recording ${id}`);
    return found;
  }

  /** The data in order, a few chunks at a time; never the whole recording in memory. */
  async *read(id: string, signal?: AbortSignal): AsyncGenerator<StoredChunk[], void, undefined> {
    let next = 0;
    for (;;) {
      throwIfAborted(signal);
      const range = IDBKeyRange.bound([id, next], [id, Infinity]);
      const [keys, chunks] = await this.#read((database) => {
        const { store } = database.transaction('chunks');
        return Promise.all([store.getAllKeys(range, READ_AHEAD), store.getAll(range, READ_AHEAD)]);
      });
      const batch = chunks.map(({ data }, index) => ({ sequence: keys[index]?.[1] ?? next + index, data }));
      const last = batch.at(-1);
      if (last === undefined) return;
      next = last.sequence + 1;
      yield batch;
    }
  }

  /**
   * Hides the recording; `purge` deletes it later.
   * @throws RecorderError `not-found`, `busy` (it is being recorded)
   */
  async remove(id: string, now: number): Promise<void> {
    const free = await withFreeLock(this.#lock(id), () => this.#mark(id, now));
    if (!free) throw new RecorderError('busy', 'A recording cannot be removed while it is running');
  }

  /** @throws RecorderError `not-found` once it was purged */
  async restore(id: string): Promise<void> {
    await this.#mark(id, null);
  }

  /** Deletes for good what was removed at or before the given time, and what died before its first chunk. */
  async purge(removedBefore: number): Promise<void> {
    const isWaste = (row: Row): boolean => (row.removedAt === null ? row.chunks === 0 : row.removedAt <= removedBefore);
    const rows = await this.#read((database) => database.getAll('recordings'));
    for (const { id } of rows.filter(isWaste)) {
      // With the lock free no one is writing it; inside the transaction no one is restoring it.
      await withFreeLock(this.#lock(id), () => this.#write(async (tx) => {
        const row = await tx.objectStore('recordings').get(id);
        if (row === undefined || !isWaste(row)) return;
        void tx.objectStore('recordings').delete(id);
        void tx.objectStore('chunks').delete(IDBKeyRange.bound([id, 0], [id, Infinity]));
      }));
    }
  }

  async close(): Promise<void> {
    const database = this.#database;
    this.#database = null;
    (await database?.catch(() => null))?.close();
  }

  #lock(id: string): string {
    return `${this.name}/${id}`;
  }

  #open(): Promise<Database> {
    this.#database ??= new Promise<Database>((resolve, reject) => {
      let refused = false;
      openDB<Schema>(this.name, VERSION, {
        upgrade(database, oldVersion) {
          // 1: the first. Chunks have keys of their own making, so they need no key path.
          if (oldVersion < 1) {
            database.createObjectStore('recordings', { keyPath: 'id' });
            database.createObjectStore('chunks');
          }
        },
        // A newer version of this code waits in another tab. It may have the database, but not before a recording ended.
        blocking: () => {
          this.#outdated = true;
          if (this.#writers === 0) void this.close();
        },
        // The same, seen from the newer tab.
        blocked: () => {
          refused = true;
          reject(new RecorderError('storage', 'Another tab is recording with an older version'));
        },
        terminated: () => { this.#database = null; },
      }).then((database) => (refused ? database.close() : resolve(database)), reject);
    }).catch((error: unknown) => {
      this.#database = null;
      throw error;
    });
    return this.#database;
  }

  #read<T>(question: (database: Database) => Promise<T>): Promise<T> {
    return storage(this.#open().then(question), 'The recordings could not be read');
  }

  /** One transaction, over when it is on disk and not merely in the operating system's cache. */
  #write(work: Work): Promise<void> {
    const run = async (): Promise<void> => {
      const tx = (await this.#open()).transaction(['recordings', 'chunks'], 'readwrite', { durability: 'strict' });
      try {
        await work(tx);
      } catch (error) {
        tx.done.catch(() => undefined);
        try { tx.abort(); } catch { /* it is over already, by the same error */ }
        throw error;
      }
      await tx.done;
    };
    return storage(run(), 'The recording could not be written');
  }

  #mark(id: string, removedAt: number | null): Promise<void> {
    return this.#write(async (tx) => {
      const row = await tx.objectStore('recordings').get(id);
      if (row === undefined) throw new RecorderError('not-found', `No recording ${id}`);
      void tx.objectStore('recordings').put({ ...row, removedAt });
    });
  }
}

type Work = (tx: IDBPTransaction<Schema, ('recordings' | 'chunks')[], 'readwrite'>) => void | Promise<void>;

/** Appends to one recording, in the order of the calls. Close it, whatever happens. */
export class JournalWriter {
  #row: Row;
  #queue: Promise<void> = Promise.resolve();
  #failure: RecorderError | null = null;
  #closed = false;

  constructor(row: Row, private readonly write: (work: Work) => Promise<void>, private readonly release: () => void) {
    this.#row = row;
  }

  /** What is safe on disk. */
  get info(): RecordingInfo {
    return infoOf(this.#row, !this.#closed);
  }

  /**
   * Resolves when the chunk is safe on disk. After a failure every later chunk is refused with the same error: a file
   * with a hole would not play past it.
   * @param at end of the chunk, ms since the start
   * @throws RecorderError `quota`, `storage`
   */
  append(chunk: Blob, at: number): Promise<void> {
    return this.#enqueue(async (row) => {
      const data = await chunk.arrayBuffer();
      return { row: { ...row, chunks: row.chunks + 1, bytes: row.bytes + data.byteLength, durationMs: Math.round(at) }, chunk: { data, at } };
    });
  }

  /** Changes what is known about the recording. */
  describe(change: Partial<Omit<RecordingDetails, 'title' | 'stems'>>): Promise<void> {
    return this.#enqueue((row) => Promise.resolve({ row: { ...row, details: { ...(row.details ?? NOTHING_KNOWN), ...change } } }));
  }

  /** Waits for what was appended, notes that the recording came to its end, and closes. */
  async complete(): Promise<RecordingInfo> {
    try {
      await this.#enqueue((row) => Promise.resolve({ row: { ...row, complete: true } }));
    } finally {
      await this.close();
    }
    return this.info;
  }

  /** Waits for what was appended and lets go of the recording. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#queue.catch(() => undefined);
    this.release();
  }

  #enqueue(change: (row: Row) => Promise<{ row: Row; chunk?: Chunk }>): Promise<void> {
    const done = this.#queue.then(async () => {
      if (this.#failure !== null) throw this.#failure;
      try {
        const { row, chunk } = await change(this.#row);
        await this.write((tx) => {
          // `add`, not `put`: two writers of one recording must not overwrite each other's chunks in silence.
          if (chunk !== undefined) tx.objectStore('chunks').add(chunk, [row.id, row.chunks - 1]).catch(() => undefined);
          tx.objectStore('recordings').put(row).catch(() => undefined);
        });
        this.#row = row;
      } catch (error) {
        this.#failure = RecorderError.from(error, 'storage', 'The recording could not be written');
        throw this.#failure;
      }
    });
    this.#queue = done.catch(() => undefined);
    return done;
  }
}

function infoOf({ id, title, details = NOTHING_KNOWN, startedAt, durationMs, bytes, mimeType, complete }: Row, alive: boolean): RecordingInfo {
  return { ...details, id, title, startedAt, durationMs, bytes, mimeType, state: complete ? 'complete' : alive ? 'recording' : 'interrupted' };
}

async function storage<T>(work: Promise<T>, what: string): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw RecorderError.from(error, nameOf(error) === 'QuotaExceededError' ? 'quota' : 'storage', what);
  }
}
