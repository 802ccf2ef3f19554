/**
 * `npm run bench:recorder`: what a crash costs; how late sound is against the picture, before and after export, and whether
 * the file plays and can be searched through, with a pause, a further segment or another size of the picture in it; how long
 * the export of hours takes, and how much memory; and how much of the processor recording takes, beside a plain
 * MediaRecorder into memory, a `createWritable` file as Jitsi Meet's recorder writes it, and RecordRTC. Every measurement
 * has a browser of its own, in turn, so that whatever else the machine does, it does to all of them.
 *
 * `-- --runs N` (rounds of skew and processor), `--crashes N`, `--seconds S` (each measurement's length), `--hours 1,4`
 * (lengths to export), `--parts crash,skew,cpu,stems,export`; `--json` adds one JSON object as the last line, with null for what
 * was not measured.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { packetTimes } from '../browser/media';
import type { Peer, RecorderStage } from '../browser/pages/bench-recorder';
import type { SourcesLab } from '../browser/pages/recorder-sources';
import { crash, type CrashSummary } from '../crash/crash';
import { fetchPackage } from './npm-cache';
import { useOfTree } from './process-tree';
import { quantile } from './recorder-analysis';
import { measureExport } from './recorder-export';
import { examine, record, type Examined, type Skew, type Turn } from './recorder-skew';
import { Theatre } from './recorder-stage';

declare const stage: RecorderStage;
declare const sources: SourcesLab;

const RECORD_RTC = 'recordrtc@5.6.2';
const WARM_UP_MS = 3000;

type Contestant = 'nobody' | 'ours' | Peer;
const contestants: readonly Contestant[] = ['nobody', 'ours', 'memory', 'writable', 'recordrtc'];

/** The recordings of which the skew is measured, by what happens in them. */
const turns = { paused: ['pause'], joined: ['reload'], resized: ['resize', 'resize'] } as const satisfies Record<string, readonly Turn[]>;

async function measureSkew(what: keyof typeof turns, seconds: number): Promise<Examined> {
  const theatre = await Theatre.open('chromium');
  try {
    const { page } = await theatre.raise();
    await page.evaluate(() => stage.beep());
    return await examine(theatre, page, await record(page, turns[what], (seconds * 1000) / (turns[what].length + 1)), turns[what]);
  } finally {
    await theatre.close();
  }
}

interface Cost {
  /** Of the whole browser while somebody records the tab. */
  readonly cores: number;
  /** Pictures per second in the file; a busy machine drops some, which costs nothing. */
  readonly fps: number;
}

async function measureCost(contestant: Contestant, seconds: number, folders: Readonly<Record<string, string>>): Promise<Cost> {
  const theatre = await Theatre.open('chromium', { folders, width: 1280, height: 720 });
  try {
    const { launched, page } = await theatre.raise();
    await page.evaluate(() => stage.beep());
    const recording = contestant === 'ours' ? await page.evaluate(() => stage.start()) : null;
    if (contestant !== 'ours' && contestant !== 'nobody') await page.evaluate((kind) => stage.startPeer(kind), contestant);
    await pause(WARM_UP_MS); // code is compiled in tiers, and encoders find their pace
    const pid = launched.process.pid ?? 0;
    const [from, before] = [performance.now(), await useOfTree(pid)];
    await pause(seconds * 1000); // the length of the measurement
    const [to, after] = [performance.now(), await useOfTree(pid)];
    const cores = (after.cpuMs - before.cpuMs) / (to - from);
    if (contestant === 'nobody') return { cores, fps: 0 };
    if (recording !== null) await page.evaluate(() => stage.stop());
    const file = await theatre.downloaded(await (recording === null ? page.evaluate(() => stage.stopPeer()) : page.evaluate((id) => stage.save(id), recording.id)));
    const times = await packetTimes(file, 'v:0');
    return { cores, fps: (times.length - 1) / (times.at(-1)! - times[0]!) };
  } finally {
    await theatre.close();
  }
}

async function benchSkew(runs: number, seconds: number): Promise<Record<string, number>> {
  const rounds: { what: keyof typeof turns; examined: Examined }[] = [];
  for (let run = 0; run < runs; run++) for (const what of ['paused', 'joined', 'resized'] as const) rounds.push({ what, examined: await measureSkew(what, seconds) });
  console.log('\nHow late the sound is, ms, in each part of a recording, and how many jumps in its file went wrong');
  console.table(rounds.flatMap(({ what, examined: { encoded, exported, seeks, wrong } }) => encoded.map((before, part) => rounded({
    recording: what, part: part + 1, encoded: before.middle, spread: before.spread, exported: exported[part]?.middle, 'spread exported': exported[part]?.spread,
    ...(part === 0 ? { jumps: seeks, wrong: wrong.length } : {}),
  }))));
  for (const { what, examined: { wrong } } of rounds) for (const each of wrong) console.log(`${what}: ${each}`);
  // The middle of the recordings, and the widest spread within a part of one.
  const parts = (form: 'encoded' | 'exported', of: keyof typeof turns, from: number): Skew[] => rounds.filter(({ what }) => what === of).flatMap(({ examined }) => examined[form].slice(from));
  const middle = (skews: readonly Skew[]): number => quantile(skews.map((skew) => skew.middle), 0.5);
  const widest = (form: 'encoded' | 'exported'): number => Math.max(...rounds.flatMap(({ examined }) => examined[form].map(({ spread }) => spread)));
  return {
    skewMs: middle(parts('encoded', 'paused', 0)), skewSpreadMs: widest('encoded'), skewExportedMs: middle(parts('exported', 'paused', 0)), skewExportedSpreadMs: widest('exported'),
    // After what happened.
    skewJoinedMs: middle(parts('encoded', 'joined', 1)), skewJoinedExportedMs: middle(parts('exported', 'joined', 1)),
    skewResizedMs: middle(parts('encoded', 'resized', 1)), skewResizedExportedMs: middle(parts('exported', 'resized', 1)),
    skewMaxMs: Math.max(...rounds.flatMap(({ examined: { encoded, exported } }) => [...encoded, ...exported].map((skew) => Math.abs(skew.middle)))),
    seeks: rounds.reduce((sum, { examined }) => sum + examined.seeks, 0), seekWrong: rounds.reduce((sum, { examined }) => sum + examined.wrong.length, 0),
  };
}

async function benchCosts(runs: number, seconds: number): Promise<{ cpuTabMsPerFrame: number; cpuOursOverMemory: number; cpuOursOverWritable: number; cpuOursOverRecordRTC: number }> {
  const folders = { peer: await fetchPackage(RECORD_RTC, 'RecordRTC.js') };
  const costs = new Map<Contestant, Cost[]>(contestants.map((each) => [each, []]));
  for (let run = 0; run < runs; run++) for (const each of contestants) costs.get(each)?.push(await measureCost(each, seconds, folders));
  const middle = (of: Contestant, key: keyof Cost): number => quantile((costs.get(of) ?? []).map((cost) => cost[key]), 0.5);
  const perFrame = (of: Contestant): number => (1000 * (middle(of, 'cores') - middle('nobody', 'cores'))) / middle(of, 'fps');
  console.log(`\nThe processor's part in recording a tab of 1280x720, medians of ${runs} interleaved runs`);
  console.table(Object.fromEntries(contestants.map((each) => [each, rounded({ 'cores of the browser': middle(each, 'cores'), fps: middle(each, 'fps'), 'recording, ms per picture': perFrame(each), 'ours over it': perFrame('ours') / perFrame(each) })])));
  return { cpuTabMsPerFrame: perFrame('ours'), cpuOursOverMemory: perFrame('ours') / perFrame('memory'), cpuOursOverWritable: perFrame('ours') / perFrame('writable'), cpuOursOverRecordRTC: perFrame('ours') / perFrame('recordrtc') };
}

const STEMS = 4;

/** Cores that one stem of sound takes, by the whole browser with and without stems, in turn, of the same four callers. */
async function benchStems(runs: number, seconds: number): Promise<{ cpuPerStem: number }> {
  const theatre = await Theatre.open('chromium');
  try {
    const { launched, page } = await theatre.raise('recorder-sources');
    await page.evaluate(() => sources.create({ database: 'bench' }));
    for (let index = 0; index < STEMS; index++) await page.evaluate((name, frequency) => sources.join(name, { frequency, colour: '#808080' }), `Voice ${index}`, 300 + 200 * index);
    const measure = async (stems: boolean): Promise<number> => {
      await page.evaluate((wanted) => sources.start({ title: 'Bench', source: 'sound', stems: wanted }), stems);
      await pause(WARM_UP_MS);
      const pid = launched.process.pid ?? 0;
      const [from, before] = [performance.now(), await useOfTree(pid)];
      await pause(seconds * 1000); // the length of the measurement
      const [to, after] = [performance.now(), await useOfTree(pid)];
      await page.evaluate(() => sources.stop());
      return (after.cpuMs - before.cpuMs) / (to - from);
    };
    const rounds: { without: number; with: number; 'per stem': number }[] = [];
    for (let run = 0; run < runs; run++) {
      const [without, withStems] = [await measure(false), await measure(true)];
      rounds.push({ without, with: withStems, 'per stem': (withStems - without) / STEMS });
    }
    console.log(`\nCores of the browser while the sound of ${STEMS} callers is recorded, without stems and with one each`);
    console.table(rounds.map(rounded));
    return { cpuPerStem: quantile(rounds.map((round) => round['per stem']), 0.5) };
  } finally {
    await theatre.close();
  }
}

async function benchCrash(crashes: number): Promise<Pick<CrashSummary, 'lossMedianS' | 'lossMaxS' | 'writableLossMedianS' | 'memoryLossMedianS' | 'runs'>> {
  const { lossMedianS, lossMaxS, writableLossMedianS, memoryLossMedianS, runs } = await crash('chromium', crashes, () => undefined);
  const summary = { lossMedianS, lossMaxS, writableLossMedianS, memoryLossMedianS, runs };
  console.log('\nLost by kill -9 at a random moment');
  console.table(rounded(summary));
  return summary;
}

async function benchExport(hours: readonly number[]): Promise<Record<string, number>> {
  const figures = new Map<number, Awaited<ReturnType<typeof measureExport>>>();
  for (const each of hours) figures.set(each, await measureExport(each * 3600));
  console.log('\nExport of long recordings');
  console.table(Object.fromEntries([...figures].map(([each, figure]) => [`${each} h`, rounded(figure)])));
  const longest = figures.get(Math.max(...hours))!;
  return {
    exportTimesRealTime: longest.timesRealTime,
    ...Object.fromEntries([...figures].map(([each, { peakMB }]) => [`exportPeakMB${each}h`, peakMB])),
    seekMedianMs: longest.seekMedianMs,
  };
}

const rounded = <T extends object>(figures: T): T => JSON.parse(JSON.stringify(figures, (_key, value: unknown) => (typeof value === 'number' ? Math.round(value * 1000) / 1000 : value))) as T;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '3' },
      crashes: { type: 'string', default: '10' },
      seconds: { type: 'string', default: '10' },
      hours: { type: 'string', default: '1,4' },
      parts: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const [runs, seconds] = [Number(values.runs), Number(values.seconds)];
  const asked = (part: string): boolean => values.parts?.split(',').includes(part) ?? true;
  const missing = { lossMedianS: null, lossMaxS: null, runs: null, skewMs: null, skewSpreadMs: null, cpuPerStem: null, exportTimesRealTime: null, exportPeakMB1h: null, exportPeakMB4h: null, seekMedianMs: null };
  const summary = {
    ...missing,
    ...(asked('crash') ? await benchCrash(Number(values.crashes)) : {}),
    ...(asked('skew') ? await benchSkew(runs, 2 * seconds) : {}),
    ...(asked('export') ? await benchExport(values.hours.split(',').map(Number)) : {}),
    ...(asked('cpu') ? await benchCosts(runs, seconds) : {}),
    ...(asked('stems') ? await benchStems(runs, seconds) : {}),
  };
  if (values.json) console.log(JSON.stringify(rounded(summary)));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
