/**
 * `npm run bench:effects`: what a blur costs, beside Jitsi Meet's two engines, LiveKit's processor, the naive way, the bare
 * camera, and inference alone. Every contestant runs in a browser of its own, in turn, so that whatever else the machine
 * does, it does to all of them; figures are medians.
 *
 * `-- --runs N`, `--seconds S` (each measurement's length), `--browser firefox`, `--contestants a,b`, `--parts 720,360,governed,raw`;
 * `--json` adds one JSON object as the last line, with null for what was not measured.
 */
import { parseArgs } from 'node:util';
import type { Contestant } from '../browser/pages/bench-effects';
import { quantile } from './recorder-analysis';
import type { BrowserName, Figures, RawFrames } from './stage';
import { countRaw, measure, openStage, underLoad } from './stage';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '6' },
    browser: { type: 'string', default: 'chromium' },
    contestants: { type: 'string' },
    parts: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const runs = Number(values.runs);
const seconds = Number(values.seconds);

interface Part {
  readonly name: string;
  readonly title: string;
  readonly size: readonly [width: number, height: number];
  readonly contestants: readonly Contestant[];
  readonly governed?: boolean;
}
const partsOf: Readonly<Record<BrowserName, readonly Part[]>> = {
  chromium: [
    { name: '720', title: '1280x720 blur, a mask for every frame', size: [1280, 720], contestants: ['bare', 'floor', 'floor-mediapipe', 'ours', 'v2', 'v1', 'livekit', 'naive'] },
    { name: '360', title: '640x360 blur, a mask for every frame', size: [640, 360], contestants: ['ours', 'v2'] },
    { name: 'governed', title: '1280x720 blur on a loaded machine, the governor free to choose', size: [1280, 720], contestants: ['ours', 'v2'], governed: true },
  ],
  firefox: [{ name: '720', title: '1280x720 blur in Firefox', size: [1280, 720], contestants: ['bare', 'ours', 'livekit', 'naive'] }],
};
const RAW: readonly Contestant[] = ['ours', 'v2', 'v1', 'livekit', 'naive'];

const rounded = (figures: object): Record<string, unknown> => Object.fromEntries(Object.entries(figures).map(([key, value]: [string, unknown]) => [key, typeof value === 'number' ? Math.round(value * 10) / 10 : value]));
const asked = (name: string, list: string | undefined): boolean => list?.split(',').includes(name) ?? true;

async function main(): Promise<void> {
  const browser = values.browser;
  if (browser !== 'chromium' && browser !== 'firefox') throw new TypeError('--browser is chromium or firefox');
  const results = new Map<string, Figures>();
  const stage = await openStage(browser);
  try {
    for (const part of partsOf[browser].filter(({ name }) => asked(name, values.parts))) await measurePart(part, stage, results);
  } finally {
    await stage.close();
  }
  const raw = browser === 'chromium' && asked('raw', values.parts) ? await countAllRaw() : undefined;

  const figure = (part: string, contestant: Contestant, key: keyof Figures): number => results.get(`${part} ${contestant}`)?.[key] ?? NaN;
  const ratio = (part: string, over: Contestant, under: Contestant, key: keyof Figures = 'cpuPerFrame'): number => figure(part, over, key) / figure(part, under, key);
  const summary = browser === 'chromium'
    ? {
        cpuV2OverOurs: ratio('720', 'v2', 'ours'),
        cpuV1OverOurs: ratio('720', 'v1', 'ours'),
        cpuOursOverFloor: ratio('720', 'ours', 'floor'),
        cpuOursOverFloorMediapipe: ratio('720', 'ours', 'floor-mediapipe'),
        cpu360V2OverOurs: ratio('360', 'v2', 'ours'),
        cpuGovernedV2OverOurs: ratio('governed', 'v2', 'ours'),
        fpsGovernedOursOverV2: ratio('governed', 'ours', 'v2', 'fps'),
        mainMsPerSecond: figure('720', 'ours', 'mainMsPerSecond'),
        mainV2OverOurs: ratio('720', 'v2', 'ours', 'mainMsPerSecond'),
        latencyV2OverOurs: ratio('720', 'v2', 'ours', 'latencyMs'),
        memoryV2OverOurs: ratio('720', 'v2', 'ours', 'pssMb'),
        ownMemoryV2OverOurs: ratio('720', 'v2', 'ours', 'ownMb'),
        fps: figure('720', 'ours', 'fps'),
        rawFrames: raw ? raw.atStart + raw.afterFailure : NaN,
        runs,
      }
    : {
        browser,
        cpuOursOverLiveKit: ratio('720', 'ours', 'livekit'),
        cpuOursOverNaive: ratio('720', 'ours', 'naive'),
        fps: figure('720', 'ours', 'fps'),
        fpsLiveKit: figure('720', 'livekit', 'fps'),
        fpsNaive: figure('720', 'naive', 'fps'),
        runs,
      };
  if (values.json) console.log(JSON.stringify(summary, (_key, value: unknown) => (typeof value === 'number' ? (Number.isFinite(value) ? Math.round(value * 1000) / 1000 : null) : value)));
  else console.table(summary);
}

async function measurePart({ name, title, size: [width, height], contestants, governed = false }: Part, stage: Awaited<ReturnType<typeof openStage>>, results: Map<string, Figures>): Promise<void> {
  const all = new Map<Contestant, Figures[]>(contestants.filter((each) => asked(each, values.contestants)).map((each) => [each, []]));
  if (all.size === 0) return;
  for (let run = 0; run < runs; run++) {
    for (const [contestant, figures] of all) {
      const act = (): Promise<Figures> => measure(stage, { contestant, width, height, governed }, { seconds, warmUp: governed ? 8 : 3 });
      const each = await (governed ? underLoad(act) : act());
      figures.push(each);
      process.stderr.write(`run ${run + 1}/${runs} ${name} ${contestant}: ${each.cpuPerFrame.toFixed(1)} ms/frame, ${each.fps.toFixed(1)} fps\n`);
    }
  }
  console.log(`\n${title}: medians of ${runs} interleaved runs`);
  for (const [contestant, figures] of all) {
    const of = (key: keyof Figures): number => quantile(figures.map((each) => each[key]), 0.5);
    results.set(`${name} ${contestant}`, { cpuPerFrame: of('cpuPerFrame'), fps: of('fps'), mainMsPerSecond: of('mainMsPerSecond'), latencyMs: of('latencyMs'), pssMb: of('pssMb'), ownMb: of('ownMb') });
  }
  console.table(Object.fromEntries([...all.keys()].map((contestant) => [contestant, rounded(results.get(`${name} ${contestant}`) ?? {})])));
}

/** @returns ours */
async function countAllRaw(): Promise<RawFrames | undefined> {
  const stage = await openStage('chromium', { breakable: true });
  const counts = new Map<Contestant, RawFrames>();
  try {
    for (const contestant of RAW.filter((each) => asked(each, values.contestants))) counts.set(contestant, await countRaw(stage, contestant));
  } finally {
    await stage.close();
  }
  console.log('\nRaw frames that left, at the start and within 6 s of inference beginning to fail');
  console.table(Object.fromEntries(counts));
  return counts.get('ours');
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
