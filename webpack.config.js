const fs = require('node:fs');
const path = require('node:path');
const TerserPlugin = require('terser-webpack-plugin');

const swc = {
  test: /\.tsx?$/,
  resourceQuery: { not: [/wasm/] },
  use: {
    loader: 'swc-loader',
    options: { jsc: { parser: { syntax: 'typescript', tsx: true }, target: 'es2022', transform: { react: { runtime: 'automatic', importSource: 'preact' } } } },
  },
};
const resolve = { extensions: ['.ts', '.tsx', '.mjs', '.js'] };

/** What is in the bundle beside our own code; their licences ask to travel with it. */
const BUNDLED = ['@mediapipe/tasks-vision', '@mediapipe/selfie_segmentation', 'client-zip', 'idb', 'mediabunny', 'preact', 'valibot'];

/** Writes LICENSES.txt: ours, and that of every package in the bundle. MediaPipe's packages bring no text: theirs is ours, Apache-2.0. */
class LicencesPlugin {
  apply(compiler) {
    compiler.hooks.thisCompilation.tap('Licences', (compilation) => {
      const parts = BUNDLED.map((name) => {
        const folder = path.resolve(__dirname, 'node_modules', name);
        const { version, license } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
        const file = fs.readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
        return `${name} ${version} (${license})\n\n${file ? fs.readFileSync(path.join(folder, file), 'utf8') : 'See the Apache License above.'}`;
      });
      const own = `Greenroom (Apache-2.0)\n\n${fs.readFileSync(path.resolve(__dirname, 'LICENSE'), 'utf8')}`;
      compilation.emitAsset('LICENSES.txt', new compiler.webpack.sources.RawSource([own, ...parts].join(`\n${'-'.repeat(80)}\n\n`)));
    });
  }
}

/** The shipped bundle: one classic script; everything else beside it in assets/, named by content. */
const plugin = {
  name: 'plugin',
  target: ['web', 'es2022'],
  entry: { greenroom: './plugin/index.ts' },
  output: {
    path: path.resolve(__dirname, 'dist'),
    filename: '[name].js',
    chunkFilename: 'assets/[name].[contenthash:10].js',
    assetModuleFilename: 'assets/[name].[contenthash:10][ext]',
    publicPath: 'auto',
    clean: true,
  },
  resolve,
  devtool: 'source-map',
  module: {
    rules: [
      swc,
      // MediaPipe's loader is fetched by its own importScripts at run time; webpack only emits it.
      { test: /vision_wasm_\w+\.(js|wasm)$/, type: 'asset/resource' },
      {
        test: /\.tflite$/,
        type: 'asset/resource',
        oneOf: [
          { resourceQuery: /weights/, generator: { filename: 'assets/selfie_segmentation.[contenthash:10].bin' }, use: path.resolve(__dirname, 'effects/segmenter/weights.cjs') },
          { use: path.resolve(__dirname, 'effects/segmenter/tflite-metadata.cjs') },
        ],
      },
      {
        resourceQuery: /wasm/,
        type: 'asset/resource',
        // By their folders: kernel and segmenter.
        generator: { filename: ({ filename }) => `assets/${path.basename(path.resolve(filename, '../..'))}.[contenthash:10].wasm` },
        use: path.resolve(__dirname, 'effects/kernel/loader.cjs'),
      },
      { test: /\.(svg|webp)$/, type: 'asset/resource' },
      // The bundle imports its wasm loader by a computed name that is never used in a classic worker.
      { test: /vision_bundle\.mjs$/, parser: { exprContextCritical: false } },
    ],
  },
  optimization: { splitChunks: false, minimizer: [new TerserPlugin({ exclude: /vision_wasm_/, extractComments: false })] },
  plugins: [new LicencesPlugin()],
  performance: { hints: false },
};

/** The stand-in for the Jitsi Meet app, laid out like /usr/share/jitsi-meet. Test only. */
const meetingApp = {
  name: 'meeting-app',
  target: ['web', 'es2022'],
  entry: { app: './test/meeting/page/app.ts' },
  output: { path: path.resolve(__dirname, 'build/meeting'), filename: 'libs/app.bundle.min.js' },
  resolve,
  module: { rules: [swc] },
  performance: { hints: false },
};

/** Plain pages for the browser tests: one script per file in test/browser/pages. Test only. */
const browserPages = {
  name: 'browser-pages',
  target: ['web', 'es2022'],
  entry: Object.fromEntries(
    fs.readdirSync(path.resolve(__dirname, 'test/browser/pages'))
      .filter((file) => file.endsWith('.ts'))
      .map((file) => [path.basename(file, '.ts'), `./test/browser/pages/${file}`]),
  ),
  output: {
    path: path.resolve(__dirname, 'build/browser'),
    filename: '[name].js',
    chunkFilename: 'assets/[name].[contenthash:10].js',
    assetModuleFilename: 'assets/[name].[contenthash:10][ext]',
    publicPath: 'auto',
    clean: true,
  },
  resolve,
  module: plugin.module,
  optimization: { minimize: false, splitChunks: false },
  performance: { hints: false },
};

module.exports = [plugin, meetingApp, browserPages];
