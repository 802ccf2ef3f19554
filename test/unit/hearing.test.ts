import { clicksOf, levelOf, spansOf } from '../tools/hearing';

const RATE = 48_000;
const GAIN = 0.12;

/** A sum of tones, each as loud at each time (ms) as it says. */
function sound(ms: number, tones: readonly { readonly frequency: number; readonly loudness?: (at: number) => number }[]): Float32Array {
  return Float32Array.from({ length: (ms * RATE) / 1000 }, (_, i) => tones.reduce((sum, { frequency, loudness = () => 1 }) => sum + GAIN * loudness((i * 1000) / RATE) * Math.sin((2 * Math.PI * frequency * i) / RATE), 0));
}

const ramp = (at: number, from: number, length: number): number => Math.min(1, Math.max(0, (at - from) / length));

/** Five people's, for a second, of whom one comes or is away as told. */
const meeting = (loudness: (at: number) => number, frequency = 700): Float32Array => sound(1000, [300, 500, 700, 900, 1100].map((each) => (each === frequency ? { frequency: each, loudness } : { frequency: each })));
/** Of a tone that goes on to the end, without the edges of the file. */
const breaks = (pcm: Float32Array): number => spansOf(levelOf(pcm, 700).subarray(0, 980), GAIN / 2, 50).length - 1;
const clicks = (pcm: Float32Array): number[] => clicksOf(pcm, GAIN).filter(({ at }) => at > 20).map(({ at }) => at);

test('a voice that fades in and out has no click, and one that is cut has one, wherever its wave was', () => {
  expect(clicks(meeting((at) => ramp(at, 300, 12) * (1 - ramp(at, 700, 12))))).toEqual([]);
  for (const frequency of [300, 1100]) {
    // In the zero of a wave, where there is hardly anything to be heard, it may go unnoticed.
    for (const phase of [0.04, 0.2, 0.46, 0.7]) {
      const cut = 500 + phase * (1000 / frequency);
      for (const pcm of [meeting((at) => (at < cut ? 1 : 0), frequency), meeting((at) => (at < cut ? 0 : 1), frequency)]) {
        const found = clicks(pcm);
        expect(found).toHaveLength(1);
        expect(Math.abs(found[0]! - cut)).toBeLessThan(5);
      }
    }
  }
});

/** Not in the zero of a wave of 700 Hz, nor is what is a hole later. */
const START = 500.4;

test('a hole of 60 ms is a break, and one of 20 ms is not, but clicks when it is cut', () => {
  const hole = (length: number, fade: number) => (at: number): number => 1 - ramp(at, START - fade, Math.max(fade, 1e-9)) + ramp(at, START + length, Math.max(fade, 1e-9));
  expect(breaks(meeting(() => 1))).toBe(0);
  expect(breaks(meeting(hole(60, 0)))).toBe(1);
  expect(breaks(meeting(hole(20, 0)))).toBe(0);
  expect(clicks(meeting(hole(60, 0)))).toHaveLength(2);
  expect(clicks(meeting(hole(20, 0))).length).toBeGreaterThan(0);
  expect(breaks(meeting(hole(60, 12)))).toBe(1);
  expect(clicks(meeting(hole(60, 12)))).toEqual([]);
});

test('a wave whose phase leaps has a click, though it is as loud as before', () => {
  const pcm = meeting(() => 1);
  const other = sound(1000, [300, 500, 700, 900, 1100].map((frequency) => ({ frequency, loudness: () => (frequency === 700 ? -1 : 1) })));
  pcm.set(other.subarray(24_010), 24_010);
  expect(clicks(pcm)).toHaveLength(1);
});
