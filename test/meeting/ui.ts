import { mkdtempSync } from 'node:fs';
import path from 'node:path';

import type { Frame, Page } from 'puppeteer-core';

import { clickButton } from './harness';

/** What a person does with the plugin's own surface, whatever meeting page it is in. */

/** Waits for an element in the plugin's shadow root, where puppeteer's own waiting does not see changes. */
export const waitInside = async (page: Page | Frame, selector: string, timeout = 15_000): Promise<void> => {
  await page.waitForFunction((each) => Boolean(document.querySelector('#greenroom')?.shadowRoot?.querySelector(each)), { timeout, polling: 50 }, selector).catch(async (error: unknown) => {
    const shown = await page.evaluate(() => document.querySelector('#greenroom')?.shadowRoot?.textContent).catch(String);
    throw new Error(`There is no ${selector}; what is shown: ${shown ?? 'nothing'}`, { cause: error });
  });
};

/** Waits for an element in the plugin's surface and clicks it, which counts as the user's own act. */
export const clickInside = async (page: Page | Frame, selector: string): Promise<void> => {
  await waitInside(page, selector);
  await page.evaluate((each) => document.querySelector('#greenroom')?.shadowRoot?.querySelector<HTMLElement>(each)?.click(), selector);
};

/** Opens the Effects panel, chooses an effect or a background by its id, and waits until the panel says that it is so; closes it. */
export const chooseEffect = async (page: Page, effect: string): Promise<void> => {
  await clickButton(page, 'greenroom-effects');
  await clickInside(page, `input[value="${effect}"]`);
  await waitForEffect(page, effect === 'off' ? '' : 'on');
  await clickButton(page, 'greenroom-effects');
};

/** Waits, with the Effects panel open, for the dot beside its status. */
export const waitForEffect = async (page: Page, dot: '' | 'on' | 'wait' | 'bad'): Promise<void> => {
  await page.waitForFunction(
    (wanted) => {
      const panel = document.querySelector('#greenroom')?.shadowRoot?.querySelector('.panel');
      const shown = panel?.querySelector('.status .dot');
      return panel && (wanted === '' ? !shown : shown?.classList.contains(wanted));
    },
    { timeout: 20_000, polling: 50 },
    dot,
  );
};

/** Opens the Recordings panel, starts what is chosen there, and waits until it runs. */
export const startRecording = async (page: Page): Promise<void> => {
  await clickButton(page, 'greenroom-record');
  await clickInside(page, '.primary');
  await waitInside(page, '.pill');
};

/** Waits until so much has been recorded. */
export const recordedFor = (page: Page | Frame, seconds: number): Promise<unknown> =>
  page.waitForFunction(
    (wanted) => {
      const [minutes = 0, rest = 0] = (document.querySelector('#greenroom')?.shadowRoot?.querySelector('.pill .time')?.textContent ?? '').split(':').map(Number);
      return minutes * 60 + rest >= wanted;
    },
    { timeout: (seconds + 30) * 1000, polling: 100 },
    seconds,
  );

/**
 * Presses what downloads a file, by default the newest recording's own button, and waits for the file.
 * @param folder where it is put, in a new folder of its own
 */
export const download = async (page: Page, folder: string, press: (page: Page) => Promise<void> = (each) => clickInside(each, '.item button[aria-label^="Download"]')): Promise<string> => {
  const downloads = mkdtempSync(path.join(folder, 'downloads-'));
  const session = await page.browser().target().createCDPSession();
  await session.send('Browser.setDownloadBehavior', { behavior: 'allowAndName', downloadPath: downloads, eventsEnabled: true });
  const done = new Promise<string>((resolve, reject) => {
    session.on('Browser.downloadProgress', ({ guid, state }) => {
      if (state === 'completed') resolve(guid);
      if (state === 'canceled') reject(new Error('the download was cancelled'));
    });
  });
  await press(page);
  return path.join(downloads, await done);
};
