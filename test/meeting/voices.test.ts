import { quantile } from '../bench/recorder-analysis';
import { type MeetingVoices, runMeetingVoices } from './voices';

// One round of `npm run voices -- --conference`, faster. What that asks of a quiet machine cannot be asked of a busy one, where
// whatever is sent, mixed or noted may stand still for some tenths of a second.
describe('a real conference of two in which they come, go, mute, change their devices and share', () => {
  let voices: MeetingVoices;
  beforeAll(async () => { voices = await runMeetingVoices(50, 1); }, 180_000);

  test('each one is heard while they are there and unmuted, and at no other time', () => {
    const offs = voices.edges.map(({ offS }) => Math.abs(offS));
    expect(offs).toHaveLength(6);
    expect(quantile(offs, 0.5)).toBeLessThan(0.3);
    expect(Math.max(...offs)).toBeLessThan(1);
    for (const { ms } of voices.gaps) expect(ms).toBeLessThan(500);
  });

  test('the picture follows', () => {
    const { right, of } = voices.pictures;
    expect(of).toBeGreaterThan(10);
    expect(right / of).toBeGreaterThan(0.9);
  });
});
