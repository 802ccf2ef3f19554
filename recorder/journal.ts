import { openDB, type DBSchema, type IDBPDatabase, type IDBPTransaction } from 'idb';
import { heldLocks, holdLock, tryLock, whenFree, withFreeLock } from './alive';
import { nameOf, RecorderError, throwIfAborted } from './errors';
import { createDeviceKey, createPassphraseKey, open, openPassphraseKey, seal, type Protection, type StoredKey } from './vault';

/** What a recording was made of. */
export type RecordingSource = 'tab' | 'room' | 'sound' | 'self';

/** Somebody who was in the meeting. Times are ms since the start of the recording, without its pauses. */
export interface Participant {
  readonly id: string;
  readonly name: string;
  readonly joinedMs: number;
  /** Null: was there to the end. */
  readonly leftMs: number | null;
}

export interface Marker {
  /** Since the start of the recording, without its pauses, ms. */
  readonly atMs: number;
  readonly label: string;
}

/** A file of its own beside the mix. Somebody who left and came back, or a further segment, is a further stem. */
export interface Stem {
  /** The id they had at first. Stems of one participant become one file. */
  readonly participant: string;
  readonly name: string;
  readonly mimeType: string;
  /** Where it begins on the recording's clock, ms. */
  readonly startMs: number;
}

/** What an encoder wrote from its start to its end: a recording that went on after a reload has several. */
export interface Segment {
  /** Its first chunk of the mix. */
  readonly firstChunk: number;
  /** Where it begins on the recording's clock, ms. */
  readonly startMs: number;
  /** Epoch, ms. */
  readonly startedAt: number;
}

/** What tells who met about what. Encrypted together with the recording. */
export interface RecordingDetails {
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
  readonly segments: readonly Segment[];
  /** Encrypted by a passphrase that was not given yet: its details are empty, and it cannot be saved. */
  readonly locked: boolean;
  /** When a file of it was last given to the user; epoch, ms. */
  readonly savedAt: number | null;
  /** When it will be removed by itself; epoch, ms. Null: never. */
  readonly keptUntil: number | null;
}

/** A recording as it is begun; the rest of its details comes with time. */
export type NewRecording = Pick<RecordingInfo, 'title' | 'startedAt' | 'mimeType'> & Partial<RecordingDetails>;

interface Row {
  id: string;
  startedAt: number;
  mimeType: string;
  /** Counted when chunks are written: quota estimates are not to be trusted, and reading chunks to count them is slow. */
  durationMs: number;
  bytes: number;
  /** Of the mix. */
  chunks: number;
  /** Of each stem. */
  stemChunks: number[];
  segments: Segment[];
  complete: boolean;
  /** When the last chunk was written; epoch, ms. */
  endedAt: number;
  /** Epoch, ms; null unless the user removed it and may still change their mind. */
  removedAt: number | null;
  /** Epoch, ms; null until a file of it was given to the user. */
  savedAt: number | null;
  /** Epoch, ms; null until the user was told that it will be removed by itself. */
  noticedAt: number | null;
  /** Which key it is encrypted with, if any. */
  keyId: string | null;
  /** As they are, or as encrypted JSON. */
  details: RecordingDetails | ArrayBuffer;
}

/** As version 1 had it. */
interface Row1 extends Pick<Row, 'id' | 'startedAt' | 'mimeType' | 'durationMs' | 'bytes' | 'chunks' | 'complete' | 'removedAt'> {
  title: string;
  details?: Omit<RecordingDetails, 'title'>;
}

/** A chunk as it is read. A number that is skipped is a chunk that was lost. */
export interface StoredChunk {
  /** From 0. */
  readonly sequence: number;
  readonly data: ArrayBuffer;
}

interface Chunk {
  /** Encrypted if the recording is. */
  data: ArrayBuffer;
  /** Its end, ms since the start. */
  at: number;
}

interface Schema extends DBSchema {
  recordings: { key: string; value: Row };
  /** The mix. Key: [recording, sequence number from 0]. An ArrayBuffer, because Chromium fails on many Blobs written in a row. */
  chunks: { key: [string, number]; value: Chunk };
  /** Key: [recording, stem from 1, sequence number from 0]. */
  stems: { key: [string, number, number]; value: Chunk };
  keys: { key: string; value: StoredKey };
}

type Database = IDBPDatabase<Schema>;
type Stores = ('recordings' | 'chunks' | 'stems' | 'keys')[];

const VERSION = 2;
/** Chunks of about half a second, so some megabytes at a time. */
const READ_AHEAD = 32;
/** How long somebody is told ahead that what they never saved will be removed, ms. */
const NOTICE_MS = 24 * 3_600_000;
const NOTHING_KNOWN: RecordingDetails = { title: '', source: 'tab', participants: [], markers: [], stems: [] };

export interface JournalOptions {
  /** Of recordings that are begun; those that are there stay as they are. */
  readonly protection?: Protection;
  /** How long a recording is kept after its end, ms; 0: for ever. */
  readonly keepMs?: number;
}

/** What one encoder wrote: chunks `from` to before `until`. */
export interface StoredTake {
  /** 0, or nothing, is the mix. */
  readonly stem?: number;
  readonly from?: number;
  readonly until?: number;
  /** Where it begins on the recording's clock, ms. */
  readonly startMs?: number;
}

/** What there is to export, as of the moment of asking. */
export interface Contents {
  readonly title: string;
  readonly durationMs: number;
  readonly markers: readonly Marker[];
  readonly mix: readonly Required<StoredTake>[];
  /** By participant. */
  readonly stems: readonly { readonly name: string; readonly takes: readonly Required<StoredTake>[] }[];
}

export interface ReadOptions {
  /** From `keyOf`. */
  readonly key?: CryptoKey | null;
  readonly take?: StoredTake;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Recordings and their chunks on disk: after any crash, what is in here suffices to make the file. The database is opened
 * on first use and again after the browser closed it.
 *
 * With a protection, chunks and details are encrypted, each bound to its place. In plain sight remain times, lengths,
 * sizes and kinds of encoding.
 * @throws RecorderError `storage` or `quota`, from every method
 */
export class Journal {
  readonly #protection: Protection;
  readonly #keepMs: number;
  #database: Promise<Database> | null = null;
  #writers = 0;
  #outdated = false;
  /** Keys that can be used on this visit. */
  readonly #keys = new Map<string, CryptoKey>();
  /** The key for what is begun; of the stored ones with a passphrase, the one that was opened last. */
  #current: { readonly id: string; readonly key: CryptoKey } | null = null;

  constructor(readonly name: string, { protection = 'off', keepMs = 0 }: JournalOptions = {}) {
    this.#protection = protection;
    this.#keepMs = keepMs;
  }

  /** Whether a recording can be begun: what is to be protected by a passphrase waits for it. */
  get ready(): boolean {
    return this.#protection !== 'passphrase' || this.#current !== null;
  }

  /** Whether there are recordings of an earlier passphrase, or could be. */
  async hasPassphrase(): Promise<boolean> {
    return (await this.#storedKeys()).some(({ kind }) => kind === 'passphrase');
  }

  /**
   * Makes what this passphrase protects readable; what is begun is protected by it where passphrases do that.
   * @throws RecorderError `passphrase` if nothing is protected by it
   */
  async unlock(passphrase: string): Promise<void> {
    for (const stored of await this.#storedKeys()) {
      if (stored.kind !== 'passphrase') continue;
      const key = await openPassphraseKey(stored, passphrase);
      if (key === null) continue;
      this.#keys.set(stored.id, key);
      // Where nothing, or something else, is to protect what is begun, it only opens what is there.
      if (this.#protection === 'passphrase') this.#current = { id: stored.id, key };
      return;
    }
    throw new RecorderError('passphrase', 'No recording is protected by this passphrase');
  }

  /** Protects what is begun by a new passphrase. What an earlier one protects stays as it is. */
  async setPassphrase(passphrase: string): Promise<void> {
    const { stored, key } = await createPassphraseKey(passphrase);
    await this.#write((tx) => void tx.objectStore('keys').add(stored));
    this.#keys.set(stored.id, key);
    this.#current = { id: stored.id, key };
  }

  /** Creates an empty recording that is alive until the writer is closed. */
  async create({ title, startedAt, mimeType, ...rest }: NewRecording): Promise<JournalWriter> {
    const key = await this.#keyForNew();
    const details = { ...NOTHING_KNOWN, ...rest, title };
    const row: Row = {
      id: crypto.randomUUID(), startedAt, mimeType, durationMs: 0, bytes: 0, chunks: 0, stemChunks: details.stems.map(() => 0),
      segments: [{ firstChunk: 0, startMs: 0, startedAt }], complete: false, endedAt: startedAt, removedAt: null, savedAt: null, noticedAt: null,
      keyId: key?.id ?? null, details,
    };
    row.details = await sealDetails(row.id, details, key?.key ?? null);
    // The lock comes first: a row without one would look like a crash to another tab.
    const release = await storage(holdLock(this.#lock(row.id)), 'The recording could not be locked');
    try {
      await this.#write((tx) => void tx.objectStore('recordings').add(row));
    } catch (error) {
      release();
      throw error;
    }
    return this.#writer(row, details, key?.key ?? null, release);
  }

  /**
   * Goes on with a recording that ended, as a further segment of it.
   * @throws RecorderError `not-found`, `locked`, `busy` (it is being recorded)
   */
  async continue(id: string, startedAt: number): Promise<JournalWriter> {
    const release = await storage(tryLock(this.#lock(id)), 'The recording could not be locked');
    if (release === null) throw new RecorderError('busy', 'This recording is under way in another tab');
    try {
      const row = await this.#read((database) => database.get('recordings', id));
      if (row?.removedAt !== null) throw new RecorderError('not-found', `No recording ${id}`);
      const key = await this.keyOf(id);
      const details = await openDetails(row, key);
      const next: Row = { ...row, complete: false, noticedAt: null, segments: [...row.segments, { firstChunk: row.chunks, startMs: row.durationMs, startedAt }] };
      await this.#write((tx) => void tx.objectStore('recordings').put(next));
      return this.#writer(next, details, key, release);
    } catch (error) {
      release();
      throw error;
    }
  }

  #writer(row: Row, details: RecordingDetails, key: CryptoKey | null, release: () => void): JournalWriter {
    this.#writers++;
    return new JournalWriter({ row, details, key, keepMs: this.#keepMs }, (work) => this.#write(work), () => {
      release();
      this.#writers--;
      if (this.#outdated && this.#writers === 0) void this.close();
    });
  }

  /** Newest first, without the removed ones. */
  async list(now = Date.now()): Promise<RecordingInfo[]> {
    const rows = await this.#rows();
    return rows.filter(({ row, alive }) => row.removedAt === null && (alive || row.chunks > 0))
      .map(({ row, details, locked, alive }) => infoOf(row, { details, locked, alive, keepMs: this.#keepMs, now }))
      .sort((a, b) => b.startedAt - a.startedAt);
  }

  async #rows(): Promise<{ row: Row; details: RecordingDetails; locked: boolean; alive: boolean }[]> {
    // Asked before and after, because a recording may begin or end in another tab between the two questions.
    const before = await storage(heldLocks(), 'The locks could not be read');
    const rows = await this.#read((database) => database.getAll('recordings'));
    const after = await storage(heldLocks(), 'The locks could not be read');
    if (rows.some(({ keyId }) => keyId !== null && !this.#keys.has(keyId))) await this.#loadDeviceKeys();
    return await Promise.all(rows.map(async (row) => {
      const key = row.keyId === null ? null : this.#keys.get(row.keyId) ?? null;
      const alive = before.has(this.#lock(row.id)) || after.has(this.#lock(row.id));
      return { row, details: await openDetails(row, key), locked: row.keyId !== null && key === null, alive };
    }));
  }

  /** Resolves when nobody is writing it any more, for whatever reason. */
  async ended(id: string): Promise<void> {
    await storage(whenFree(this.#lock(id)), 'The recording could not be watched');
  }

  /** @throws RecorderError `not-found` */
  async get(id: string): Promise<RecordingInfo> {
    const found = (await this.list()).find((info) => info.id === id);
    if (found === undefined) throw new RecorderError('not-found', `No recording ${id}`);
    return found;
  }

  /**
   * What a recording's chunks are read with; null if they are not encrypted.
   * @throws RecorderError `not-found`, `locked`
   */
  async keyOf(id: string): Promise<CryptoKey | null> {
    const row = await this.#read((database) => database.get('recordings', id));
    if (row === undefined) throw new RecorderError('not-found', `No recording ${id}`);
    if (row.keyId === null) return null;
    if (!this.#keys.has(row.keyId)) await this.#loadDeviceKeys();
    const key = this.#keys.get(row.keyId);
    if (key === undefined) throw new RecorderError('locked', 'This recording is protected by a passphrase');
    return key;
  }

  /**
   * The data in order, a few chunks at a time; never the whole recording in memory. The next ones are on their way while
   * the caller works. An encrypted chunk that is damaged, or is not where it belongs, counts as lost.
   */
  async *read(id: string, { key = null, take = {}, signal }: ReadOptions = {}): AsyncGenerator<StoredChunk[], void, undefined> {
    const { stem = 0, from = 0, until = Infinity } = take;
    let coming = this.#batch(id, stem, from, until);
    for (;;) {
      throwIfAborted(signal);
      const batch = await coming;
      const last = batch.at(-1);
      if (last === undefined) return;
      coming = this.#batch(id, stem, last.sequence + 1, until);
      coming.catch(() => undefined); // told when it is asked for
      if (key === null) yield batch;
      else {
        const opened = await Promise.all(batch.map(async ({ sequence, data }) => ({ sequence, data: await open(key, data, placeOf(id, stem, sequence)) })));
        yield opened.filter((chunk): chunk is StoredChunk => chunk.data !== null);
      }
    }
  }

  /**
   * @param key from `keyOf`
   * @throws RecorderError `not-found`
   */
  async contents(id: string, key: CryptoKey | null): Promise<Contents> {
    const row = await this.#read((database) => database.get('recordings', id));
    if (row === undefined) throw new RecorderError('not-found', `No recording ${id}`);
    const { segments, chunks, stemChunks, durationMs } = row;
    const { title, markers, stems, participants } = await openDetails(row, key);
    const byParticipant = new Map<string, { name: string; takes: Required<StoredTake>[] }>();
    for (const [index, { participant, name: first, startMs }] of stems.entries()) {
      const name = participants.filter((each) => each.id === participant).at(-1)?.name ?? first; // given later, perhaps
      const file = byParticipant.get(participant) ?? { name, takes: [] };
      const until = stemChunks[index] ?? 0;
      if (until > 0) file.takes.push({ stem: index + 1, from: 0, until, startMs });
      if (file.takes.length > 0) byParticipant.set(participant, file);
    }
    const mix = segments.map(({ firstChunk, startMs }, index) => ({ stem: 0, from: firstChunk, until: segments[index + 1]?.firstChunk ?? chunks, startMs }));
    return { title, durationMs, markers, mix: mix.filter(({ from, until }) => until > from), stems: [...byParticipant.values()] };
  }

  #batch(id: string, stem: number, from: number, until: number): Promise<StoredChunk[]> {
    if (from >= until) return Promise.resolve([]);
    return this.#read(async (database) => {
      const store = stem === 0 ? database.transaction('chunks').store : database.transaction('stems').store;
      const path = stem === 0 ? [id] : [id, stem];
      const range = IDBKeyRange.bound([...path, from], [...path, until], false, true);
      const [keys, chunks] = await Promise.all([store.getAllKeys(range, READ_AHEAD), store.getAll(range, READ_AHEAD)]);
      return chunks.map(({ data }, index) => ({ sequence: (keys[index]?.at(-1) ?? from + index) as number, data }));
    });
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
        void tx.objectStore('stems').delete(IDBKeyRange.bound([id, 0], [id, []]));
      }));
    }
  }

  /** Notes that the user has a file of it. */
  async noteSaved(id: string, now: number): Promise<void> {
    await this.#change(id, { savedAt: now });
  }

  /**
   * Removes what is past its time. What was never saved is removed only a day after somebody was told.
   * @returns `removed`, which can be restored until the next purge, and `due`: whoever calls must tell the user of these
   */
  async expire(now: number): Promise<{ removed: RecordingInfo[]; due: RecordingInfo[] }> {
    const removed: RecordingInfo[] = [];
    const due: RecordingInfo[] = [];
    if (this.#keepMs === 0) return { removed, due };
    for (const info of await this.list(now)) {
      if (info.state === 'recording' || info.keptUntil === null) continue;
      if (info.keptUntil <= now) {
        await this.remove(info.id, now);
        removed.push(info);
      } else if (info.savedAt === null && info.keptUntil <= now + NOTICE_MS) {
        const noticed = await this.#change(info.id, (row) => (row.noticedAt === null ? { noticedAt: now } : null));
        if (noticed) due.push(info);
      }
    }
    return { removed, due };
  }

  async close(): Promise<void> {
    const database = this.#database;
    this.#database = null;
    (await database?.catch(() => null))?.close();
  }

  async #keyForNew(): Promise<{ id: string; key: CryptoKey } | null> {
    if (this.#protection === 'off') return null;
    if (this.#current === null && this.#protection === 'device') {
      // Made outside the transaction, which would end while waiting for it; if two tabs make one, the first is taken.
      const fresh = await createDeviceKey();
      await this.#write(async (tx) => {
        const stored = await tx.objectStore('keys').getAll();
        if (!stored.some(({ kind }) => kind === 'device')) void tx.objectStore('keys').add(fresh);
      });
      await this.#loadDeviceKeys();
    }
    if (this.#current === null) throw new RecorderError('locked', 'A passphrase must be given before the recording');
    return this.#current;
  }

  async #loadDeviceKeys(): Promise<void> {
    for (const stored of await this.#storedKeys()) {
      if (stored.kind !== 'device') continue;
      this.#keys.set(stored.id, stored.key);
      if (this.#protection === 'device') this.#current = stored;
    }
  }

  #storedKeys(): Promise<StoredKey[]> {
    return this.#read((database) => database.getAll('keys'));
  }

  #lock(id: string): string {
    return `${this.name}/${id}`;
  }

  #open(): Promise<Database> {
    this.#database ??= new Promise<Database>((resolve, reject) => {
      let refused = false;
      openDB<Schema>(this.name, VERSION, {
        upgrade(database, oldVersion, _newVersion, tx) {
          migrate(database, oldVersion, tx).catch(() => tx.abort()); // as it was, rather than half of each
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
      const tx = (await this.#open()).transaction(['recordings', 'chunks', 'stems', 'keys'], 'readwrite', { durability: 'strict' });
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

  async #mark(id: string, removedAt: number | null): Promise<void> {
    await this.#change(id, { removedAt });
  }

  /** @param change null leaves it as it is; then the answer is false */
  async #change(id: string, change: Partial<Row> | ((row: Row) => Partial<Row> | null)): Promise<boolean> {
    let changed = false;
    await this.#write(async (tx) => {
      const row = await tx.objectStore('recordings').get(id);
      if (row === undefined) throw new RecorderError('not-found', `No recording ${id}`);
      const fresh = typeof change === 'function' ? change(row) : change;
      changed = fresh !== null;
      if (fresh !== null) void tx.objectStore('recordings').put({ ...row, ...fresh });
    });
    return changed;
  }
}

/** Brings a database of any earlier version, or none, to this one. */
async function migrate(database: Database, oldVersion: number, tx: IDBPTransaction<Schema, Stores, 'versionchange'>): Promise<void> {
  // 1: the first. Chunks have keys of their own making, so they need no key path.
  if (oldVersion < 1) {
    database.createObjectStore('recordings', { keyPath: 'id' });
    database.createObjectStore('chunks');
  }
  // 2: details, segments, stems, keys. Stems have a store of their own, because giving every chunk a new key would copy
  // gigabytes, for which a full disk has no room.
  if (oldVersion < 2) {
    database.createObjectStore('stems');
    database.createObjectStore('keys', { keyPath: 'id' });
    for (let cursor = await tx.objectStore('recordings').openCursor(); cursor !== null; cursor = await cursor.continue()) {
      const { title, details, ...row } = cursor.value as unknown as Row1;
      const { startedAt, durationMs } = row;
      await cursor.update({
        ...row, stemChunks: [], segments: [{ firstChunk: 0, startMs: 0, startedAt }], endedAt: startedAt + durationMs, savedAt: null, noticedAt: null,
        keyId: null, details: { ...NOTHING_KNOWN, ...details, title },
      });
    }
  }
}

type Work = (tx: IDBPTransaction<Schema, Stores, 'readwrite'>) => void | Promise<void>;

interface Writing {
  readonly row: Row;
  readonly details: RecordingDetails;
  readonly key: CryptoKey | null;
  readonly keepMs: number;
}

/** Appends to one recording, in the order of the calls. Close it, whatever happens. */
export class JournalWriter {
  #row: Row;
  #details: RecordingDetails;
  readonly #key: CryptoKey | null;
  readonly #keepMs: number;
  #stems: number;
  #queue: Promise<void> = Promise.resolve();
  #failure: RecorderError | null = null;
  #closed = false;

  constructor({ row, details, key, keepMs }: Writing, private readonly write: (work: Work) => Promise<void>, private readonly release: () => void) {
    this.#row = row;
    this.#details = details;
    this.#key = key;
    this.#keepMs = keepMs;
    this.#stems = details.stems.length;
  }

  /** What is safe on disk. */
  get info(): RecordingInfo {
    return infoOf(this.#row, { details: this.#details, locked: false, alive: !this.#closed, keepMs: this.#keepMs, now: Date.now() });
  }

  /**
   * Resolves when the chunk is safe on disk. After a failure every later chunk is refused with the same error: a file
   * with a hole would not play past it.
   * @param at end of the chunk, ms since the start of the recording: a further segment counts on from `info.durationMs`
   * @param stem from `addStem`; 0 is the mix
   * @throws RecorderError `quota`, `storage`
   */
  append(chunk: Blob, at: number, stem = 0): Promise<void> {
    return this.#enqueue(async (row) => {
      const plain = await chunk.arrayBuffer();
      const sequence = stem === 0 ? row.chunks : row.stemChunks[stem - 1] ?? 0;
      const data = this.#key === null ? plain : await seal(this.#key, plain, placeOf(row.id, stem, sequence));
      const counted: Row = { ...row, bytes: row.bytes + plain.byteLength, endedAt: Date.now() };
      if (stem === 0) Object.assign(counted, { chunks: sequence + 1, durationMs: Math.round(at) });
      else counted.stemChunks = row.stemChunks.map((count, index) => (index === stem - 1 ? sequence + 1 : count));
      return {
        row: counted,
        // `add`, not `put`: two writers of one recording must not overwrite each other's chunks in silence.
        store: (tx) => (stem === 0
          ? tx.objectStore('chunks').add({ data, at }, [row.id, sequence])
          : tx.objectStore('stems').add({ data, at }, [row.id, stem, sequence])),
      };
    });
  }

  /** Changes what is known about the recording. */
  describe(change: Partial<Omit<RecordingDetails, 'stems'>>): Promise<void> {
    return this.#describe((details) => ({ ...details, ...change }));
  }

  /** Begins a further stem. Its chunks may be appended at once. @returns its number */
  addStem(stem: Stem): number {
    this.#describe((details, row) => {
      row.stemChunks = [...row.stemChunks, 0];
      return { ...details, stems: [...details.stems, stem] };
    }).catch(() => undefined); // the next chunk is refused with the same error
    return ++this.#stems;
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

  #describe(change: (details: RecordingDetails, row: Row) => RecordingDetails): Promise<void> {
    return this.#enqueue(async (row) => {
      const next = { ...row };
      const details = change(this.#details, next);
      next.details = await sealDetails(row.id, details, this.#key);
      return { row: next, details };
    });
  }

  #enqueue(change: (row: Row) => Promise<{ row: Row; details?: RecordingDetails; store?: (tx: Parameters<Work>[0]) => Promise<unknown> }>): Promise<void> {
    const done = this.#queue.then(async () => {
      if (this.#failure !== null) throw this.#failure;
      try {
        const { row, details, store } = await change(this.#row);
        await this.write((tx) => {
          store?.(tx).catch(() => undefined);
          tx.objectStore('recordings').put(row).catch(() => undefined);
        });
        this.#row = row;
        this.#details = details ?? this.#details;
      } catch (error) {
        this.#failure = RecorderError.from(error, 'storage', 'The recording could not be written');
        throw this.#failure;
      }
    });
    this.#queue = done.catch(() => undefined);
    return done;
  }
}

/** What a chunk is bound to when it is encrypted. */
const placeOf = (id: string, stem: number, sequence: number): string => `${id}/${stem}/${sequence}`;
const placeOfDetails = (id: string): string => `${id}/details`;

async function sealDetails(id: string, details: RecordingDetails, key: CryptoKey | null): Promise<RecordingDetails | ArrayBuffer> {
  return key === null ? details : await seal(key, new TextEncoder().encode(JSON.stringify(details)), placeOfDetails(id));
}

/** Nothing is known without the key, or if they are damaged. */
async function openDetails({ id, details }: Row, key: CryptoKey | null): Promise<RecordingDetails> {
  if (!(details instanceof ArrayBuffer)) return details;
  const opened = key === null ? null : await open(key, details, placeOfDetails(id));
  return opened === null ? NOTHING_KNOWN : JSON.parse(new TextDecoder().decode(opened)) as RecordingDetails;
}

interface Circumstances {
  readonly details: RecordingDetails;
  readonly locked: boolean;
  readonly alive: boolean;
  readonly keepMs: number;
  /** Epoch, ms. */
  readonly now: number;
}

function infoOf(row: Row, { details, locked, alive, keepMs, now }: Circumstances): RecordingInfo {
  const { id, startedAt, durationMs, bytes, mimeType, complete, segments, savedAt, noticedAt, endedAt } = row;
  const told = savedAt === null ? (noticedAt ?? now) + NOTICE_MS : 0;
  return {
    ...details, id, startedAt, durationMs, bytes, mimeType, segments, savedAt,
    state: complete ? 'complete' : alive ? 'recording' : 'interrupted',
    locked,
    keptUntil: keepMs === 0 ? null : Math.max(endedAt + keepMs, told),
  };
}

async function storage<T>(work: Promise<T>, what: string): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw RecorderError.from(error, nameOf(error) === 'QuotaExceededError' ? 'quota' : 'storage', what);
  }
}
