import { parseArgs } from 'node:util';

import type { Outcome, Privacy } from './fault-matrix';
import { faults, runMatrix } from './fault-matrix';

// npm run faults [-- --only TEXT --privacy preferred|required --json]
const { values } = parseArgs({ options: { only: { type: 'string' }, privacy: { type: 'string' }, json: { type: 'boolean', default: false } } });

/** What can recover has to within this time, s. */
const RECOVERY_S = 3;

async function main(): Promise<void> {
  const chosen = faults.filter(({ name }) => values.only === undefined || name.includes(values.only));
  const modes = (['preferred', 'required'] as const).filter((mode: Privacy) => values.privacy === undefined || values.privacy === mode);
  const outcomes: Outcome[] = [];
  for (const mode of modes) {
    await runMatrix(mode, chosen, (outcome) => {
      outcomes.push(outcome);
      process.stderr.write(`${JSON.stringify(outcome)}\n`);
    });
  }
  const isControl = ({ fault }: Outcome): boolean => faults.some(({ name, control }) => control && name === fault);
  console.table(outcomes.map((each) => ({
    fault: each.fault,
    privacy: each.privacy,
    'raw frames': `${each.rawFrames} of ${each.frames}`,
    recovered: each.recovered === null ? 'not possible' : each.recovered ? `${each.seconds?.toFixed(1) ?? ''} s` : 'no',
    meeting: each.meetingOk ? 'goes on' : 'BROKEN',
    notice: each.notice ? 'shown' : '',
  })));

  const blind = outcomes.filter((each) => isControl(each) && each.rawFrames === 0);
  const cells = outcomes.filter((each) => !isControl(each));
  const recoverable = cells.filter(({ recovered }) => recovered !== null);
  const late = recoverable.filter(({ recovered, seconds }) => recovered !== true || seconds === null || seconds > RECOVERY_S);
  const summary = {
    cells: cells.length,
    rawFrames: cells.reduce((sum, each) => sum + each.rawFrames, 0),
    recovered: recoverable.length - late.length,
    recoverable: recoverable.length,
    meetingsBroken: outcomes.filter(({ meetingOk }) => !meetingOk).length,
  };
  for (const { fault, privacy } of late) console.log(`Not recovered within ${RECOVERY_S} s: ${fault} (${privacy})`);
  if (blind.length > 0) console.log('With the effect off no mark was read: this run proves nothing.');
  if (values.json) console.log(JSON.stringify(summary));
  else console.table(summary);
  process.exitCode = summary.rawFrames > 0 || summary.meetingsBroken > 0 || late.length > 0 || blind.length > 0 ? 1 : 0;
}

void main();
