import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { entryNames } from '../../recorder/formats';
import { Theatre } from '../bench/recorder-stage';
import { levelOf, pcmOf, spansOf, type Span } from '../tools/hearing';
import { type Cast, Diary, EDGE_MS, judgePicture, judgeSound, tonesOf, type Verdict } from '../tools/voices';
import type { Mute, SourcesLab } from './pages/recorder-sources';

declare const sources: SourcesLab;

/** Each one's tone, Hz, and colour; the first is here, the others are called. Tones are so far apart that they do not hear each other. */
const guests = {
  'Ann Host': { frequency: 300, colour: '#c00000' },
  'Bob Guest': { frequency: 500, colour: '#00a000' },
  'Cem Guest': { frequency: 700, colour: '#0000c0' },
  'Dee Late': { frequency: 900, colour: '#c0c000' },
  'Eva Late': { frequency: 1100, colour: '#c000c0' },
} as const;
type Name = keyof typeof guests;
const names = Object.keys(guests) as Name[];
const [HOST] = names as [Name];
/** Whose stems are compared with the mix: those who are called. */
const called = names.slice(1);
/** What Bob shows, and what it sounds like. */
const SCREEN = { frequency: 1300, colour: '#00c0c0' };
/** Six tones at once stay below full scale, also while they beep. */
const GAIN = 0.12;
const BEEP = { above: 1400, gain: 0.05 };

/** Of each picture, per second: five cameras that are encoded and decoded leave two cores little for sound. */
const FRAMES = 8;

const cast: Cast = {
  tones: new Map([...names.map((who) => [who, guests[who].frequency] as const), ['screen', SCREEN.frequency]]),
  colours: new Map([...names.map((who) => [who, guests[who].colour] as const), ['screen', SCREEN.colour]]),
  amplitude: GAIN,
};

/** By how much what is safe is behind, ms: half a chunk, and its way to the disk. */
const SAFE_MS = 300;

export interface Voices extends Verdict {
  readonly recordedS: number;
  readonly stems: readonly {
    readonly who: string;
    /** How much later each edge and beep is than in the mix, ms. */
    readonly offsMs: readonly number[];
    /** Others' tones in it. */
    readonly foreign: number;
  }[];
  /** Between the first and the last of those who are called at the same beep, ms: in the stems; what is beyond that of the mix is not the network's. */
  readonly beepSpreadMs: { readonly stems: number; readonly mix: number };
}

/**
 * Records a meeting of five, of whom four are called, while they come, go, mute, change their device and share, and listens to
 * what was recorded. Chromium only.
 * @param seconds about how long
 * @param rounds how often in that time everything is done that can be done
 */
export async function runVoices(seconds: number, rounds: number): Promise<Voices> {
  const theatre = await Theatre.open('chromium');
  const unpacked = await mkdtemp(path.join(tmpdir(), 'greenroom-voices-'));
  try {
    const { page } = await theatre.raise('recorder-sources');
    const diary = new Diary();
    let beeps = 0;
    const join = async (who: Name): Promise<void> => {
      const guest = { ...guests[who], gain: GAIN, frames: FRAMES, local: who === HOST };
      const at = diary.note(`${who} joins`, await page.evaluate((id, given) => sources.join(id, given), who, guest));
      diary.open('heard', who, at);
      diary.open('seen', who, at);
    };
    const leave = async (who: Name): Promise<void> => {
      const at = diary.note(`${who} leaves`, await page.evaluate((id) => sources.leave(id), who));
      diary.close('heard', who, at);
      diary.close('seen', who, at);
    };
    const mute = async (who: Name, how: Mute): Promise<void> => diary.close('heard', who, diary.note(`${who} mutes (${how})`, await page.evaluate((id, way) => sources.mute(id, true, way), who, how), how !== 'left-out'));
    const unmute = async (who: Name, how: Mute): Promise<void> => diary.open('heard', who, diary.note(`${who} unmutes (${how})`, await page.evaluate((id, way) => sources.mute(id, false, way), who, how), how !== 'left-out'));
    const reconnect = async (who: Name): Promise<void> => void diary.note(`${who} has another track`, await page.evaluate((id) => sources.reconnect(id), who));
    const replace = async (who: Name): Promise<void> => void diary.note(`${who} sends another device's sound`, await page.evaluate((id) => sources.replace(id), who), true);
    const share = async (who: Name): Promise<void> => {
      const at = diary.note(`${who} shares a screen`, await page.evaluate((id, shown) => sources.share(id, shown), who, { ...SCREEN, gain: GAIN, frames: FRAMES }));
      diary.open('heard', 'screen', at);
      diary.open('seen', 'screen', at);
    };
    const unshare = async (who: Name): Promise<void> => {
      const at = diary.note(`${who} stops sharing`, await page.evaluate((id) => sources.unshare(id), who));
      diary.close('heard', 'screen', at);
      diary.close('seen', 'screen', at);
    };
    const beep = async (): Promise<void> => {
      diary.note('everybody beeps', await page.evaluate(({ above, gain }) => sources.beepAbove(above, gain), BEEP));
      beeps++;
    };

    const begin: (() => Promise<void>)[] = [beep, () => join('Dee Late'), () => join('Eva Late')];
    const round: (() => Promise<void>)[] = [
      () => mute('Bob Guest', 'left-out'), () => mute('Cem Guest', 'disabled'), () => reconnect('Ann Host'), () => unmute('Bob Guest', 'left-out'),
      () => unmute('Cem Guest', 'disabled'), () => leave('Dee Late'), () => share('Bob Guest'), () => mute('Eva Late', 'unsent'),
      () => mute('Ann Host', 'left-out'), () => join('Dee Late'), () => unmute('Eva Late', 'unsent'), () => unmute('Ann Host', 'left-out'),
      () => reconnect('Cem Guest'), () => mute('Ann Host', 'disabled'), () => replace('Dee Late'), () => unshare('Bob Guest'), () => unmute('Ann Host', 'disabled'), beep,
    ];
    const steps = [...begin, ...Array.from({ length: rounds }, () => round).flat()];
    const everyMs = (1000 * seconds) / (steps.length + 1);

    await page.evaluate(() => sources.create({ database: 'voices' }));
    for (const who of names.slice(0, 3)) await join(who);
    const id = await page.evaluate(() => sources.start({ title: 'Voices', source: 'room', stems: true }));
    for (const step of steps) {
      await page.evaluate((ms) => sources.untilSafe(ms), diary.now + everyMs - SAFE_MS);
      await step();
    }
    await page.evaluate((ms) => sources.untilSafe(ms), Math.max(diary.now + 1500, 1000 * seconds));
    const { durationMs } = await page.evaluate(() => sources.stop());
    const mix = await theatre.downloaded(await page.evaluate((which) => sources.save(which), id));
    const zip = await theatre.downloaded(await page.evaluate((which) => sources.save(which, 'stems'), id));
    await promisify(execFile)('python3', ['-m', 'zipfile', '-e', zip, unpacked]);

    const inMix = listen(await pcmOf(mix));
    return {
      recordedS: durationMs / 1000, done: diary.done,
      ...judgeSound(inMix.pcm, inMix.tones, cast, diary, durationMs),
      pictures: await judgePicture(mix, cast, diary, Math.min(700, everyMs * 0.45), durationMs),
      ...await judgeStems(inMix, unpacked, beeps),
    };
  } finally {
    await theatre.close();
    await rm(unpacked, { recursive: true, force: true });
  }
}

/** What is to be heard in a file. */
interface Heard {
  readonly pcm: Float32Array;
  /** By whose it is. */
  readonly tones: ReadonlyMap<string, readonly Span[]>;
  /** When each one's beeps began, ms. */
  readonly beeps: ReadonlyMap<string, readonly number[]>;
}

function listen(pcm: Float32Array): Heard {
  return {
    pcm,
    tones: tonesOf(pcm, cast),
    beeps: new Map(names.map((who) => [who, spansOf(levelOf(pcm, guests[who].frequency + BEEP.above), BEEP.gain / 2, 100).map(({ from }) => from)])),
  };
}

async function judgeStems(mix: Heard, folder: string, beeps: number): Promise<Pick<Voices, 'stems' | 'beepSpreadMs'>> {
  const files = entryNames(names);
  const stems: { who: Name; heard: Heard; offsMs: number[]; foreign: number }[] = [];
  for (const who of called) {
    // As a program for editing lays it: from zero, end to end.
    const heard = listen(await pcmOf(path.join(folder, files[names.indexOf(who)] ?? ''), { times: false }));
    const offsMs: number[] = [];
    const [mixed = [], own = []] = [mix, heard].map(({ tones }) => tones.get(who));
    // Each edge in the mix that is not a file's own.
    for (const { from, to } of mixed) {
      if (from > EDGE_MS) offsMs.push(nearest(own.map((span) => span.from), from));
      if (to < (mix.pcm.length / 48) - EDGE_MS) offsMs.push(nearest(own.map((span) => span.to), to));
    }
    for (const at of mix.beeps.get(who) ?? []) offsMs.push(nearest(heard.beeps.get(who) ?? [], at));
    const foreign = [...heard.tones].filter(([tone, spans]) => tone !== who && !(tone === 'screen' && who === 'Bob Guest') && spans.length > 0).length;
    stems.push({ who, heard, offsMs, foreign });
  }
  const spread = (of: readonly Heard[]): number => Math.max(...Array.from({ length: beeps }, (_, index) => {
    // From the end: who comes late has not heard the first.
    const times = called.map((who, each) => of[each]!.beeps.get(who)?.at(-1 - index)).filter((at) => at !== undefined);
    return Math.max(...times) - Math.min(...times);
  }));
  return { stems: stems.map(({ who, offsMs, foreign }) => ({ who, offsMs, foreign })), beepSpreadMs: { stems: spread(stems.map(({ heard }) => heard)), mix: spread(called.map(() => mix)) } };
}

/** How much later the nearest of these is, ms; NaN of none. */
function nearest(times: readonly number[], at: number): number {
  return times.reduce((best, time) => (Number.isNaN(best) || Math.abs(time - at) < Math.abs(best) ? time - at : best), NaN);
}
