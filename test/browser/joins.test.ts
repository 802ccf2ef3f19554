import { Theatre } from '../bench/recorder-stage';
import { examine, record, type Turn } from '../bench/recorder-skew';
import type { RecorderStage } from './pages/bench-recorder';

declare const stage: RecorderStage;

test('a file with a pause, another size and a reload in it plays to its end, shows the right picture wherever one jumps, and its sound is less late than the encoder says', async () => {
  const turns: readonly Turn[] = ['pause', 'resize', 'reload'];
  const theatre = await Theatre.open('chromium');
  try {
    const { page } = await theatre.raise();
    await page.evaluate(() => stage.beep());
    const { encoded, exported, seeks, wrong } = await examine(theatre, page, await record(page, turns, 4000), turns);
    expect(wrong).toEqual([]);
    expect(seeks).toBe(24);
    const late = (parts: typeof encoded): string => parts.map(({ middle }) => middle.toFixed(0)).join(', ');
    console.log(`sound late by ${late(encoded)} ms as encoded, by ${late(exported)} ms in the file`);
    // Chromium's stamps put the sound 50 ms later than it was heard.
    for (const [part, { middle }] of encoded.entries()) expect(Math.abs(middle - 50 - exported[part]!.middle)).toBeLessThan(5);
  } finally {
    await theatre.close();
  }
}, 90_000);
