import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';

const RATE = 48_000;
const folder = path.resolve(__dirname, '../../build/footage');

/**
 * A steady sine as a WAV file for `launchChromium({audio})`, which plays it over and over, with a break of some ms each time.
 * @param frequency Hz, a whole number
 * @param gain peak amplitude, 0 to 1
 * @param seconds how long it is
 * @returns the file's path, in the cache
 */
export function tone(frequency: number, gain = 0.3, seconds = 4): Promise<string> {
  return cachedWave(`tone-${frequency}-${gain}-${seconds}`, () => Float32Array.from({ length: seconds * RATE }, (_, i) => gain * Math.sin((2 * Math.PI * frequency * i) / RATE)));
}

/** First three formants of five vowels, Hz. */
const vowels = [[730, 1090, 2440], [270, 2290, 3010], [530, 1840, 2480], [570, 840, 2410], [300, 870, 2240]] as const;

/**
 * Something like speech, 12 s, looping: vowels of a voice near 120 Hz in phrases with pauses. It opens voice
 * detection and has the level and spectrum that echo and noise control expect; it says nothing.
 * @returns the file's path, in the cache
 */
export function voice(): Promise<string> {
  return cachedWave('voice-1', () => {
    const wave = new Float32Array(12 * RATE);
    const random = pseudoRandom(7);
    for (let start = 0.3; start < 11;) {
      const syllables = 4 + Math.floor(random() * 7);
      for (let index = 0; index < syllables && start < 11.5; index++) {
        const duration = 0.13 + 0.12 * random();
        addSyllable(wave, start, duration, 132 - 3 * index + 8 * random(), vowels[Math.floor(random() * vowels.length)] ?? vowels[0]);
        start += duration + 0.02 + 0.04 * random();
      }
      start += 0.45 + 0.6 * random();
    }
    let peak = 0;
    for (const sample of wave) peak = Math.max(peak, Math.abs(sample));
    return wave.map((sample) => (0.5 * sample) / peak);
  });
}

/** Adds one vowel: a glottal saw through three two-pole resonators, faded in and out. */
function addSyllable(wave: Float32Array, start: number, duration: number, pitch: number, formants: readonly number[]): void {
  const length = Math.floor(duration * RATE);
  const first = Math.floor(start * RATE);
  const filters = formants.map((formant, index) => {
    const radius = Math.exp((-Math.PI * (70 + 30 * index)) / RATE);
    return { a1: 2 * radius * Math.cos((2 * Math.PI * formant) / RATE), a2: -radius * radius, y1: 0, y2: 0, gain: (1 - radius) / (index + 1) };
  });
  let phase = 0;
  for (let i = 0; i < length && first + i < wave.length; i++) {
    phase = (phase + (pitch * (1 - 0.1 * (i / length))) / RATE) % 1;
    const source = 1 - 2 * phase;
    let sum = 0;
    for (const filter of filters) {
      const y = source + filter.a1 * filter.y1 + filter.a2 * filter.y2;
      filter.y2 = filter.y1;
      filter.y1 = y;
      sum += y * filter.gain;
    }
    const fade = Math.min(1, i / (0.02 * RATE), (length - i) / (0.04 * RATE));
    wave[first + i] = (wave[first + i] ?? 0) + sum * fade;
  }
}

/** The same numbers in every run, 0 to 1. */
export function pseudoRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

async function cachedWave(name: string, make: () => Float32Array): Promise<string> {
  const file = path.join(folder, `${name}.wav`);
  await mkdir(folder, { recursive: true });
  const samples = make();
  const bytes = Buffer.alloc(44 + 2 * samples.length);
  bytes.write('RIFF', 0);
  bytes.writeUInt32LE(36 + 2 * samples.length, 4);
  bytes.write('WAVEfmt ', 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20); // PCM
  bytes.writeUInt16LE(1, 22); // mono
  bytes.writeUInt32LE(RATE, 24);
  bytes.writeUInt32LE(2 * RATE, 28);
  bytes.writeUInt16LE(2, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write('data', 36);
  bytes.writeUInt32LE(2 * samples.length, 40);
  samples.forEach((sample, i) => bytes.writeInt16LE(Math.round(sample * 32_767), 44 + 2 * i));
  // Renamed when complete: another process may be making the same file.
  const partial = `${file}.${process.pid}`;
  await writeFile(partial, bytes);
  await rename(partial, file);
  return file;
}
