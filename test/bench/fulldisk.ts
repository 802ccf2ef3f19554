import { parseArgs } from 'node:util';

import { runFullDisk, type FullDisk } from '../browser/full-disk';
import { launchChromium } from '../tools/browsers';
import { pseudoRandom } from '../tools/sound';

// npm run fulldisk [-- --runs N --seed S --json]
const { values } = parseArgs({ options: { runs: { type: 'string', default: '20' }, seed: { type: 'string', default: '1' }, json: { type: 'boolean', default: false } } });

async function main(): Promise<void> {
  const random = pseudoRandom(Number(values.seed));
  const chromium = await launchChromium();
  const runs: FullDisk[] = [];
  try {
    for (let run = 0; run < Number(values.runs); run++) {
      const result = await runFullDisk(chromium.browser, 500 + random() * 5000, random() * 500_000);
      runs.push(result);
      process.stderr.write(`run ${run + 1}: the disk was full after ${(result.afterMs / 1000).toFixed(1)} s (${result.code ?? 'no code'}); ${result.lostBytes} bytes lost; it went on for ${result.goneOnS.toFixed(1)} s\n`);
    }
  } finally {
    await chromium.close();
  }
  const summary = {
    runs: runs.length,
    lostBytesMax: Math.max(...runs.map(({ lostBytes }) => lostBytes)),
    missingMaxS: Math.max(...runs.map(({ missingS }) => missingS)),
    saidFull: runs.filter(({ code }) => code === 'quota').length,
    wentOn: runs.filter(({ goneOnS, seekable }) => goneOnS > 1 && seekable).length,
  };
  if (values.json) console.log(JSON.stringify(summary));
  else console.table(summary);
  if (summary.lostBytesMax > 0 || summary.saidFull < summary.runs || summary.wentOn < summary.runs) process.exitCode = 1;
}

void main();
