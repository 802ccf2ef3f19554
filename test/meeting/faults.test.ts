import { faults, runMatrix } from './fault-matrix';
import type { Outcome } from './fault-matrix';

/** A few of the cells, on every run; `npm run faults` goes through all of them, in both privacy modes, and looks at the time. */
const SHORT: readonly string[] = ['none: effect off on purpose', 'worker of the frames killed', 'device unplugged', 'inference throws always', 'setEffect rejected', 'system blur flips', 'model cut off'];

test('faults in a running conference: no raw frame arrives, the meeting goes on, and the effect comes back', async () => {
  const chosen = faults.filter(({ name }) => SHORT.includes(name));
  expect(chosen.length).toBe(SHORT.length);
  const outcomes: Outcome[] = [];
  await runMatrix('preferred', chosen, (outcome) => outcomes.push(outcome));
  console.table(outcomes);
  const [control, ...cells] = outcomes;
  expect(control?.rawFrames).toBeGreaterThan(0); // or none of the others could have
  expect(cells.map(({ fault, rawFrames, recovered, meetingOk }) => ({ fault, rawFrames, recovered, meetingOk }))).toEqual(
    chosen.slice(1).map(({ name }) => ({ fault: name, rawFrames: 0, recovered: true, meetingOk: true })),
  );
}, 300_000);
