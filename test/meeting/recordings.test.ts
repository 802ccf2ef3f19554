import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Page } from 'puppeteer-core';

import type { Launched } from '../tools/browsers';
import { launchChromium, watchRequests } from '../tools/browsers';
import { tone } from '../tools/sound';
import type { OpenedMeeting } from './harness';
import { clickButton, join, openMeeting } from './harness';
import { clickInside, recordedFor, startRecording, waitInside } from './ui';

// What people do with recordings they have: one participant is enough.

jest.setTimeout(120_000);

let folder: string;
let meeting: OpenedMeeting | undefined;
let browser: Launched | undefined;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'greenroom-recordings-'));
});

afterEach(async () => {
  await browser?.close();
  await meeting?.stop();
  browser = meeting = undefined;
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Visit {
  readonly page: Page;
  readonly room: string;
  /** Requests to other origins and errors of the page. */
  readonly watch: Awaited<ReturnType<typeof watchRequests>>;
  /** Comes again, as by a reload. */
  readonly again: () => Promise<void>;
}

/** A meeting with these flags, and somebody alone in it. */
const visit = async (recorder: object): Promise<Visit> => {
  const opened = meeting = await openMeeting({ greenroom: { recorder } });
  browser = await launchChromium({ audio: await tone(880), allow: [opened.origin] });
  const watch = await watchRequests(browser.browser, opened.origin);
  const page = await browser.browser.newPage();
  const room = `recordings${Date.now()}`;
  await join(page, opened, room);
  return { page, room, watch, again: () => join(page, opened, room) };
};

/** Records a few seconds of what is chosen, to its end; the panel is open afterwards. */
const record = async (page: Page, seconds = 2): Promise<void> => {
  await startRecording(page);
  await recordedFor(page, seconds);
  await clickInside(page, '.pill .stop');
  await clickButton(page, 'greenroom-record');
  await waitInside(page, '.item');
};

const shown = (page: Page, selector: string): Promise<string | undefined> =>
  page.evaluate((each) => document.querySelector('#greenroom')?.shadowRoot?.querySelector(each)?.textContent, selector);

const notice = (page: Page, words: string): Promise<unknown> =>
  page.waitForFunction((wanted) => document.querySelector('#notifications-container, [class*=notification]')?.textContent.includes(wanted) === true, { timeout: 15_000, polling: 50 }, words);

/** Makes the recordings on disk older, and what was told about them. */
const age = (page: Page, days: number): Promise<void> =>
  page.evaluate(async (by) => {
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open('greenroom-recorder');
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(new Error('no database'));
    });
    await new Promise<void>((resolve, reject) => {
      const tx = database.transaction('recordings', 'readwrite');
      tx.oncomplete = () => resolve();
      tx.onerror = () => reject(new Error('not written'));
      const request = tx.objectStore('recordings').openCursor();
      request.onsuccess = () => {
        const cursor = request.result;
        if (!cursor) return;
        const row = cursor.value as { endedAt: number; noticedAt: number | null };
        cursor.update({ ...row, endedAt: row.endedAt - by * 86_400_000, noticedAt: row.noticedAt === null ? null : row.noticedAt - by * 86_400_000 });
        cursor.continue();
      };
    });
    database.close();
  }, days);

test('recordings are kept for some days: the list says until when, deletion is told ahead and can be taken back', async () => {
  const { page, watch, again } = await visit({ source: 'sound', keepDays: 30 });
  await record(page);
  const date = new Date(Date.now() + 30 * 86_400_000).toLocaleString('en-US', { dateStyle: 'medium' });
  expect(await shown(page, '.item')).toContain(`Kept until ${date}`);

  await age(page, 31);
  await again();
  await notice(page, 'Recordings are about to be deleted');
  await clickButton(page, 'greenroom-record');
  await waitInside(page, '.item'); // never downloaded: there for another day

  await age(page, 2);
  await again();
  await notice(page, 'Old recordings were deleted');
  await clickButton(page, 'greenroom-record');
  await waitInside(page, '.empty');
  await page.evaluate(() => [...document.querySelectorAll('button')].find((each) => each.textContent === 'Bring back')?.click());
  await waitInside(page, '.item');
  expect(watch.errors).toEqual([]);
});
