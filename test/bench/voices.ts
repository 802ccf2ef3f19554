/**
 * `npm run voices [-- --conference --seconds N --json]`: who is heard in the recording of a meeting while people come, go, mute,
 * change their devices and share. Five people on one page, four of them called, and their stems; or, with `--conference`, two in
 * a real conference. Fails if a voice comes or goes 0.3 s too early or too late, if one that goes on has a gap of more than 50 ms
 * or a click, if the picture does not follow, or if a stem is 40 ms apart from the mix.
 */
import { parseArgs } from 'node:util';
import { runVoices, type Voices } from '../browser/voices';
import { runMeetingVoices } from '../meeting/voices';
import type { Verdict } from '../tools/voices';
import { quantile } from './recorder-analysis';

const MOST = { edgeS: 0.3, stemMs: 40 };
/** How long a round of everything takes, s. */
const ROUND_S = { five: 45, two: 90 };

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { conference: { type: 'boolean', default: false }, seconds: { type: 'string', default: '180' }, json: { type: 'boolean', default: false } } });
  const seconds = Number(values.seconds);
  const rounds = (each: number): number => Math.max(1, Math.round(seconds / each));
  let summary: Record<string, number>;
  let broken: string[];
  if (values.conference) {
    const voices = await runMeetingVoices(seconds, rounds(ROUND_S.two));
    [summary, broken] = report(voices);
  } else {
    const voices = await runVoices(seconds, rounds(ROUND_S.five));
    [summary, broken] = report(voices);
    const [stems, faults] = reportStems(voices);
    summary = { ...summary, ...stems };
    broken.push(...faults);
  }
  console.table(summary);
  for (const each of broken) console.error(`Broken: ${each}.`);
  if (broken.length > 0) process.exitCode = 1;
  if (values.json) console.log(JSON.stringify(summary, (_key, value: unknown) => (typeof value === 'number' ? Math.round(value * 1000) / 1000 : value)));
}

/** Prints what happened and what is wrong with it. Answers with the figures, and the bounds they break. */
function report({ recordedS, done, edges, gaps, clicks, cuts, pictures }: Verdict & { readonly recordedS: number }): [Record<string, number>, string[]] {
  console.table(done.map(({ what, at }) => ({ 'at, s': (at / 1000).toFixed(2), what, 'heard, s later': edges.filter((edge) => edge.at === at).map(({ offS }) => offS.toFixed(3)).join(' ') })));
  for (const { who, at, ms } of gaps) console.log(`${who} is not heard for ${ms} ms at ${(at / 1000).toFixed(2)} s`);
  for (const { at, level, after, laterMs } of clicks) console.log(`click of ${level.toFixed(4)} at ${(at / 1000).toFixed(3)} s, ${laterMs} ms after: ${after}`);
  for (const each of pictures.wrong) console.log(`the picture is wrong: ${each}`);
  const worstEdgeS = worst(edges.map(({ offS }) => offS));
  return [
    {
      recordedS, changes: done.length,
      worstEdgeS, medianEdgeS: quantile(edges.map(({ offS }) => Math.abs(offS)), 0.5),
      gaps: gaps.length, clicks: clicks.length, cutsBySenders: cuts,
      picturesRight: pictures.right, pictures: pictures.of,
    },
    [
      !(worstEdgeS <= MOST.edgeS) && `a voice came or went ${worstEdgeS} s from when it did`,
      gaps.length > 0 && 'a voice has a gap',
      clicks.length > 0 && 'there is a click',
      (pictures.of === 0 || pictures.right < pictures.of) && 'the picture does not follow',
    ].filter((each) => each !== false),
  ];
}

function reportStems({ stems, beepSpreadMs }: Voices): [Record<string, number>, string[]] {
  const offsMs = stems.flatMap((stem) => stem.offsMs);
  const stemWorstMs = worst(offsMs);
  const stemForeignTones = stems.reduce((sum, { foreign }) => sum + foreign, 0);
  return [
    {
      stemWorstMs, stemMedianMs: quantile(offsMs.map(Math.abs), 0.5), stemComparisons: offsMs.length, stemForeignTones,
      beepSpreadStemsMs: beepSpreadMs.stems, beepSpreadMixMs: beepSpreadMs.mix,
    },
    [
      !(stemWorstMs <= MOST.stemMs) && `a stem is ${stemWorstMs} ms apart from the mix`,
      stemForeignTones > 0 && 'somebody is heard in the stem of another',
    ].filter((each) => each !== false),
  ];
}

/** The farthest from zero; not a number if one of them is none. */
const worst = (values: readonly number[]): number => values.reduce((most, value) => (Number.isNaN(most) || Math.abs(value) <= most ? most : Math.abs(value)), 0);

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
