import { mkdtempSync } from 'node:fs';
import path from 'node:path';
import { tmpdir } from 'node:os';
import type { Browser, CDPSession, Page } from 'puppeteer-core';
import type { RecordingInfo } from '../../recorder';
import { decode, probe } from './media';
import type { RecorderLab } from './pages/recorder';
import { servePages } from './serve';

declare const lab: RecorderLab;

export interface FullDisk {
  /** How long it had recorded when the room was taken away, ms. */
  readonly afterMs: number;
  /** How the recording ended. */
  readonly code: string | undefined;
  /** What had been acknowledged and is not in the journal afterwards, bytes. */
  readonly lostBytes: number;
  /** What the file lacks of the acknowledged time, s; a little, as the clock starts before the first frame. */
  readonly missingS: number;
  /** Of the file that was made after there was room again and the recording had gone on: how much longer it is, s. */
  readonly goneOnS: number;
  /** Whether the second file says how long it is. */
  readonly seekable: boolean;
}

/**
 * Records what no encoder can make small; takes the disk away at the given moment, gives it back, and goes on with the
 * same recording. Chromium only, on an origin of its own, since it remembers for a while how much room one has.
 * @param spareBytes how much more fits then
 */
export async function runFullDisk(browser: Browser, afterMs: number, spareBytes: number): Promise<FullDisk> {
  const server = await servePages();
  const downloads = mkdtempSync(path.join(tmpdir(), 'greenroom-full-disk-'));
  const page = await browser.newPage();
  try {
    const session = await page.createCDPSession();
    const allow = (quotaSize?: number): Promise<unknown> => session.send('Storage.overrideQuotaForOrigin', { origin: server.origin, ...(quotaSize === undefined ? {} : { quotaSize }) });
    await page.goto(`${server.origin}/recorder.html`);
    await page.evaluate(() => lab.create());
    await page.evaluate(() => lab.fakeCapture(440));
    await page.evaluate(() => lab.noise());
    const { id } = valueOf(await page.evaluate(() => lab.start('Full disk')));
    await page.evaluate((ms) => lab.untilRecorded(ms), afterMs);
    const { usage = 0 } = await page.evaluate(() => navigator.storage.estimate());
    await allow(usage + spareBytes);
    const failed = await page.evaluate(() => lab.untilKind('failed'));
    const acknowledged = Math.max(0, ...(await page.evaluate(() => lab.seen())).map(({ info }) => info?.bytes ?? 0));
    const [info] = valueOf<RecordingInfo[]>(await page.evaluate(() => lab.list()));
    if (info?.id !== id) throw new Error('The recording is gone');

    await allow();
    const before = await decode(await save(page, session, downloads, id));
    valueOf(await page.evaluate((which) => lab.goOn(which), id));
    await page.evaluate((ms) => lab.untilSafe(ms), info.durationMs + 2000);
    valueOf(await page.evaluate(() => lab.stop()));
    const file = await save(page, session, downloads, id);
    const after = await decode(file);
    return {
      afterMs, code: failed.code, lostBytes: acknowledged - info.bytes,
      missingS: Math.max(0, info.durationMs / 1000 - Math.min(before.video, before.audio)),
      goneOnS: Math.min(after.video, after.audio) - Math.min(before.video, before.audio),
      seekable: (await probe(file)).duration !== null,
    };
  } finally {
    await page.close();
    await server.close();
  }
}

/** @returns the downloaded file's path */
async function save(page: Page, session: CDPSession, downloadPath: string, id: string): Promise<string> {
  await session.send('Browser.setDownloadBehavior', { behavior: 'allowAndName', downloadPath, eventsEnabled: true });
  const done = new Promise<string>((resolve, reject) => {
    const listener = ({ guid, state }: { guid: string; state: string }): void => {
      if (state === 'inProgress') return;
      session.off('Browser.downloadProgress', listener);
      if (state === 'completed') resolve(path.join(downloadPath, guid));
      else reject(new Error('The download was cancelled'));
    };
    session.on('Browser.downloadProgress', listener);
  });
  valueOf(await page.evaluate((which) => lab.save(which), id));
  return await done;
}

function valueOf<T>(outcome: { value?: T; code?: string }): T {
  if (outcome.code !== undefined || outcome.value === undefined) throw new Error(`refused: ${outcome.code ?? 'no value'}`);
  return outcome.value;
}
