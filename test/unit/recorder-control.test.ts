import type { JitsiHost } from '../../plugin/jitsi/host';
import { RecorderControl } from '../../plugin/recorder-control';
import { Recorder, type RecorderState, type RecordingInfo } from '../../recorder';

const info: RecordingInfo = {
  id: 'id', title: 'Title', startedAt: 0, durationMs: 1000, bytes: 1000, mimeType: 'video/webm', state: 'recording',
  source: 'tab', participants: [], markers: [], stems: [], segments: [{ firstChunk: 0, startMs: 0, startedAt: 0 }], locked: false, savedAt: null, keptUntil: null,
};
const capture = { surface: 'browser', audioLabel: 'Tab audio', ownTab: true } as const;
const recording = (remainingMs: number | null): RecorderState => ({ kind: 'recording', info, capture, since: 0, remainingMs });

let become: (state: RecorderState) => void;
const notify = jest.fn<undefined, [{ uid: string; description: string }]>();

beforeEach(() => {
  notify.mockClear();
  Object.defineProperty(globalThis, 'window', { value: new EventTarget(), configurable: true });
  // The recorder's states come from this test: its own need a browser, and are proved in one.
  jest.spyOn(Recorder.prototype, 'subscribe').mockImplementation((listener) => {
    become = listener;
    return () => undefined;
  });
  jest.spyOn(Recorder.prototype, 'list').mockResolvedValue([]);
  new RecorderControl({ notify, announceRecording: () => undefined } as unknown as JitsiHost, { announce: true, videoCodec: 'auto', audioBitsPerSecond: 128_000, videoBitsPerSecond: 2_500_000, source: 'room', sources: ['room'], layout: 'gallery', encrypt: 'off', keepDays: 0 } as ConstructorParameters<typeof RecorderControl>[1]);
});

afterEach(() => jest.restoreAllMocks());

const told = (): string[] => notify.mock.calls.filter(([notice]) => notice.uid === 'greenroom-space').map(([notice]) => notice.description);

test('people are told twice in each recording that the disk gets full, and not before it does', () => {
  const minute = 60_000;
  for (const state of [{ kind: 'starting' } as const, recording(null), recording(90 * minute), recording(6 * minute)]) become(state);
  expect(told()).toEqual([]);
  become(recording(4.9 * minute));
  become(recording(4.8 * minute));
  expect(told()).toHaveLength(1);
  expect(told()[0]).toContain('4:54');
  // The rate goes up and down; the same is not said again.
  become(recording(7 * minute));
  become(recording(4 * minute));
  expect(told()).toHaveLength(1);
  become(recording(0.9 * minute));
  become(recording(0.8 * minute));
  expect(told()).toHaveLength(2);

  become({ kind: 'stopping', info });
  become({ kind: 'idle', last: null });
  become({ kind: 'starting' });
  become(recording(3 * minute));
  expect(told()).toHaveLength(3);
});
