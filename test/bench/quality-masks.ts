import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { SegmenterBench } from '../browser/pages/segmenter';
import { servePages } from '../browser/serve';
import { launchChromium } from '../tools/browsers';

declare const bench: SegmenterBench;

/** The model in the real browser; `close()` ends it. */
export interface ModelRunner {
  /** @returns one mask of 256 x 144 bytes for each RGBA picture of that size */
  masks(pictures: readonly Uint8ClampedArray[], engine?: 'ours' | 'mediapipe'): Promise<Uint8Array[]>;
  close(): Promise<void>;
}

export async function startModel(): Promise<ModelRunner> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'greenroom-quality-'));
  const server = await servePages({ folders: { pictures: folder } });
  const chromium = await launchChromium();
  return {
    async masks(pictures, engine = 'ours') {
      await writeFile(path.join(folder, 'pictures.bin'), Buffer.concat(pictures.map((picture) => Buffer.from(picture.buffer, picture.byteOffset, picture.length))));
      // A page for each clip: the engine cannot be loaded twice in one.
      const page = await chromium.browser.newPage();
      await page.goto(`${server.origin}/segmenter.html`);
      const all = Buffer.from(await page.evaluate((url, by) => bench.masks(url, by), '/pictures/pictures.bin', engine), 'base64');
      await page.close();
      return pictures.map((_, i) => new Uint8Array(all.subarray((i * all.length) / pictures.length, ((i + 1) * all.length) / pictures.length)));
    },
    async close() {
      await chromium.close();
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
