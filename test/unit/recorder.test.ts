import 'fake-indexeddb/auto';
import { IDBFactory, IDBObjectStore } from 'fake-indexeddb';
import { RecorderError } from '../../recorder/errors';
import { Journal, type JournalWriter, type RecordingInfo } from '../../recorder/journal';
import { chaptersOf } from '../../recorder/chapters';
import { entryNames, fileNameOf, formatsOf } from '../../recorder/formats';
import { remainingMs } from '../../recorder/space';
import { mayBecome, type RecorderState } from '../../recorder/state';

/** Web Locks, as far as the journal needs them. A tab that dies lets go of its locks without a word. */
class Locks {
  readonly #held = new Set<string>();

  async request(name: string, ...rest: [options: { ifAvailable: true }, work: (lock: object | null) => unknown] | [work: (lock: object | null) => unknown]): Promise<unknown> {
    const work = rest.length === 2 ? rest[1] : rest[0];
    if (this.#held.has(name)) {
      if (rest.length === 1) throw new Error('The journal never waits for a lock');
      return await work(null);
    }
    this.#held.add(name);
    try {
      return await work({ name });
    } finally {
      this.#held.delete(name);
    }
  }

  query(): Promise<{ held: { name: string }[] }> {
    return Promise.resolve({ held: [...this.#held].map((name) => ({ name })) });
  }

  dieAll(): void {
    this.#held.clear();
  }
}

let locks: Locks;
let journal: Journal;

beforeEach(() => {
  locks = new Locks();
  Object.defineProperty(globalThis, 'navigator', { value: { locks }, configurable: true });
  globalThis.indexedDB = new IDBFactory();
  journal = new Journal('test');
});

afterEach(async () => {
  jest.restoreAllMocks();
  await journal.close();
});

const begin = (title = 'Title', startedAt = 1000): Promise<JournalWriter> => journal.create({ title, startedAt, mimeType: 'video/webm' });
const chunk = (text: string): Blob => new Blob([text]);

async function textOf(id: string, from = journal, stem = 0): Promise<string> {
  const parts: string[] = [];
  for await (const batch of from.read(id, { take: { stem }, key: await from.keyOf(id).catch(() => null) })) parts.push(...batch.map(({ data }) => new TextDecoder().decode(data)));
  return parts.join(' ');
}

/** Everything in a store, past the journal. */
async function stored<T>(store: 'recordings' | 'chunks' | 'stems'): Promise<T[]> {
  const database = await opened(indexedDB.open('test'));
  const values = await opened(database.transaction(store).objectStore(store).getAll() as IDBRequest<T[]>);
  database.close();
  return values;
}

function opened<T>(asked: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error ?? new Error('refused'));
  });
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(() => null, (reason: unknown) => reason);
  return error instanceof RecorderError ? error.code : 'none';
}

describe('the journal', () => {
  test('keeps chunks in the order they were given, and counts what is safe', async () => {
    const writer = await begin();
    const texts = Array.from({ length: 40 }, (_, index) => `chunk${index}`);
    // A chunk that takes long to read must not be overtaken.
    const slow = chunk('chunk0');
    const read = slow.arrayBuffer.bind(slow);
    slow.arrayBuffer = () => new Promise((resolve) => setTimeout(() => resolve(read()), 20));
    await Promise.all(texts.map((text, index) => writer.append(index === 0 ? slow : chunk(text), (index + 1) * 1000)));
    expect(writer.info).toMatchObject({ state: 'recording', durationMs: 40_000, bytes: texts.join('').length });
    expect(await writer.complete()).toMatchObject({ state: 'complete', durationMs: 40_000 });
    expect(await textOf(writer.info.id)).toBe(texts.join(' '));
    expect(await journal.list()).toEqual([writer.info]);
  });

  test('counts a chunk only when its transaction is over', async () => {
    const writer = await begin();
    const appended = writer.append(chunk('late'), 1000);
    expect(writer.info.bytes).toBe(0);
    await appended;
    expect(writer.info.bytes).toBe(4);
    await writer.close();
  });

  test('asks for transactions that outlive a power cut', async () => {
    const transaction = jest.spyOn(IDBDatabase.prototype, 'transaction');
    const writer = await begin();
    await writer.append(chunk('x'), 1);
    await writer.close();
    const writes = transaction.mock.calls.filter(([, mode]) => mode === 'readwrite');
    expect(writes).toHaveLength(2);
    expect(writes.every(([, , options]) => options?.durability === 'strict')).toBe(true);
  });

  test('tells the living, the complete and the interrupted apart, newest first', async () => {
    const crashed = await begin('crashed', 1000);
    await crashed.append(chunk('a'), 1234);
    const complete = await begin('complete', 2000);
    await complete.append(chunk('bc'), 1000);
    locks.dieAll();
    await complete.complete();
    const living = await begin('living', 3000);

    const other = new Journal('test');
    expect((await other.list()).map(({ title, state, durationMs, bytes }) => ({ title, state, durationMs, bytes }))).toEqual([
      { title: 'living', state: 'recording', durationMs: 0, bytes: 0 },
      { title: 'complete', state: 'complete', durationMs: 1000, bytes: 2 },
      { title: 'crashed', state: 'interrupted', durationMs: 1234, bytes: 1 },
    ]);
    expect(await textOf(crashed.info.id, other)).toBe('a');
    await other.close();
    await living.close();
  });

  test('what died before its first chunk is not shown, and deleted by the next purge; a living one is not', async () => {
    await begin('dead');
    locks.dieAll();
    const living = await begin('living');
    expect((await journal.list()).map(({ title }) => title)).toEqual(['living']);
    await journal.purge(0);
    const rows = await stored<object>('recordings');
    expect(rows).toMatchObject([{ details: { title: 'living' } }]);
    await living.close();
  });

  test('keeps what it is told about the recording', async () => {
    const writer = await journal.create({ title: 'Title', startedAt: 1000, mimeType: 'video/webm', source: 'room' });
    const details = { participants: [{ id: 'a', name: 'Ann', joinedMs: 0, leftMs: null }], markers: [{ atMs: 500, label: 'Here' }] };
    await writer.describe(details);
    await writer.append(chunk('a'), 1000);
    await writer.complete();
    expect(await journal.list()).toMatchObject([{ title: 'Title', source: 'room', ...details }]);
  });

  test('a removed recording can be restored until it is purged', async () => {
    const writer = await begin();
    await writer.append(chunk('data'), 1000);
    const { id } = writer.info;
    expect(await codeOf(journal.remove(id, 5000))).toBe('busy');
    const info = await writer.complete();

    await journal.remove(id, 5000);
    expect(await journal.list()).toEqual([]);
    expect(await codeOf(journal.get(id))).toBe('not-found');
    await journal.purge(4999);
    await journal.restore(id);
    expect(await journal.get(id)).toEqual(info);
    await journal.purge(Infinity);
    expect(await textOf(id)).toBe('data');

    await journal.remove(id, 5000);
    await journal.purge(5000);
    expect(await codeOf(journal.restore(id))).toBe('not-found');
    expect(await textOf(id)).toBe('');
  });

  test('purging one recording leaves its neighbours whole', async () => {
    const writers = [await begin('a'), await begin('b'), await begin('c')];
    for (const writer of writers) {
      await writer.append(chunk(writer.info.title), 1);
      await writer.complete();
    }
    const [a, b, c] = writers.map((writer) => writer.info.id);
    await journal.remove(b ?? '', 1);
    await journal.purge(1);
    expect([await textOf(a ?? ''), await textOf(b ?? ''), await textOf(c ?? '')]).toEqual(['a', '', 'c']);
  });

  test('after a full disk every later chunk is refused, so that the file has no hole', async () => {
    const writer = await begin();
    await writer.append(chunk('first'), 1000);
    const full = jest.spyOn(IDBObjectStore.prototype, 'add').mockImplementationOnce(() => { throw new DOMException('', 'QuotaExceededError'); });
    expect(await codeOf(writer.append(chunk('lost'), 2000))).toBe('quota');
    expect(full).toHaveBeenCalledTimes(1);
    expect(writer.info).toMatchObject({ durationMs: 1000, bytes: 5 });
    expect(await codeOf(writer.append(chunk('third'), 3000))).toBe('quota');
    expect(await codeOf(writer.complete())).toBe('quota');
    expect(await journal.list()).toMatchObject([{ state: 'interrupted', durationMs: 1000, bytes: 5 }]);
    expect(await textOf(writer.info.id)).toBe('first');
  });

  test('gives way to a newer version of itself, but not in the middle of a recording', async () => {
    const writer = await begin();
    await writer.append(chunk('old'), 1000);
    let upgraded = false;
    const newer = new Promise<void>((resolve) => {
      const asked = indexedDB.open('test', 1000);
      asked.onblocked = () => void writer.append(chunk('code'), 2000).then(() => {
        expect(upgraded).toBe(false);
        return writer.complete();
      });
      asked.onsuccess = () => {
        upgraded = true;
        asked.result.close();
        resolve();
      };
    });
    await newer;
    expect(writer.info).toMatchObject({ state: 'complete', bytes: 7 });
    expect(await codeOf(journal.list())).toBe('storage');
  });

  test('an aborted reader stops at once', async () => {
    const writer = await begin();
    for (let index = 0; index < 40; index++) await writer.append(chunk('x'), index);
    await writer.complete();
    const cancel = new AbortController();
    const reader = journal.read(writer.info.id, { signal: cancel.signal });
    expect((await reader.next()).value).toHaveLength(32);
    cancel.abort();
    expect(await codeOf(reader.next())).toBe('aborted');
  });
});

describe('a database of an earlier version', () => {
  test('1: is brought up to date with what is in it, and can be gone on with', async () => {
    const asked = indexedDB.open('test', 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore('recordings', { keyPath: 'id' });
      asked.result.createObjectStore('chunks');
    };
    const old = await opened(asked);
    const tx = old.transaction(['recordings', 'chunks'], 'readwrite');
    const row = { startedAt: 5000, mimeType: 'video/webm', bytes: 6, chunks: 2, durationMs: 2000, complete: true, removedAt: null };
    tx.objectStore('recordings').add({ ...row, id: 'kept', title: 'Of old' });
    tx.objectStore('recordings').add({ ...row, id: 'removed', title: 'Removed', removedAt: 7000, details: { source: 'room', participants: [], markers: [{ atMs: 1, label: 'Here' }], stems: [] } });
    for (const id of ['kept', 'removed']) for (const [sequence, text] of ['old', 'and'].entries()) {
      tx.objectStore('chunks').add({ data: new TextEncoder().encode(text).buffer, at: (sequence + 1) * 1000 }, [id, sequence]);
    }
    await new Promise((resolve) => { tx.oncomplete = resolve; });
    old.close();

    expect(await journal.list()).toEqual([{
      id: 'kept', title: 'Of old', startedAt: 5000, durationMs: 2000, bytes: 6, mimeType: 'video/webm', state: 'complete', source: 'tab',
      participants: [], markers: [], stems: [], segments: [{ firstChunk: 0, startMs: 0, startedAt: 5000 }], locked: false, savedAt: null, keptUntil: null,
    }]);
    expect(await textOf('kept')).toBe('old and');
    await journal.restore('removed');
    expect(await textOf('removed')).toBe('old and');
    expect(await journal.get('removed')).toMatchObject({ title: 'Removed', source: 'room', markers: [{ label: 'Here' }] });
    const writer = await journal.continue('kept', 9000);
    await writer.append(chunk('new'), 2500);
    expect(await writer.complete()).toMatchObject({ durationMs: 2500, bytes: 9 });
    expect(await textOf('kept')).toBe('old and new');
  });
});

describe('a further segment', () => {
  test('goes on where the recording ended, also after a crash', async () => {
    const first = await begin();
    await first.describe({ markers: [{ atMs: 500, label: 'Before' }] });
    await first.append(chunk('one'), 1000);
    locks.dieAll();
    const tab = new Journal('test');
    const second = await tab.continue(first.info.id, 60_000);
    expect(await codeOf(journal.continue(first.info.id, 60_000))).toBe('busy');
    expect(second.info).toMatchObject({ state: 'recording', title: 'Title', markers: [{ label: 'Before' }], durationMs: 1000 });
    await second.append(chunk('two'), 1700);
    await second.complete();
    expect(await journal.list()).toMatchObject([{
      state: 'complete', durationMs: 1700, bytes: 6,
      segments: [{ firstChunk: 0, startMs: 0, startedAt: 1000 }, { firstChunk: 1, startMs: 1000, startedAt: 60_000 }],
    }]);
    expect(await textOf(first.info.id)).toBe('one two');
    await tab.close();
  });

  test('does not bring back what was removed', async () => {
    const writer = await begin();
    await writer.append(chunk('x'), 1);
    await writer.complete();
    await journal.remove(writer.info.id, 1);
    expect(await codeOf(journal.continue(writer.info.id, 2))).toBe('not-found');
    expect(await codeOf(journal.continue('nobody', 2))).toBe('not-found');
    await journal.restore(writer.info.id); // and lets go of it
    await (await journal.continue(writer.info.id, 2)).close();
  });
});

test('stems are apart from the mix and from each other, and go with their recording', async () => {
  const writer = await begin();
  const stem = (name: string): number => writer.addStem({ participant: name, name, mimeType: 'audio/webm', startMs: 10 });
  expect([stem('Ada'), stem('Bob')]).toEqual([1, 2]);
  await Promise.all([writer.append(chunk('mix'), 1000), writer.append(chunk('ada'), 1000, 1), writer.append(chunk('bob'), 900, 2), writer.append(chunk('ADA'), 5000, 1)]);
  await writer.describe({ participants: [{ id: 'Ada', name: 'Ada Lovelace', joinedMs: 0, leftMs: null }] }); // she said so later
  // How long the recording is, is told by the mix.
  expect(await writer.complete()).toMatchObject({ bytes: 12, durationMs: 1000, stems: [{ name: 'Ada' }, { name: 'Bob' }] });
  const { id } = writer.info;
  expect([await textOf(id), await textOf(id, journal, 1), await textOf(id, journal, 2)]).toEqual(['mix', 'ada ADA', 'bob']);
  expect((await journal.contents(id, null)).stems.map(({ name }) => name)).toEqual(['Ada Lovelace', 'Bob']);
  await journal.remove(id, 1);
  await journal.purge(1);
  expect(await stored('stems')).toEqual([]);
});

describe('encryption at rest', () => {
  const SECRET = 'correct horse battery staple';
  const protectedBy = (protection: 'device' | 'passphrase'): Journal => new Journal('test', { protection });
  const bytesAtRest = async (): Promise<string> => {
    const values = [...await stored<{ data: ArrayBuffer }>('chunks'), ...await stored<{ data: ArrayBuffer }>('stems')].map(({ data }) => Buffer.from(data).toString('latin1'));
    return [...values, ...(await stored<{ details: unknown }>('recordings')).map(({ details }) => (details instanceof ArrayBuffer ? Buffer.from(details).toString('latin1') : JSON.stringify(details)))].join('\n');
  };
  const record = async (into: Journal): Promise<string> => {
    const writer = await into.create({ title: 'Secret room', startedAt: 1000, mimeType: 'video/webm' });
    await writer.describe({ markers: [{ atMs: 1, label: 'Salary' }] });
    writer.addStem({ participant: 'p', name: 'Whistleblower', mimeType: 'audio/webm', startMs: 0 });
    await Promise.all([writer.append(chunk('first'), 1000), writer.append(chunk('second'), 2000), writer.append(chunk('voice'), 2000, 1)]);
    await writer.complete();
    return writer.info.id;
  };
  const tellsAll = /first|second|voice|Secret room|Salary|Whistleblower/;

  test('off: everything is there to be read, as the searches below would find it', async () => {
    await record(journal);
    expect((await bytesAtRest()).match(new RegExp(tellsAll, 'g'))).toHaveLength(6);
  });

  test('device: is readable on the next visit without a question, and not in the files', async () => {
    const before = protectedBy('device');
    const id = await record(before);
    await before.close();
    expect(await bytesAtRest()).not.toMatch(tellsAll);
    const after = new Journal('test'); // also when the flag was changed since
    expect(await after.list()).toMatchObject([{ title: 'Secret room', locked: false, markers: [{ label: 'Salary' }] }]);
    expect(await textOf(id, after)).toBe('first second');
    expect(await textOf(id, after, 1)).toBe('voice');
    await after.close();
  });

  test('passphrase: begins nothing without one, opens with the right one, and refuses any other', async () => {
    const before = protectedBy('passphrase');
    expect(before.ready).toBe(false);
    expect(await codeOf(record(before))).toBe('locked');
    expect(await codeOf(before.unlock(SECRET))).toBe('passphrase');
    expect(await codeOf(before.setPassphrase(''))).toBe('passphrase');
    expect(await before.hasPassphrase()).toBe(false);
    await before.setPassphrase(SECRET);
    const id = await record(before);
    await before.close();
    expect(await bytesAtRest()).not.toMatch(tellsAll);

    const after = protectedBy('passphrase');
    expect(await after.list()).toMatchObject([{ id, title: '', markers: [], stems: [], locked: true, durationMs: 2000, bytes: 16 }]);
    expect(await codeOf(after.keyOf(id))).toBe('locked');
    expect(await codeOf(after.continue(id, 3000))).toBe('locked');
    expect(await codeOf(after.unlock(`${SECRET} `))).toBe('passphrase');
    expect(after.ready).toBe(false);
    expect(await after.hasPassphrase()).toBe(true);
    await after.unlock(SECRET);
    expect(await after.list()).toMatchObject([{ id, title: 'Secret room', locked: false }]);
    expect(await textOf(id, after)).toBe('first second');

    // A second passphrase leaves the first one's recordings to the first.
    await after.setPassphrase('another one');
    const other = await record(after);
    await after.close();
    const later = protectedBy('passphrase');
    await later.unlock('another one');
    expect((await later.list()).map((info) => [info.id === other, info.locked])).toEqual(expect.arrayContaining([[true, false], [false, true]]));
    await later.unlock(SECRET);
    expect((await later.list()).map(({ locked }) => locked)).toEqual([false, false]);
    await later.close();
  });

  test('a passphrase opens what it protects, and protects nothing where another protection is wanted', async () => {
    const before = protectedBy('passphrase');
    await before.setPassphrase(SECRET);
    const old = await record(before);
    await before.close();
    for (const now of [protectedBy('device'), new Journal('test')]) {
      await now.unlock(SECRET);
      const fresh = await record(now);
      await now.close();
      const later = new Journal('test'); // was not given the passphrase
      expect((await later.list()).filter(({ id }) => id === fresh || id === old).map(({ id, locked }) => [id, locked])).toEqual(expect.arrayContaining([[fresh, false], [old, true]]));
      await later.close();
    }
  });

  test('the same words, typed otherwise, are the same passphrase', async () => {
    const before = protectedBy('passphrase');
    await before.setPassphrase('Zoë');
    await before.unlock('Zoe\u0308');
    await before.close();
  });

  test('a chunk that was changed, swapped with another or taken from elsewhere is lost, not believed', async () => {
    const into = protectedBy('device');
    const id = await record(into);
    const other = await record(into);
    const key = await into.keyOf(id);
    const database = await opened(indexedDB.open('test'));
    const chunks = (): IDBObjectStore => database.transaction('chunks', 'readwrite').objectStore('chunks');
    const texts = async (): Promise<string[]> => {
      const found: string[] = [];
      for await (const batch of into.read(id, { key })) found.push(...batch.map(({ sequence, data }) => `${sequence} ${new TextDecoder().decode(data)}`));
      return found;
    };
    const of = (path: IDBValidKey): Promise<{ data: ArrayBuffer; at: number }> => opened(chunks().get(path) as IDBRequest<{ data: ArrayBuffer; at: number }>);
    const [first, second, foreign] = [await of([id, 0]), await of([id, 1]), await of([other, 1])];
    await opened(chunks().put(second, [id, 0]));
    await opened(chunks().put(first, [id, 1]));
    expect(await texts()).toEqual([]);
    await opened(chunks().put(first, [id, 0]));
    await opened(chunks().put(foreign, [id, 1]));
    expect(await texts()).toEqual(['0 first']);
    const bent = new Uint8Array(second.data.slice(0));
    bent[bent.length - 1]! ^= 1;
    await opened(chunks().put({ ...second, data: bent.buffer }, [id, 1]));
    expect(await texts()).toEqual(['0 first']);
    await opened(chunks().put(second, [id, 1]));
    expect(await texts()).toEqual(['0 first', '1 second']);
    database.close();
    await into.close();
  });
});

describe('keeping for some days', () => {
  const DAY = 24 * 3_600_000;
  const keeping = (days: number): Journal => new Journal('test', { keepMs: days * DAY });
  let ended: number;
  const record = async (into: Journal): Promise<string> => {
    const writer = await into.create({ title: 'Kept', startedAt: Date.now(), mimeType: 'video/webm' });
    await writer.append(chunk('x'), 1000);
    await writer.complete();
    ended = Date.now();
    return writer.info.id;
  };

  test('for ever, if nothing is said', async () => {
    const id = await record(journal);
    expect(await journal.expire(ended + 10_000 * DAY)).toEqual({ removed: [], due: [] });
    expect(await journal.get(id)).toMatchObject({ keptUntil: null });
  });

  test('what was saved goes when its days are over, and can be brought back', async () => {
    const into = keeping(30);
    const id = await record(into);
    await into.noteSaved(id, ended);
    const [info] = await into.list();
    expect(Math.abs((info?.keptUntil ?? 0) - ended - 30 * DAY)).toBeLessThan(1000);
    expect(await into.expire(ended + 29 * DAY)).toEqual({ removed: [], due: [] });
    expect(await into.expire(ended + 31 * DAY)).toMatchObject({ removed: [{ id }], due: [] });
    expect(await into.list()).toEqual([]);
    await into.restore(id);
    expect(await textOf(id, into)).toBe('x');
    await into.close();
  });

  test('what was never saved goes a day after it was told, however late the visit', async () => {
    const into = keeping(30);
    const id = await record(into);
    expect(await into.expire(ended + 20 * DAY)).toEqual({ removed: [], due: [] });
    const late = ended + 300 * DAY;
    expect(await into.expire(late)).toMatchObject({ removed: [], due: [{ id, keptUntil: late + DAY }] });
    expect(await into.expire(late + DAY / 2)).toEqual({ removed: [], due: [] }); // told once
    expect(await into.list(late + DAY / 2)).toMatchObject([{ keptUntil: late + DAY }]);
    expect(await into.expire(late + DAY + 1)).toMatchObject({ removed: [{ id }], due: [] });
    await into.close();
  });

  test('what is being recorded stays, and going on with one begins its days anew', async () => {
    const into = keeping(1);
    const id = await record(into);
    await into.noteSaved(id, ended);
    const writer = await into.continue(id, ended);
    expect(await into.expire(ended + 9 * DAY)).toEqual({ removed: [], due: [] });
    await writer.append(chunk('y'), 1500);
    await writer.complete();
    expect((await into.get(id)).keptUntil).toBeGreaterThanOrEqual(ended + DAY);
    await into.close();
  });
});

test('the recorder moves only along its table, and never out of the grave', () => {
  const kinds: RecorderState['kind'][] = ['idle', 'starting', 'recording', 'paused', 'stopping', 'failed', 'disposed'];
  const from = (kind: RecorderState['kind']): string[] => kinds.filter((to) => mayBecome(kind, to));
  expect(Object.fromEntries(kinds.map((kind) => [kind, from(kind)]))).toEqual({
    idle: ['starting', 'disposed'],
    starting: ['idle', 'recording', 'failed'],
    recording: ['recording', 'paused', 'stopping'],
    paused: ['recording', 'paused', 'stopping'],
    stopping: ['idle', 'stopping', 'failed'],
    failed: ['starting', 'disposed'],
    disposed: [],
  });
});

test.each([
  ['at first at the rate that was asked for', { bytes: 0, durationMs: 0 }, 1000],
  ['counts what was written since the browser was asked', { bytes: 50_000, durationMs: 5000 }, 500],
  ['then at its own rate', { bytes: 20_000, durationMs: 20_000 }, 80_000],
  ['ends at nothing', { bytes: 200_000, durationMs: 20_000 }, 0],
])('the disk will do: %s', (_, info, expected) => {
  expect(remainingMs({ free: 100_000, bytes: 0 }, info, 100)).toBe(expected);
});

test.each([
  ['Weekly', 'Weekly 2026-03-09 08-05.webm'],
  ['a/b\\c:d*e?f"g<h>i|j', 'a b c d e f g h i j 2026-03-09 08-05.webm'],
  ['  ..\u0007.hidden\n', 'hidden 2026-03-09 08-05.webm'],
  ['../../etc/passwd', 'etc passwd 2026-03-09 08-05.webm'],
  ['invoice\u202Efdp', 'invoice fdp 2026-03-09 08-05.webm'],
  ['Besprechung für Zoë 会議 👩‍🚀', 'Besprechung für Zoë 会議 👩‍🚀 2026-03-09 08-05.webm'],
  ['', 'Recording 2026-03-09 08-05.webm'],
  ['x'.repeat(300), `${'x'.repeat(60)} 2026-03-09 08-05.webm`],
])('the file of %j is named %j', (title, expected) => {
  expect(fileNameOf({ title, startedAt: new Date(2026, 2, 9, 8, 5).getTime(), mimeType: 'video/webm;codecs=vp8,opus' })).toBe(expected);
});

test('the file is named after its container', () => {
  expect(fileNameOf({ title: 'T', startedAt: 0, mimeType: 'video/mp4' })).toMatch(/\.mp4$/);
});

test('nothing is offered that cannot be made', () => {
  const offered = (change: Partial<RecordingInfo>): readonly string[] => formatsOf({ mimeType: 'video/webm;codecs=vp8,opus', stems: [], markers: [], locked: false, ...change } as RecordingInfo);
  expect(offered({})).toEqual(['webm', 'sound']); // no player takes VP8 in MP4
  expect(offered({ mimeType: 'video/webm;codecs=h264,opus' })).toEqual(['webm', 'mp4', 'sound']);
  expect(offered({ mimeType: 'video/webm;codecs=vp9,opus' })).toEqual(['webm', 'mp4', 'sound']);
  expect(offered({ mimeType: 'audio/webm;codecs=opus' })).toEqual(['webm']);
  expect(offered({ mimeType: 'video/mp4' })).toEqual(['webm']);
  expect(offered({ stems: [{ participant: 'a', name: 'A', mimeType: 'audio/webm', startMs: 0 }], markers: [{ atMs: 0, label: 'x' }] })).toEqual(['webm', 'sound', 'stems', 'chapters']);
  expect(offered({ locked: true })).toEqual([]);
});

test('files in one archive have names of their own', () => {
  expect(entryNames(['Zoë', 'Zoë', 'a/b', ''])).toEqual(['1 Zoë.webm', '2 Zoë.webm', '3 a b.webm', '4 Participant.webm']);
  expect(entryNames(Array.from({ length: 10 }, () => 'A'))[0]).toBe('01 A.webm');
});

test('chapters go from marker to marker and to the end, as WebVTT', () => {
  const markers = [{ atMs: 3_723_456, label: 'Last --> <b>\n& least' }, { atMs: 0, label: 'First' }, { atMs: 61_000, label: ' ' }, { atMs: 9e9, label: 'Never came' }];
  expect(chaptersOf(markers, 4_000_000)).toBe([
    'WEBVTT', '', '1', '00:00:00.000 --> 00:01:01.000', 'First', '', '2', '00:01:01.000 --> 01:02:03.456', '2', '',
    '3', '01:02:03.456 --> 01:06:40.000', 'Last --&gt; &lt;b&gt; &amp; least', '',
  ].join('\n'));
  expect(chaptersOf([], 1000)).toBe('WEBVTT\n');
});
