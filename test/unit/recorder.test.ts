import 'fake-indexeddb/auto';
import { IDBFactory, IDBObjectStore } from 'fake-indexeddb';
import { RecorderError } from '../../recorder/errors';
import { Journal, type JournalWriter } from '../../recorder/journal';
import { fileNameOf } from '../../recorder/save';
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

async function textOf(id: string, from = journal): Promise<string> {
  const parts: string[] = [];
  for await (const batch of from.read(id)) parts.push(...batch.map(({ data }) => new TextDecoder().decode(data)));
  return parts.join(' ');
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
    const rows = await new Promise<unknown[]>((resolve) => {
      const asked = indexedDB.open('test');
      asked.onsuccess = () => {
        const all = asked.result.transaction('recordings').objectStore('recordings').getAll();
        all.onsuccess = () => {
          asked.result.close();
          resolve(all.result);
        };
      };
    });
    expect(rows).toMatchObject([{ title: 'living' }]);
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
    for (let index = 0; index < 20; index++) await writer.append(chunk('x'), index);
    await writer.complete();
    const cancel = new AbortController();
    const reader = journal.read(writer.info.id, cancel.signal);
    expect((await reader.next()).value).toHaveLength(16);
    cancel.abort();
    expect(await codeOf(reader.next())).toBe('aborted');
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
