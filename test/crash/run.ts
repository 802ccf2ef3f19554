/**
 * `npm run crash -- --runs N [--browser chromium|firefox]`: kill -9 to the whole browser at a random moment of a recording,
 * again and again. What is lost, and what is lost of the same stream by a `createWritable` file, as Jitsi Meet's recorder
 * writes it, and by chunks in memory. Fails if a recovered file does not decode to its end, or if more than 1.5 s were lost.
 * `--json` adds one JSON object as the last line.
 */
import { parseArgs } from 'node:util';
import { crash } from './crash';

/** A chunk every half second, and the time in which it is encoded and written, on a machine that is busy as well. */
const MOST_LOST_S = 1.5;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { runs: { type: 'string', default: '30' }, browser: { type: 'string', default: 'chromium' }, json: { type: 'boolean', default: false } } });
  const { browser } = values;
  if (browser !== 'chromium' && browser !== 'firefox') throw new Error(`--browser is chromium or firefox, not ${browser}`);
  const { details, ...summary } = await crash(browser, Number(values.runs), (run, number) => {
    console.log(`${String(number).padStart(3)}  killed after ${run.livedS.toFixed(2)} s, lost ${run.lossS.toFixed(2)} s (picture ${run.pictureLossS.toFixed(2)}, sound ${run.soundLossS.toFixed(2)}, by the list ${run.listedLossS.toFixed(2)}); createWritable ${run.writableLossS.toFixed(2)} s, memory ${run.memoryLossS.toFixed(2)} s`);
  });
  console.table(summary);
  if (summary.lossMaxS > MOST_LOST_S) {
    console.error(`More than ${MOST_LOST_S} s were lost.`);
    process.exitCode = 1;
  }
  if (values.json) console.log(JSON.stringify({ ...summary, details }, (_key, value: unknown) => (typeof value === 'number' ? Math.round(value * 1000) / 1000 : value)));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
