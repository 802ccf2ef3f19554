import { copyFile, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import webpack from 'webpack';
import { completeModel } from '../../effects/segmenter/tflite-metadata.cjs';
import { fetchPackage } from './npm-cache';
import { fetchPeers } from './quality-peers';

const LIVEKIT = '@livekit/track-processors@0.8.1';
/** What it depends on, at exactly this version. */
const LIVEKIT_VISION = '@mediapipe/tasks-vision@0.10.14';
const MODELS = '@mediapipe/selfie_segmentation@0.1.1675465747';

/**
 * Bundles Jitsi Meet's own effect, both engines, from its published sources, outside of this repository. What the
 * effect takes from the rest of the app (logger, notices, configuration) is replaced by stubs; TensorFlow.js, which the
 * engine loads only on machines with a GPU, by nothing.
 *
 * @param work an empty folder: `peer.js` will give `window.createVirtualBackgroundEffect`, `libs/` what it loads by itself
 * @throws when the registry cannot be reached, or the sources do not bundle any more
 */
export async function bundleJitsi(work: string): Promise<void> {
  const sources = await fetchPeers();
  const libs = path.join(work, 'libs');
  await mkdir(libs, { recursive: true });
  const stub = stubsIn(work);
  const logger = await stub('logger', 'const quiet = () => undefined; export default { info: quiet, debug: quiet, log: quiet, warn: console.warn, error: console.error };');
  const app = await stub('app', `
    export const showWarningNotification = () => ({});
    export const NOTIFICATION_TIMEOUT_TYPE = { LONG: 'long' };
    export const VIRTUAL_BACKGROUND_TYPE = { IMAGE: 'image', BLUR: 'blur', NONE: 'none' };
    export const timeout = (ms, promise) => Promise.race([promise, new Promise((_, reject) => setTimeout(() => reject(new Error('408')), ms))]);
    export const getBaseUrl = () => location.origin + '/peer/';
  `);
  const wasmCheck = await stub('wasm-check', 'export const feature = { simd: true };');
  const nothing = await stub('nothing', 'export default {};');
  const entry = await stub('entry', `import { createVirtualBackgroundEffect } from ${JSON.stringify(path.join(sources, 'index.ts'))}; Object.assign(window, { createVirtualBackgroundEffect });`);

  await bundle({
    mode: 'production',
    entry: { peer: entry, 'libs/vb-inference-worker.min': path.join(sources, 'workers/VBInferenceWorker.ts') },
    output: { path: work, filename: '[name].js' },
    target: ['web', 'es2022'],
    resolve: {
      extensions: ['.ts', '.js'],
      fallback: { fs: false, path: false, crypto: false },
      alias: { 'wasm-check$': wasmCheck, '@tensorflow/tfjs-backend-webgl$': nothing, '@tensorflow/tfjs-backend-webgpu$': nothing, '@tensorflow/tfjs-core$': nothing, '@tensorflow-models/body-segmentation$': nothing },
    },
    module: { rules: [{ test: /\.ts$/, use: { loader: require.resolve('swc-loader'), options: { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' } } } }] },
    plugins: [
      // The app's own modules, wherever the effect reaches for them.
      new webpack.NormalModuleReplacementPlugin(/virtual-background\/logger$/, logger),
      new webpack.NormalModuleReplacementPlugin(/notifications\/(actions|constants)$|virtual-background\/(functions|constants|reducer)$|base\/(util\/helpers|config\/configType)$/, app),
    ],
    optimization: { splitChunks: false },
    performance: { hints: false },
  });
  for (const name of ['tflite.wasm', 'tflite-simd.wasm']) await copyFile(path.join(sources, 'vendor/tflite', name), path.join(libs, name));
  await copyFile(path.join(sources, 'vendor/models/selfie_segmentation_landscape.tflite'), path.join(libs, 'selfie_segmentation_landscape.tflite'));
  for (const name of ['tflite.wasm', 'tflite-simd.wasm']) await copyFile(path.join(sources, 'vendor/tflite', name), path.join(work, name));
}

/**
 * Bundles LiveKit's processor as published; of livekit-client it takes a logger only, which is stubbed.
 *
 * @param work an empty folder: `livekit.js` will give `window.livekit`, `wasm/` is its segmenter's engine, `square.tflite`
 *   and `landscape.tflite` are MediaPipe's selfie models
 * @throws when the registry cannot be reached
 */
export async function bundleLiveKit(work: string): Promise<void> {
  const [livekit, vision, models] = await Promise.all([fetchPackage(LIVEKIT), fetchPackage(LIVEKIT_VISION), fetchPackage(MODELS)]);
  await mkdir(work, { recursive: true });
  const stub = stubsIn(work);
  const client = await stub('livekit-client', 'const quiet = () => undefined; export const getLogger = () => ({ setDefaultLevel: quiet, setLevel: quiet, trace: quiet, debug: quiet, info: quiet, log: quiet, warn: console.warn, error: console.error });');
  await bundle({
    mode: 'production',
    entry: { livekit: await stub('livekit-entry', `import * as livekit from ${JSON.stringify(path.join(livekit, 'dist/index.mjs'))}; Object.assign(window, { livekit });`) },
    output: { path: work, filename: '[name].js' },
    target: ['web', 'es2022'],
    resolve: { alias: { 'livekit-client$': client, '@mediapipe/tasks-vision$': path.join(vision, 'vision_bundle.mjs') } },
    module: { rules: [{ test: /vision_bundle\.mjs$/, parser: { exprContextCritical: false } }] },
    performance: { hints: false },
  });
  await cp(path.join(vision, 'wasm'), path.join(work, 'wasm'), { recursive: true });
  for (const [from, to] of [['selfie_segmentation.tflite', 'square.tflite'], ['selfie_segmentation_landscape.tflite', 'landscape.tflite']] as const) {
    await writeFile(path.join(work, to), completeModel(await readFile(path.join(models, from)), { mean: 0, std: 255 }));
  }
}

const stubsIn = (folder: string) => async (name: string, code: string): Promise<string> => {
  const file = path.join(folder, `${name}.js`);
  await writeFile(file, code);
  return file;
};

const bundle = (config: webpack.Configuration): Promise<void> =>
  new Promise((resolve, reject) => {
    webpack(config, (error, stats) => {
      if (error) reject(error);
      else if (stats?.hasErrors() === true) reject(new Error(stats.toString({ all: false, errors: true })));
      else resolve();
    });
  });
