import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { EncodedAudioPacketSource, EncodedPacket, EncodedVideoPacketSource, Output, StreamTarget, WebMOutputFormat, type StreamTargetChunk } from 'mediabunny';
import { remux, soundStartMs, type RemuxOptions } from '../../recorder/remux';
import { zip } from '../../recorder/zip';
import { WebmReader, type Block } from '../../recorder/webm';

const SECONDS = 30;
/** How a packet of Opus begins that is 100 ms long: five frames of 20 ms. */
const FIVE_FRAMES = [0xfb, 5];
const VIDEO = 1;
const AUDIO = 2;

/** A repeatable stream of numbers, 0 to 1 (mulberry32). */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function collect(): { writable: WritableStream<StreamTargetChunk>; bytes: () => Uint8Array } {
  let file = new Uint8Array();
  return {
    writable: new WritableStream({
      write({ data, position }) {
        if (position + data.length > file.length) file = Uint8Array.from({ length: position + data.length }, (_, at) => file[at] ?? 0);
        file.set(data, position);
      },
    }),
    bytes: () => file,
  };
}

/** As Chromium writes it: clusters of a second and of unknown size, nothing that says how long it is. Frames are random bytes. */
async function recorded(soundLateS = 0): Promise<Uint8Array> {
  const random = dice(1);
  const { writable, bytes } = collect();
  const output = new Output({ format: new WebMOutputFormat({ appendOnly: true }), target: new StreamTarget(writable) });
  const [video, audio] = [new EncodedVideoPacketSource('vp8'), new EncodedAudioPacketSource('opus')];
  output.addVideoTrack(video);
  output.addAudioTrack(audio);
  await output.start();
  const frame = (size: number): Uint8Array => Uint8Array.from({ length: size }, () => random() * 256);
  for (let tick = 0; tick < SECONDS * 10; tick++) {
    const time = tick / 10;
    await video.add(new EncodedPacket(frame(200 + random() * 400), tick % 10 === 0 ? 'key' : 'delta', time, 0.1), { decoderConfig: { codec: 'vp8', codedWidth: 320, codedHeight: 180 } });
    await audio.add(new EncodedPacket(Uint8Array.of(...FIVE_FRAMES, ...frame(58)), 'key', time + soundLateS, 0.1), { decoderConfig: { codec: 'opus', numberOfChannels: 2, sampleRate: 48_000 } });
  }
  await output.finalize();
  return bytes();
}

const chunksOf = (stream: Uint8Array, size: number): Uint8Array[] =>
  Array.from({ length: Math.ceil(stream.length / size) }, (_, index) => stream.slice(index * size, (index + 1) * size));

interface Exported { losses: number; blocks: Block[]; file: Uint8Array }

/** Each take is the chunks of one encoder, and where it begins. */
async function joined(takes: readonly { startMs: number; chunks: readonly (Uint8Array | null)[] }[], options: RemuxOptions = {}): Promise<Exported> {
  const { writable, bytes } = collect();
  const first = (index: number): number => takes.slice(0, index).reduce((sum, { chunks }) => sum + chunks.length, 0);
  async function* batches(index: number): AsyncGenerator<{ sequence: number; data: ArrayBuffer }[], void, undefined> {
    for (const [at, chunk] of (takes[index]?.chunks ?? []).entries()) if (chunk !== null) yield await Promise.resolve([{ sequence: first(index) + at, data: chunk.slice().buffer }]);
  }
  const losses = await remux(takes.map(({ startMs }, index) => ({ startMs, first: first(index), chunks: batches(index) })), writable, options);
  return { losses, file: bytes(), blocks: new WebmReader().push(bytes()) };
}

const exported = (chunks: readonly (Uint8Array | null)[], options?: RemuxOptions): Promise<Exported> => joined([{ startMs: 0, chunks }], options);

const same = (a: Block, b: Block): boolean => a.track === b.track && a.timestampMs === b.timestampMs && Buffer.compare(a.data, b.data) === 0;

let stream: Uint8Array;
let whole: Block[];
beforeAll(async () => {
  stream = await recorded();
  whole = new WebmReader().push(stream);
});

test('every frame is copied as it is, whatever the pieces it comes in', async () => {
  expect(whole).toHaveLength(2 * SECONDS * 10);
  for (const size of [7, 4096, stream.length]) {
    const reader = new WebmReader();
    const blocks = chunksOf(stream, size).flatMap((piece) => reader.push(piece).map((block) => ({ ...block, data: block.data.slice() })));
    expect(blocks.every((block, index) => same(block, whole[index]!))).toBe(true);
    expect(blocks).toHaveLength(whole.length);
  }
  const { losses, blocks } = await exported(chunksOf(stream, 5000));
  expect(losses).toBe(0);
  expect(blocks).toHaveLength(whole.length);
  expect(whole.every((block) => blocks.some((copy) => same(block, copy)))).toBe(true);
});

test('200 random damages: the file is made, and has all sound before and from the next cluster after each', async () => {
  const random = dice(2);
  const size = 5000;
  for (let run = 0; run < 200; run++) {
    const chunks: (Uint8Array | null)[] = chunksOf(stream, size);
    // The first chunk says what the tracks are: without it nothing can be decoded.
    const hit = 1 + Math.floor(random() * (chunks.length - 1));
    const chunk = chunks[hit]!;
    const kind = ['lost', 'cut', 'flipped', 'scrambled', 'ends'][run % 5];
    if (kind === 'lost') chunks[hit] = null;
    if (kind === 'cut') chunks[hit] = chunk.slice(0, random() * chunk.length);
    if (kind === 'flipped') for (let bit = 0; bit < 20; bit++) chunk[Math.floor(random() * chunk.length)]! ^= 1 << Math.floor(random() * 8);
    if (kind === 'scrambled') chunks[hit] = chunk.map(() => random() * 256);
    if (kind === 'ends') chunks.length = hit;
    const { blocks } = await exported(chunks);

    const begins = hit * size;
    const at = (block: Block): number => block.data.byteOffset;
    const before = whole.filter((block) => block.track === AUDIO && at(block) + block.data.length <= begins);
    const lastHurt = Math.max(0, ...whole.filter((block) => at(block) < begins + size).map((block) => block.timestampMs));
    const after = kind === 'ends' ? [] : whole.filter((block) => block.track === AUDIO && block.timestampMs > lastHurt + 2000);
    for (const wanted of [...before, ...after]) {
      if (!blocks.some((copy) => same(wanted, copy))) throw new Error(`run ${run} (${kind ?? ''}): the sound at ${wanted.timestampMs} ms is missing`);
    }
    const picture = blocks.filter((block) => block.track === VIDEO);
    expect(picture[0]?.key).toBe(true);
  }
});

test('what has no beginning is refused in so many words', async () => {
  await expect(exported([null, ...chunksOf(stream, 5000).slice(1)])).rejects.toMatchObject({ code: 'encoder' });
  await expect(exported([])).rejects.toMatchObject({ code: 'encoder' });
});

test('a clock that is bent into the future costs its own cluster, not what follows', async () => {
  // The time of a cluster is an element of one byte of id, one of size, and some of time.
  const at = Buffer.from(stream).indexOf(Buffer.from('1f43b675', 'hex'), stream.length >> 1);
  const bent = stream.slice();
  const time = bent.indexOf(0xe7, at) + 2;
  bent[time]! ^= 0x40;
  const cluster = whole.find(({ data }) => data.byteOffset > at)?.timestampMs ?? 0;
  const { blocks } = await exported(chunksOf(bent, 5000));
  const far = whole.filter(({ track, timestampMs }) => track === AUDIO && (timestampMs < cluster || timestampMs >= cluster + 2000));
  expect(far.every((block) => blocks.some((copy) => same(block, copy)))).toBe(true);
  expect(Math.max(...blocks.map(({ timestampMs }) => timestampMs))).toBe(Math.max(...whole.map(({ timestampMs }) => timestampMs)));
});

describe('further segments', () => {
  const times = (blocks: readonly Block[], track: number): number[] => blocks.filter((block) => block.track === track).map(({ timestampMs }) => timestampMs);

  test('follow each other on one clock, and the sound between them is silence, not a hole', async () => {
    const { losses, blocks } = await joined([{ startMs: 0, chunks: chunksOf(stream, 5000) }, { startMs: 31_000, chunks: chunksOf(stream, 5000) }]);
    expect(losses).toBe(0);
    const picture = times(blocks, VIDEO);
    expect(picture).toEqual([...times(whole, VIDEO), ...times(whole, VIDEO).map((time) => time + 31_000)]);
    const sound = times(blocks, AUDIO);
    expect(sound.filter((time) => time >= 31_000)).toEqual(times(whole, AUDIO).map((time) => time + 31_000));
    const gaps = sound.map((time, index) => time - (sound[index - 1] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(100); // as far apart as they were recorded
  });

  test('never overlap, whatever the clocks said', async () => {
    const { blocks } = await joined([{ startMs: 0, chunks: chunksOf(stream, 5000) }, { startMs: 1000, chunks: chunksOf(stream, 5000) }]);
    const picture = times(blocks, VIDEO);
    expect(picture).toHaveLength(2 * SECONDS * 10);
    expect(picture.every((time, index) => index === 0 || time > (picture[index - 1] ?? 0))).toBe(true);
  });

  test.each([[0, 1], [1, 0]])('a segment whose beginning is lost does not take the others with it (%i)', async (lost, kept) => {
    const takes = [0, 31_000].map((startMs, index) => ({ startMs, chunks: chunksOf(stream, 5000).map((chunk, at) => (index === lost && at === 0 ? null : chunk)) }));
    const { losses, blocks } = await joined(takes);
    expect(losses).toBeGreaterThan(0);
    expect(times(blocks, VIDEO)).toEqual(times(whole, VIDEO).map((time) => time + (kept === 1 ? 31_000 : 0)));
  });
});

describe("Chromium's stamps", () => {
  const PACKET_MS = 60;
  const LATE_MS = 50;

  /** Three seconds in packets as Chromium's encoder makes them, three frames of 20 ms, with a key frame every second. */
  async function recordedBy(muxer: string, { picture }: { picture: boolean }): Promise<Uint8Array> {
    const { writable, bytes } = collect();
    const output = new Output({ format: new WebMOutputFormat({ appendOnly: true }), target: new StreamTarget(writable) });
    const [video, audio] = [new EncodedVideoPacketSource('vp8'), new EncodedAudioPacketSource('opus')];
    if (picture) output.addVideoTrack(video);
    output.addAudioTrack(audio);
    await output.start();
    for (let tick = 0; tick < 50; tick++) {
      const time = (tick * PACKET_MS) / 1000;
      if (picture) await video.add(new EncodedPacket(new Uint8Array(300).fill(7), tick % 17 === 0 ? 'key' : 'delta', time, 0.06), { decoderConfig: { codec: 'vp8', codedWidth: 320, codedHeight: 180 } });
      await audio.add(new EncodedPacket(Uint8Array.of(0xfb, 3, tick), 'key', time, 0.06), { decoderConfig: { codec: 'opus', numberOfChannels: 2, sampleRate: 48_000 } });
    }
    await output.finalize();
    const stream = bytes();
    // The name is an element of two bytes of id and one of size, and may end in zeros.
    const at = Buffer.from(stream).indexOf(Buffer.from('4d80', 'hex')) + 2;
    stream.fill(0, at + 1, at + 1 + (stream[at]! & 0x7f)).set(Buffer.from(muxer), at + 1);
    return stream;
  }
  const times = (blocks: readonly Block[], sound: boolean): number[] => blocks.filter(({ data }) => (data.length === 3) === sound).map(({ timestampMs }) => timestampMs);

  test("the picture goes to where its sound is late, in every segment; others' does not", async () => {
    for (const [muxer, lateMs] of [['Chrome', LATE_MS], ['Somebody', 0]] as const) {
      const take = await recordedBy(muxer, { picture: true });
      const { losses, blocks } = await joined([{ startMs: 0, chunks: [take] }, { startMs: 4000, chunks: [take] }]);
      expect(losses).toBe(0);
      const [picture, sound] = [times(blocks, false), times(blocks, true)];
      // It is the picture that moves: nothing is before zero, and the sound is in step with its stems.
      expect(picture.slice(0, 2)).toEqual([lateMs, lateMs + PACKET_MS]);
      expect(sound.slice(0, 2)).toEqual([0, PACKET_MS]);
      expect(picture).toHaveLength(100);
      expect(sound.slice(-50, -48)).toEqual([4000, 4000 + PACKET_MS]);
      expect(sound.slice(-50)).toEqual(picture.slice(50).map((time) => time - lateMs));
      expect(sound.every((time, index) => index === 0 || time > sound[index - 1]!)).toBe(true);
    }
  });

  test('where there is no picture to be late against, nothing moves', async () => {
    const { blocks } = await joined([{ startMs: 250, chunks: [await recordedBy('Chrome', { picture: false })] }]);
    expect(blocks.map(({ timestampMs }) => timestampMs).slice(0, 2)).toEqual([250, 250 + PACKET_MS]);
  });
});

test('the sound alone, from the very beginning', async () => {
  const { blocks } = await joined([{ startMs: 250, chunks: chunksOf(stream, 5000) }], { soundOnly: true, fromZero: true });
  expect(new Set(blocks.map(({ track }) => track)).size).toBe(1);
  expect(blocks[0]?.timestampMs).toBe(0);
  expect(blocks.filter(({ timestampMs }) => timestampMs >= 250).map(({ timestampMs }) => timestampMs)).toEqual(whole.filter(({ track }) => track === AUDIO).map(({ timestampMs }) => timestampMs + 250));
});

test('the sound of a stem is as long as the time it takes, whatever is missing of it', async () => {
  const chunks = chunksOf(stream, 5000).map((chunk, index) => (index === 8 || index === 20 ? null : chunk));
  const { losses, blocks } = await joined([{ startMs: 250, chunks }, { startMs: 40_000, chunks }], { soundOnly: true, fromZero: true });
  expect(losses).toBe(4);
  // What a program hears that looks at no times: silence is 20 ms long, and all else 100.
  let heardMs = 0;
  for (const { data, timestampMs } of blocks) {
    expect(Math.abs(heardMs - timestampMs)).toBeLessThanOrEqual(data.length === 3 ? 20 : 10);
    heardMs += data.length === 3 ? 20 : 100;
  }
  expect(heardMs).toBeGreaterThan(60_000);
  expect(blocks.filter(({ data }) => data.length > 3).length).toBeLessThan(2 * 10 * SECONDS - 20);
});

test('the sound that begins after the picture says by how much; what lost its beginning says nothing', async () => {
  const startOf = async (chunks: readonly (Uint8Array | null)[]): Promise<number> => {
    async function* batches(): AsyncGenerator<{ sequence: number; data: ArrayBuffer }[], void, undefined> {
      for (const [at, chunk] of chunks.entries()) if (chunk !== null) yield await Promise.resolve([{ sequence: 7 + at, data: chunk.slice().buffer }]);
    }
    return await soundStartMs({ startMs: 0, first: 7, chunks: batches() });
  };
  expect(await startOf(chunksOf(stream, 5000))).toBe(0);
  const late = await recorded(0.042);
  for (const size of [100, 5000, late.length]) expect(await startOf(chunksOf(late, size))).toBe(42);
  expect(await startOf(chunksOf(late, 100).map((chunk, index) => (index === 0 ? null : chunk)))).toBe(0);
  expect(await startOf([])).toBe(0);
});

test('a zip is sent front to back, and what is in it is the same as outside', async () => {
  const { file } = await exported(chunksOf(stream, 5000));
  const chunks = chunksOf(stream, 5000);
  async function* batches(): AsyncGenerator<{ sequence: number; data: ArrayBuffer }[], void, undefined> {
    for (const [sequence, chunk] of chunks.entries()) yield await Promise.resolve([{ sequence, data: chunk.slice().buffer }]);
  }
  const make = (writable: WritableStream<StreamTargetChunk>): Promise<number> => remux([{ startMs: 0, first: 0, chunks: batches() }], writable);
  const parts: Uint8Array[] = [];
  for await (const part of zip([{ name: 'Zoë.webm', content: make }, { name: 'chapters.vtt', content: 'WEBVTT' }], new Date())) parts.push(part);
  const folder = mkdtempSync(path.join(tmpdir(), 'greenroom-zip-'));
  writeFileSync(path.join(folder, 'all.zip'), Buffer.concat(parts));
  // Read by somebody else's program, which checks the sums as well.
  execFileSync('python3', ['-m', 'zipfile', '-t', path.join(folder, 'all.zip')]);
  execFileSync('python3', ['-m', 'zipfile', '-e', path.join(folder, 'all.zip'), folder]);
  expect(readdirSync(folder).sort()).toEqual(['Zoë.webm', 'all.zip', 'chapters.vtt']);
  expect(Buffer.compare(readFileSync(path.join(folder, 'Zoë.webm')), file)).toBe(0);
  rmSync(folder, { recursive: true });
});
