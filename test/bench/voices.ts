/**
 * `npm run voices [-- --seconds N --json]`: who is heard in the recording of a meeting of five, and in its stems, while people
 * come, go, mute, change their device and share. Fails if a voice comes or goes 0.3 s too early or too late, if one that goes
 * on has a gap of more than 50 ms or a click, if the picture does not follow, or if a stem is 40 ms apart from the mix.
 */
import { parseArgs } from 'node:util';
import { runVoices } from '../browser/voices';
import { quantile } from './recorder-analysis';

const MOST = { edgeS: 0.3, stemMs: 40 };
/** How long a round of everything takes, s. */
const ROUND_S = 45;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { seconds: { type: 'string', default: '180' }, json: { type: 'boolean', default: false } } });
  const seconds = Number(values.seconds);
  const voices = await runVoices(seconds, Math.max(1, Math.round(seconds / ROUND_S)));
  const { done, edges, gaps, clicks, cuts, pictures, stems, beepSpreadMs, recordedS } = voices;
  console.table(done.map(({ what, at }) => ({ 'at, s': (at / 1000).toFixed(2), what, 'heard, s later': edges.filter((edge) => edge.at === at).map(({ offS }) => offS.toFixed(3)).join(' ') })));
  for (const { who, at, ms } of gaps) console.log(`${who} is not heard for ${ms} ms at ${(at / 1000).toFixed(2)} s`);
  for (const { at, level, after, laterMs } of clicks) console.log(`click of ${level.toFixed(4)} at ${(at / 1000).toFixed(3)} s, ${laterMs} ms after: ${after}`);
  for (const each of pictures.wrong) console.log(`the picture is wrong: ${each}`);
  // The farthest from zero; not a number if one of them is none.
  const worst = (values: readonly number[]): number => values.reduce((most, value) => (Number.isNaN(most) || Math.abs(value) <= most ? most : Math.abs(value)), 0);
  const offsMs = stems.flatMap((stem) => stem.offsMs);
  const summary = {
    recordedS, changes: done.length,
    worstEdgeS: worst(edges.map(({ offS }) => offS)), medianEdgeS: quantile(edges.map(({ offS }) => Math.abs(offS)), 0.5),
    gaps: gaps.length, clicks: clicks.length, cutsBySenders: cuts,
    picturesRight: pictures.right, pictures: pictures.of,
    stemWorstMs: worst(offsMs), stemMedianMs: quantile(offsMs.map(Math.abs), 0.5), stemComparisons: offsMs.length, stemForeignTones: stems.reduce((sum, { foreign }) => sum + foreign, 0),
    beepSpreadStemsMs: beepSpreadMs.stems, beepSpreadMixMs: beepSpreadMs.mix,
  };
  console.table(summary);
  const broken = [
    !(summary.worstEdgeS <= MOST.edgeS) && `a voice came or went ${summary.worstEdgeS} s from when it did`,
    gaps.length > 0 && 'a voice has a gap',
    clicks.length > 0 && 'there is a click',
    pictures.right < pictures.of && 'the picture does not follow',
    !(summary.stemWorstMs <= MOST.stemMs) && `a stem is ${summary.stemWorstMs} ms apart from the mix`,
    summary.stemForeignTones > 0 && 'somebody is heard in the stem of another',
  ].filter((each) => each !== false);
  for (const each of broken) console.error(`Broken: ${each}.`);
  if (broken.length > 0) process.exitCode = 1;
  if (values.json) console.log(JSON.stringify(summary, (_key, value: unknown) => (typeof value === 'number' ? Math.round(value * 1000) / 1000 : value)));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
