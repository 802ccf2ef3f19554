import { Governor } from '../../effects/governor';

/** A camera and a machine: frames at `fps`, every `loseEvery`-th lost, `busyMs` for each. */
const run = (governor: Governor, from: number, seconds: number, { fps = 30, busyMs, loseEvery = 0 }: { fps?: number; busyMs: number | (() => number); loseEvery?: number }): number => {
  const period = 1e6 / fps;
  let timestamp = from;
  for (let i = 0; i < seconds * fps; i++) {
    timestamp += period;
    if (loseEvery === 0 || i % loseEvery !== 0) governor.note(timestamp, typeof busyMs === 'number' ? busyMs : busyMs());
  }
  return timestamp;
};
const ALL = { maskEvery: 1, half: false };
const LEAST = { maskEvery: 3, half: true };

describe('the governor', () => {
  test('leaves a machine that keeps up alone', () => {
    const governor = new Governor();
    run(governor, 0, 60, { busyMs: 10 });
    expect(governor.effort).toEqual(ALL);
  });

  test('lowers the rate of masks first, then the size, while there is too much to do', () => {
    const governor = new Governor();
    const seen = new Set<string>();
    let at = 0;
    for (let i = 0; i < 8; i++) {
      at = run(governor, at, 1.1, { busyMs: 25 });
      seen.add(JSON.stringify(governor.effort));
    }
    expect([...seen].map((each) => JSON.parse(each) as unknown)).toEqual([{ maskEvery: 2, half: false }, { maskEvery: 3, half: false }, LEAST]);
  });

  test('takes every other mask only while the whole machine is short of processor, and all of them again some time after', () => {
    let isPressed = false;
    const governor = new Governor(() => isPressed);
    let at = run(governor, 0, 10, { busyMs: 5 });
    isPressed = true;
    at = run(governor, at, 2, { busyMs: 5 });
    expect(governor.effort).toEqual(ALL); // a moment's rush is none of our business
    at = run(governor, at, 20, { busyMs: 5 });
    expect(governor.effort).toEqual({ maskEvery: 2, half: false });
    isPressed = false;
    at = run(governor, at, 3, { busyMs: 5 });
    expect(governor.effort).toEqual({ maskEvery: 2, half: false });
    at = run(governor, at, 10, { busyMs: 5 });
    expect(governor.effort).toEqual(ALL);
    isPressed = true;
    run(governor, at, 20, { busyMs: 25 });
    expect(governor.effort).toEqual(LEAST); // what it cannot keep up with counts all the same
  });

  test('sees lost frames, but not those of a camera that is slow by itself', () => {
    const losing = new Governor();
    run(losing, 0, 10, { busyMs: 12, loseEvery: 4 });
    expect(losing.effort).toEqual(LEAST);
    const slow = new Governor();
    run(slow, 0, 10, { fps: 15, busyMs: 12 });
    expect(slow.effort).toEqual(ALL);
    const unsteady = new Governor();
    run(unsteady, 0, 10, { busyMs: 5, loseEvery: 4 });
    expect(unsteady.effort).toEqual(ALL);
  });

  test('raises the effort again after a calm while, and waits longer each time that it was too much', () => {
    const governor = new Governor();
    let at = run(governor, 0, 10, { busyMs: 25 });
    expect(governor.effort).toEqual(LEAST);
    at = run(governor, at, 30, { busyMs: 5 });
    expect(governor.effort).toEqual(ALL);

    // A machine that can do all but the full masks: it is tried less and less often.
    const tries: number[] = [];
    for (let second = 0; second < 200; second++) {
      const before = governor.effort.maskEvery;
      at = run(governor, at, 1, { busyMs: () => (governor.effort.maskEvery === 1 ? 20 : 7) });
      if (before > 1 && governor.effort.maskEvery === 1) tries.push(second);
    }
    const waits = tries.slice(1).map((second, i) => second - tries[i]!);
    expect(waits.length).toBeGreaterThan(2);
    expect(waits.length).toBeLessThan(6);
    expect(waits).toEqual([...waits].sort((a, b) => a - b));
  });

  test('starts anew with another camera’s clock', () => {
    const governor = new Governor();
    run(governor, 5e9, 0.9, { busyMs: 25 });
    run(governor, 0, 0.9, { busyMs: 25 });
    expect(governor.effort).toEqual(ALL);
  });
});
