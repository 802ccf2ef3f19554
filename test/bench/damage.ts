import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import type { StreamTargetChunk } from 'mediabunny';

import { packetTimes } from '../browser/media';
import { remux } from '../../recorder/remux';
import { WebmReader, type Block } from '../../recorder/webm';
import { pseudoRandom } from '../tools/sound';

// npm run damage [-- --cases N --seed S --json]
const { values } = parseArgs({ options: { cases: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' }, json: { type: 'boolean', default: false } } });
const run = promisify(execFile);
const SECONDS = 30;
/** A key frame every two seconds, as often as a recorder's, in proportion. */
const KEY_MS = 2000;
/** What takes longer hangs. */
const PATIENCE_MS = 60_000;

interface Case { readonly kind: 'truncated' | 'flipped'; readonly threw: boolean; readonly missing: number; readonly decodedToEnd: boolean }

/** VP8 and Opus as a recorder streams them, in chunks that begin anywhere. */
async function recorded(folder: string): Promise<Buffer[]> {
  const file = path.join(folder, 'whole.webm');
  const length = String(SECONDS);
  await run('ffmpeg', [
    '-v', 'error', '-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=15:duration=${length}`, '-f', 'lavfi', '-i', `sine=frequency=440:duration=${length}`,
    '-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-g', String((KEY_MS / 1000) * 15), '-b:v', '300k', '-c:a', 'libopus', '-b:a', '64k', '-f', 'webm', '-live', '1', '-cluster_time_limit', '1000', file,
  ]);
  const stream = await readFile(file);
  const size = Math.ceil(stream.length / SECONDS);
  return Array.from({ length: SECONDS }, (_, index) => stream.subarray(index * size, (index + 1) * size));
}

async function exported(chunks: readonly Uint8Array[]): Promise<Uint8Array> {
  let file = new Uint8Array();
  async function* batches(): AsyncGenerator<{ sequence: number; data: ArrayBuffer }[], void, undefined> {
    for (const [sequence, chunk] of chunks.entries()) yield await Promise.resolve([{ sequence, data: new Uint8Array(chunk).buffer }]);
  }
  await remux([{ startMs: 0, first: 0, chunks: batches() }], new WritableStream<StreamTargetChunk>({
    write({ data, position }) {
      if (position + data.length > file.length) {
        const longer = new Uint8Array(position + data.length);
        longer.set(file);
        file = longer;
      }
      file.set(data, position);
    },
  }));
  return file;
}

function damaged(chunk: Uint8Array, kind: Case['kind'], random: () => number): Uint8Array {
  const copy = new Uint8Array(chunk);
  if (kind === 'truncated') return copy.subarray(0, Math.floor(random() * copy.length));
  for (let bit = 0, bits = 1 + Math.floor(random() * 100); bit < bits; bit++) copy[Math.floor(random() * copy.length)]! ^= 1 << Math.floor(random() * 8);
  return copy;
}

async function main(): Promise<void> {
  const random = pseudoRandom(Number(values.seed));
  const folder = await mkdtemp(path.join(tmpdir(), 'greenroom-damage-'));
  const results: Case[] = [];
  try {
    const chunks = await recorded(folder);
    const stream = new Uint8Array(Buffer.concat(chunks));
    const whole = new WebmReader().push(stream);
    const id = ({ track, timestampMs, data }: Block): string => `${track} ${timestampMs} ${Buffer.from(data).toString('base64')}`;
    const sound = whole.find(({ key, timestampMs, track }) => key && timestampMs < 1000 && whole.filter((block) => block.track === track).every((block) => block.key))?.track;
    for (let index = 0; index < Number(values.cases); index++) {
      // The first chunk says what the tracks are: without it nothing is decodable.
      const hit = 1 + Math.floor(random() * (chunks.length - 1));
      const kind = index % 2 === 0 ? 'truncated' : 'flipped';
      const hurt = chunks.map((chunk, at) => (at === hit ? damaged(chunk, kind, random) : chunk));
      const begins = chunks.slice(0, hit).reduce((sum, { length }) => sum + length, 0);
      const ends = begins + (chunks[hit]?.length ?? 0);
      const touched = whole.filter(({ data }) => data.byteOffset < ends && data.byteOffset + data.length > begins).map(({ timestampMs }) => timestampMs);
      const from = Math.min(...touched);
      // The next cluster begins within a second of the damage; the picture needs the key frame after that.
      const soundAgain = Math.max(...touched) + 1100;
      const pictureAgain = whole.find(({ track, key, timestampMs }) => track !== sound && key && timestampMs >= soundAgain)?.timestampMs ?? Infinity;
      const wanted = whole.filter(({ track, timestampMs, data }) => (timestampMs < from && data.byteOffset + data.length <= begins) || timestampMs >= (track === sound ? soundAgain : pictureAgain));
      const made = await Promise.race([exported(hurt).catch(() => null), new Promise<null>((resolve) => setTimeout(resolve, PATIENCE_MS, null).unref())]);
      if (made === null) {
        results.push({ kind, threw: true, missing: wanted.length, decodedToEnd: false });
        continue;
      }
      const there = new Set(new WebmReader().push(made).map(id));
      const file = path.join(folder, 'damaged.webm');
      await writeFile(file, made);
      // Whatever else a player makes of a bent frame, it comes to the end.
      const last = Math.max(...wanted.map(({ timestampMs }) => timestampMs)) / 1000;
      const decodedToEnd = await run('ffmpeg', ['-v', 'quiet', '-i', file, '-f', 'null', '-'], { timeout: PATIENCE_MS })
        .then(async () => Math.max(...await packetTimes(file, 'a:0'), ...await packetTimes(file, 'v:0')) >= last - 0.1, () => false);
      results.push({ kind, threw: false, missing: wanted.filter((block) => !there.has(id(block))).length, decodedToEnd });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const rows = Object.fromEntries((['truncated', 'flipped'] as const).map((kind) => {
    const those = results.filter((result) => result.kind === kind);
    return [kind, { cases: those.length, threwOrHung: those.filter(({ threw }) => threw).length, lackSomething: those.filter(({ missing }) => missing > 0).length, decodedToEnd: those.filter(({ decodedToEnd }) => decodedToEnd).length }];
  }));
  if (values.json) console.log(JSON.stringify(rows));
  else console.table(rows);
  if (results.some(({ threw, missing, decodedToEnd }) => threw || missing > 0 || !decodedToEnd)) process.exitCode = 1;
}

void main();
