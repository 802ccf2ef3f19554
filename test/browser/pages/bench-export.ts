// A recording of hours without the hours: a clip of some seconds is written into the journal over and over, with its
// clusters' times moved on, as Chromium's MediaRecorder would have written them. Then the real export is run on it.
import { Recorder, type RecorderOptions } from '../../../recorder';
import { Journal } from '../../../recorder/journal';
import { WebmReader, concat, type Block } from '../../../recorder/webm';
import { closePlayer, lastExport, openPlayer, seek } from '../player';

/** Where a cluster's time lies: after its id and its size, which is "unknown", and the id and size of the time. */
const TIME_AT = 4 + 8 + 2;
/** Chunks per transaction while filling. */
const BATCH = 64;

const bench = {
  /** Writes this many seconds of recording into the journal. */
  async fill(clip: string, database: string, seconds: number): Promise<{ id: string; bytes: number }> {
    const { head, body } = await secondsOf(clip);
    const journal = new Journal(database);
    const writer = await journal.create({ title: 'Hours', startedAt: Date.now(), mimeType: 'video/webm;codecs=vp8,opus' });
    await writer.append(new Blob([head]), 0);
    await writer.complete();
    const { id } = writer.info;
    await journal.close();

    const opened = await request(indexedDB.open(database));
    const [first] = await request(opened.transaction('chunks').objectStore('chunks').getAllKeys()) as (string | number)[][];
    const prefix = first?.slice(0, -1) ?? [];
    let bytes = head.length;
    for (let from = 0; from < seconds; from += BATCH) {
      const tx = opened.transaction('chunks', 'readwrite', { durability: 'relaxed' });
      for (let second = from; second < Math.min(seconds, from + BATCH); second++) {
        const data = body[second % body.length]!.slice();
        new DataView(data.buffer).setBigUint64(TIME_AT, BigInt(second * 1000));
        tx.objectStore('chunks').add({ data: data.buffer, at: (second + 1) * 1000 }, [...prefix, second + 1]);
        bytes += data.length;
      }
      await new Promise((resolve, reject) => {
        tx.oncomplete = resolve;
        tx.onabort = () => reject(tx.error ?? new Error('aborted'));
      });
    }
    const rows = opened.transaction('recordings', 'readwrite').objectStore('recordings');
    const row = await request(rows.get(id)) as object;
    await request(rows.put({ ...row, bytes, durationMs: seconds * 1000, chunks: seconds + 1 }));
    opened.close();
    return { id, bytes };
  },

  /** The time until the file is handed to the browser's downloads, ms, and its size. */
  async save(database: string, id: string, options: RecorderOptions = {}): Promise<{ ms: number; bytes: number }> {
    const recorder = new Recorder({ ...options, database });
    const began = performance.now();
    const { bytes } = await recorder.save(id);
    const ms = performance.now() - began;
    await recorder.dispose();
    return { ms, bytes };
  },

  /** Opens the last exported file in a video element, and answers how long each jump to a random place took, ms. */
  async seek(times: number): Promise<{ duration: number; ms: number[] }> {
    const video = await openPlayer(await lastExport());
    const ms: number[] = [];
    for (let jump = 0; jump < times; jump++) {
      const began = performance.now();
      await seek(video, Math.random() * video.duration);
      ms.push(performance.now() - began);
    }
    const { duration } = video;
    closePlayer(video);
    return { duration, ms };
  },
};

async function secondsOf(clip: string): Promise<{ head: Uint8Array<ArrayBuffer>; body: Uint8Array<ArrayBuffer>[] }> {
  const file = new Uint8Array(await (await fetch(clip)).arrayBuffer());
  const blocks = new WebmReader().push(file);
  const head = file.slice(0, firstCluster(file));
  const length = Math.floor(Math.max(...blocks.map(({ timestampMs }) => timestampMs)) / 1000);
  const body = Array.from({ length }, (_, second) => cluster(blocks.filter(({ timestampMs }) => Math.floor(timestampMs / 1000) === second), second * 1000));
  return { head, body };
}

function firstCluster(file: Uint8Array): number {
  for (let at = 0; at < file.length; at++) if (file[at] === 0x1f && file[at + 1] === 0x43 && file[at + 2] === 0xb6 && file[at + 3] === 0x75) return at;
  throw new Error('The clip has no cluster');
}

/** Of unknown size, as Chromium writes it. */
function cluster(blocks: readonly Block[], timeMs: number): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [Uint8Array.of(0x1f, 0x43, 0xb6, 0x75, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xe7, 0x88, 0, 0, 0, 0, 0, 0, 0, 0)];
  for (const { track, timestampMs, key, data } of blocks) {
    const length = data.length + 4;
    const relative = Math.round(timestampMs) - timeMs;
    parts.push(Uint8Array.of(0xa3, 0x10 | length >>> 24, length >>> 16 & 0xff, length >>> 8 & 0xff, length & 0xff, 0x80 | track, relative >> 8 & 0xff, relative & 0xff, key ? 0x80 : 0), data);
  }
  return new Uint8Array(concat(parts));
}

function request<T>(asked: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error ?? new Error('refused'));
  });
}

export type ExportBench = typeof bench;
Object.assign(globalThis, { bench });
