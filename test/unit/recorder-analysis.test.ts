import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { epochs, jumps, quantile, readClock, skews, slope } from '../bench/recorder-analysis';
import { BEEP_EVERY_MS, BEEP_HZ, BEEP_MS, CLOCK_MS } from '../bench/recorder-clock';
import { paintMark } from '../tools/marks';

jest.setTimeout(30_000); // ffmpeg, on a machine that may be busy

const RATE = 48_000;
const [WIDTH, HEIGHT, FPS, SECONDS] = [160, 90, 20, 6];
/** The epoch time of the first picture: a little after a turn of the clock. */
const STARTED = 1_800_000 * CLOCK_MS + 3210;

let folder: string;
beforeAll(() => { folder = mkdtempSync(path.join(tmpdir(), 'greenroom-analysis-')); });
afterAll(() => rmSync(folder, { recursive: true }));

/** A recording whose sound is late by so many ms, and later by so many more at its end. Its sound is PCM: Opus has a delay of its own. */
function recording(late: number, drift = 0): string {
  const plane = new Uint8Array(WIDTH * HEIGHT);
  const pictures: Buffer[] = [];
  for (let frame = 0; frame < FPS * SECONDS; frame++) {
    plane.fill(110);
    paintMark(plane, WIDTH, HEIGHT, WIDTH, (STARTED + (frame * 1000) / FPS) % CLOCK_MS);
    pictures.push(Buffer.from(plane), Buffer.alloc((WIDTH * HEIGHT) / 2, 128));
  }
  const sound = new Float32Array(RATE * SECONDS);
  for (let i = 0; i < sound.length; i++) {
    const ms = STARTED + (i * 1000) / RATE - late - (drift * i) / sound.length;
    if (ms % BEEP_EVERY_MS < BEEP_MS) sound[i] = 0.4 * Math.sin((2 * Math.PI * BEEP_HZ * i) / RATE);
  }
  const file = path.join(folder, `${late}-${drift}.mkv`);
  writeFileSync(`${file}.yuv`, Buffer.concat(pictures));
  writeFileSync(`${file}.f32`, Buffer.from(sound.buffer));
  execFileSync('ffmpeg', ['-v', 'error', '-y', '-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${WIDTH}x${HEIGHT}`, '-r', String(FPS), '-i', `${file}.yuv`,
    '-f', 'f32le', '-ar', String(RATE), '-ac', '1', '-i', `${file}.f32`, '-c:v', 'rawvideo', '-c:a', 'pcm_s16le', file]);
  return file;
}

test('a recording says how late its sound is, to the millisecond', async () => {
  for (const late of [70, -120]) {
    const reading = await readClock(recording(late));
    expect(reading.unreadable).toBe(0);
    expect(reading.shown).toHaveLength(FPS * SECONDS);
    const found = skews(reading);
    expect(found.length).toBeGreaterThanOrEqual(SECONDS - 2);
    for (const { skew } of found) expect(Math.abs(skew - late)).toBeLessThan(2);
  }
});

test('a recording says how far its sound drifts', async () => {
  const found = skews(await readClock(recording(0, 60)));
  expect(slope(found.map(({ at, skew }) => ({ x: at, y: skew }))) * 1000 * SECONDS).toBeCloseTo(60, -1);
});

test('a recording says when its last picture was painted, whichever of the two clocks is a little ahead', async () => {
  const reading = await readClock(recording(0));
  for (const ahead of [-300, 0, 2000]) {
    const times = epochs(reading, STARTED - ahead);
    expect(times[0]!.epoch).toBe(STARTED);
    expect(times.at(-1)!.epoch).toBe(STARTED + (FPS * SECONDS - 1) * (1000 / FPS));
  }
  expect(Math.abs(reading.soundEnd - 1000 * SECONDS)).toBeLessThan(30);
});

test('a recording says where its clock jumps, as after a pause, and not where a picture is late', () => {
  const shown = Array.from({ length: 300 }, (_, frame) => {
    const at = (frame * 1000) / 30 + (frame === 50 ? 120 : 0);
    return { at, clock: (STARTED + (frame * 1000) / 30 + (frame < 100 ? 0 : 1300) + (frame < 200 ? 0 : 10_000)) % CLOCK_MS };
  });
  expect(jumps({ shown, beeps: [], soundEnd: 0, unreadable: 0 })).toEqual([100, 200].map((frame) => shown[frame]!.at));
});

test('a broken recording is refused', async () => {
  const file = path.join(folder, 'broken.webm');
  writeFileSync(file, 'no recording');
  await expect(readClock(file)).rejects.toThrow('does not decode');
});

test('quantiles lie between values, and there is none of nothing', () => {
  expect(quantile([3, 1, 2], 0.5)).toBe(2);
  expect(quantile([1, 2], 0.25)).toBe(1.25);
  expect(quantile([], 0.5)).toBeNaN();
});
