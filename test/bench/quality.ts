/**
 * `npm run bench:quality`: how well the matte follows the person, for our compositor, for the model's mask merely scaled
 * up, and for what Jitsi Meet's two engines do to the same mask. Offline, frame by frame, on clips whose exact matte is
 * known. `-- --json` adds one JSON object as the last line; `--png FILE` says where the pictures go; `--only NAME` takes
 * one clip.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { MODEL_HEIGHT, MODEL_WIDTH, PlanarCompositor } from '../../effects/compositor/planar';
import { compileKernel } from '../../effects/kernel/compile.cjs';
import { instantiateKernel } from '../../effects/kernel/kernel';
import type { ClipFrame, Scene } from './quality-clips';
import { clip, scenes } from './quality-clips';
import type { ModelRunner } from './quality-masks';
import { startModel } from './quality-masks';
import type { Scores } from './quality-metrics';
import { edgeBand, Judge, lagOf } from './quality-metrics';
import type { PeerParameters, Treatment } from './quality-peers';
import { engineOne, engineTwo, plain, readPeers } from './quality-peers';

const names = ['ours', 'plain', 'V1', 'V2'] as const;
type Name = (typeof names)[number];

/** Frames shown: scene and number. */
const SHOWN: readonly (readonly [string, number])[] = [['sway', 20], ['fast shake', 20], ['near, dim', 20], ['bookshelf, tilted', 20], ['bright window', 20], ['dark, fast nod', 20]];

interface Result {
  readonly scene: string;
  readonly heldOut: boolean;
  readonly scores: Readonly<Record<Name, Scores>>;
  readonly lag: Readonly<Record<Name, number>> | undefined;
}

/** One row of the picture: the frame, and every treatment's matte of it. */
interface Shown {
  readonly width: number;
  readonly height: number;
  readonly frame: ClipFrame;
  readonly mattes: Readonly<Record<Name, Uint8Array>>;
}

const perName = <T>(make: (name: Name) => T): Record<Name, T> => Object.fromEntries(names.map((name) => [name, make(name)])) as Record<Name, T>;

async function judge(scene: Scene, model: ModelRunner, kernel: WebAssembly.Module, peers: PeerParameters, shown: Shown[]): Promise<Result> {
  const { width, height } = scene;
  const compositor = new PlanarCompositor(instantiateKernel(kernel));
  compositor.resize(width, height);
  const load = (frame: ClipFrame): void => {
    for (const key of ['y', 'u', 'v'] as const) {
      const plane = compositor.frame[key];
      for (let y = 0; y < plane.height; y++) plane.data.set(frame[key].subarray(y * plane.width, (y + 1) * plane.width), y * plane.stride);
    }
    compositor.begin();
  };

  const frames: ClipFrame[] = [];
  const inputs: Uint8ClampedArray[] = [];
  for await (const frame of clip(scene)) {
    frames.push(frame);
    load(frame);
    const input = { width: MODEL_WIDTH, height: MODEL_HEIGHT, data: new Uint8ClampedArray(4 * MODEL_WIDTH * MODEL_HEIGHT) } as ImageData;
    compositor.modelInput(input, false);
    inputs.push(input.data);
  }
  const masks = await model.masks(inputs);

  const peer: Record<Exclude<Name, 'ours'>, Treatment> = { plain: plain(), V1: engineOne(peers), V2: engineTwo(peers) };
  const judges = perName(() => new Judge());
  const kept = perName((): Uint8Array[] => []);
  frames.forEach((frame, f) => {
    const mask = masks[f]!;
    const soft = Float32Array.from(mask, (value) => value / 255);
    const band = edgeBand(frame.alpha, width, height);
    const mattes = perName((name) => {
      if (name !== 'ours') return peer[name](soft, frame.y, width, height);
      load(frame);
      compositor.render(mask, { kind: 'transparent' });
      const { stride, data } = compositor.matte;
      const matte = new Uint8Array(width * height);
      for (let y = 0; y < height; y++) matte.set(data.subarray(y * stride, y * stride + width), y * width);
      return matte;
    });
    for (const name of names) {
      judges[name].add({ width, height, matte: mattes[name], truth: frame.alpha, scored: frame.scored }, band);
      if (scene.fast) kept[name].push(mattes[name]);
    }
    if (SHOWN.some(([at, number]) => at === scene.name && number === f)) shown.push({ width, height, frame, mattes });
  });
  const truths = frames.map(({ alpha }) => alpha);
  return { scene: scene.name, heldOut: scene.heldOut ?? false, scores: perName((name) => judges[name].scores), lag: scene.fast ? perName((name) => lagOf(kept[name], truths)) : undefined };
}

/** The person over a plain green, which shows every fault, and the matte below; ours, V1, V2, plain from left to right. */
async function writePicture(file: string, shown: readonly Shown[]): Promise<void> {
  const columns: readonly Name[] = ['ours', 'V1', 'V2', 'plain'];
  const [w, h] = [640, 360];
  const picture = Buffer.alloc(3 * columns.length * w * shown.length * 2 * h);
  const put = (x: number, y: number, colour: readonly number[]): void => {
    for (let c = 0; c < 3; c++) picture[3 * (y * columns.length * w + x) + c] = Math.min(255, Math.max(0, colour[c]!));
  };
  shown.forEach(({ width, height, frame, mattes }, row) => {
    columns.forEach((name, column) => {
      for (let y = 0; y < h; y++) {
        for (let x = 0; x < w; x++) {
          // The middle of the picture at full size: edges are what is looked at.
          const sx = Math.min(width - 1, Math.floor((width - w) / 2) + x);
          const sy = Math.min(height - 1, Math.floor((height - h) / 4) + y);
          const alpha = mattes[name][sy * width + sx]! / 255;
          const luma = 1.164 * (frame.y[sy * width + sx]! - 16);
          const chroma = (sy >> 1) * (width / 2) + (sx >> 1);
          const [u, v] = [frame.u[chroma]! - 128, frame.v[chroma]! - 128];
          const person = [luma + 1.596 * v, luma - 0.392 * u - 0.813 * v, luma + 2.017 * u];
          put(column * w + x, row * 2 * h + y, [60, 190, 90].map((back, c) => back + (person[c]! - back) * alpha));
          put(column * w + x, (row * 2 + 1) * h + y, [alpha * 255, alpha * 255, alpha * 255]);
        }
      }
    });
  });
  await mkdir(path.dirname(file), { recursive: true });
  const ffmpeg = spawn('ffmpeg', ['-v', 'error', '-y', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', `${columns.length * w}x${shown.length * 2 * h}`, '-i', '-', '-frames:v', '1', file], { stdio: ['pipe', 'inherit', 'inherit'] });
  ffmpeg.stdin.end(picture);
  const [code] = (await once(ffmpeg, 'close')) as [number | null];
  if (code !== 0) throw new Error('ffmpeg could not write the picture');
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { json: { type: 'boolean', default: false }, only: { type: 'string' }, png: { type: 'string', default: path.resolve(__dirname, '../../build/quality.png') } } });
  const kernel = await WebAssembly.compile(await compileKernel());
  const peers = await readPeers();
  const model = await startModel();
  const results: Result[] = [];
  const shown: Shown[] = [];
  try {
    for (const scene of scenes.filter(({ name }) => values.only === undefined || name === values.only)) results.push(await judge(scene, model, kernel, peers, shown));
  } finally {
    await model.close();
  }

  const row = (cells: readonly (string | number)[]): string => cells.map((cell, i) => (typeof cell === 'number' ? cell.toFixed(2) : cell).padStart(i === 0 ? 0 : 9).padEnd(i === 0 ? 18 : 9)).join(' ');
  const groups = [['tuned on', results.filter(({ heldOut }) => !heldOut)], ['held out', results.filter(({ heldOut }) => heldOut)]] as const;
  const mean = (group: readonly Result[], pick: (result: Result) => number): number => group.reduce((sum, result) => sum + pick(result), 0) / group.length;
  for (const [metric, title] of [['edge', 'Edge-band error, %'], ['gradient', 'Gradient error in the band'], ['dtssd', 'dtSSD, %'], ['error', 'Error of the whole matte, %']] as const) {
    console.log(`\n${row([title.slice(0, 27), ...names])}`);
    for (const [called, group] of groups) {
      for (const { scene, scores } of group) console.log(row([scene, ...names.map((name) => scores[name][metric])]));
      if (group.length > 0) console.log(row([`= mean, ${called}`, ...names.map((name) => mean(group, ({ scores }) => scores[name][metric]))]));
    }
  }
  console.log(`\n${row(['Lag, frames', ...names])}`);
  for (const { scene, lag } of results) if (lag) console.log(row([scene, ...names.map((name) => lag[name])]));
  await writePicture(values.png, shown);
  console.log(`\nSide by side (ours, V1, V2, plain): ${values.png}`);

  /** Of the clips that were tuned on, and of those held out, the figure that speaks worse for ours; all are to be small. */
  const worse = (pick: (group: readonly Result[]) => number): number => Math.max(...groups.filter(([, group]) => group.length > 0).map(([, group]) => pick(group)));
  const ratio = (metric: keyof Scores, to: Name): number => worse((group) => mean(group, ({ scores }) => scores.ours[metric]) / mean(group, ({ scores }) => scores[to][metric]));
  const summary = {
    edgeErrorOverV2: ratio('edge', 'V2'),
    edgeErrorOverPlain: ratio('edge', 'plain'),
    dtssdOverV1: ratio('dtssd', 'V1'),
    lagFrames: Math.max(...results.flatMap(({ lag }) => lag?.ours ?? [])),
    details: results,
  };
  console.log('Ratios, of whichever group speaks worse for ours:', Object.entries(summary).flatMap(([key, value]) => (typeof value === 'number' ? `${key} ${value.toFixed(3)}` : [])).join(', '));
  if (values.json) console.log(JSON.stringify(summary, (_key, value: unknown) => (typeof value === 'number' ? Math.round(value * 1000) / 1000 : value)));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
