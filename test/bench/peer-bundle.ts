import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import webpack from 'webpack';
import { fetchPeers } from './quality-peers';

/**
 * Bundles Jitsi Meet's own effect, both engines, from its published sources, outside of this repository. What the
 * effect takes from the rest of the app (logger, notices, configuration) is replaced by stubs; TensorFlow.js, which the
 * engine loads only on machines with a GPU, by nothing.
 *
 * @returns the folder to serve: `peer.js` gives `window.createVirtualBackgroundEffect`, `libs/` what it loads by itself
 * @throws when the registry cannot be reached, or the sources do not bundle any more
 */
export async function bundlePeers(): Promise<string> {
  const sources = await fetchPeers();
  const work = path.join(os.tmpdir(), 'greenroom-peers', 'bundle');
  const libs = path.join(work, 'libs');
  await mkdir(libs, { recursive: true });
  const stub = async (name: string, code: string): Promise<string> => {
    const file = path.join(work, `${name}.js`);
    await writeFile(file, code);
    return file;
  };
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
  return work;
}

const bundle = (config: webpack.Configuration): Promise<void> =>
  new Promise((resolve, reject) => {
    webpack(config, (error, stats) => {
      if (error) reject(error);
      else if (stats?.hasErrors() === true) reject(new Error(stats.toString({ all: false, errors: true })));
      else resolve();
    });
  });
