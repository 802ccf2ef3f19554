// Draws plugin/backgrounds/*.svg, which are the originals, as the WebP files that are shipped: workers decode no SVG.
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

import { launchChromium } from './browsers';

const folder = path.resolve(__dirname, '../../plugin/backgrounds');

const main = async (): Promise<void> => {
  const chromium = await launchChromium();
  try {
    const page = await chromium.browser.newPage();
    await page.setViewport({ width: 1600, height: 900 });
    for (const file of (await readdir(folder)).filter((name) => name.endsWith('.svg'))) {
      const svg = await readFile(path.join(folder, file), 'utf8');
      await page.setContent(`<style>body { margin: 0 } svg { display: block; width: 100vw; height: 100vh }</style>${svg}`);
      await page.screenshot({ path: path.join(folder, file.replace(/svg$/, 'webp')), type: 'webp', quality: 84 });
    }
  } finally {
    await chromium.close();
  }
};

void main();
