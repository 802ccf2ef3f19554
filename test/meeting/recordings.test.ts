import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { HTTPRequest, Page } from 'puppeteer-core';

import { decode, loudness, probe, samples } from '../browser/media';
import type { Launched } from '../tools/browsers';
import { launchChromium, watchRequests } from '../tools/browsers';
import { tone } from '../tools/sound';
import type { OpenedMeeting } from './harness';
import { changeMicrophone, clickButton, hangUp, join, openMeeting, roomUrl } from './harness';
import type { MeetingOptions } from './server';
import { clickInside, download, recordedFor, startRecording, waitInside } from './ui';

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

/**
 * A meeting with these flags, and somebody alone in it.
 * @param first is done by whoever was there before
 */
const visit = async (recorder: object, options: MeetingOptions = {}, first?: (page: Page, opened: OpenedMeeting, room: string) => Promise<void>): Promise<Visit> => {
  const opened = meeting = await openMeeting({ greenroom: { recorder }, ...options });
  browser = await launchChromium({ audio: await tone(880), allow: [opened.origin] });
  const watch = await watchRequests(browser.browser, opened.origin);
  const room = `recordings${Date.now()}`;
  if (first) await first(await browser.browser.newPage(), opened, room);
  const page = await browser.browser.newPage();
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

/** What has the focus inside the plugin's surface: its accessible name, or its words. */
const focused = (page: Page): Promise<string | null | undefined> =>
  page.evaluate(() => {
    const element = document.querySelector('#greenroom')?.shadowRoot?.activeElement;
    return element?.getAttribute('aria-label') ?? element?.textContent;
  });

test('a click that comes before the panels’ script opens the panel when it has come, with the focus in it from the first', async () => {
  const { page, again } = await visit({});
  await page.setRequestInterception(true);
  const held = new Promise<HTTPRequest>((resolve) => {
    page.on('request', (request) => {
      if (/panels\.[0-9a-f]+\.js/.test(request.url())) resolve(request);
      else void request.continue();
    });
  });
  await page.evaluateOnNewDocument(() => {
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the receivers it is given
    const attach = Element.prototype.attachShadow;
    Element.prototype.attachShadow = function (init) {
      const root = attach.call(this, init);
      new MutationObserver(() => {
        if (root.querySelector('.panel')) (window as unknown as { focusedFirst?: string | null }).focusedFirst ??= root.activeElement?.getAttribute('value') ?? 'nothing';
      }).observe(root, { childList: true, subtree: true });
      return root;
    };
  });
  const joined = again();
  const script = await held;
  await clickButton(page, 'greenroom-record');
  await script.continue();
  await joined; // not before: the page is not loaded without it
  await waitInside(page, '.panel input[value=tab]:checked');
  expect(await page.evaluate(() => (window as unknown as { focusedFirst?: string }).focusedFirst)).toBe('tab');
});

test('a recording is saved as what it can become, by keyboard alone', async () => {
  const { page, watch } = await visit({ source: 'room' });
  await startRecording(page);
  await recordedFor(page, 2);
  await clickInside(page, '.pill .mark');
  await recordedFor(page, 4);
  await clickInside(page, '.pill .stop');
  await clickButton(page, 'greenroom-record');
  await waitInside(page, '.item .more');

  await page.evaluate(() => document.querySelector('#greenroom')?.shadowRoot?.querySelector<HTMLElement>('.item .more')?.focus());
  await page.keyboard.press('ArrowDown');
  await waitInside(page, '[role=menu]');
  expect(await focused(page)).toContain('Video');
  await page.keyboard.press('ArrowUp'); // round to the last one
  expect(await focused(page)).toContain('Ask where to save');
  await page.keyboard.press('Escape');
  expect(await shown(page, '[role=menu]')).toBeUndefined();
  expect(await focused(page)).toMatch(/^Save as: recordings/);
  expect(await shown(page, '.panel h2')).toBe('Recordings'); // Escape closed the menu alone

  const choose = (...keys: ('ArrowDown' | 'End' | 'ArrowUp' | 'Enter')[]) => async (): Promise<void> => {
    await page.keyboard.press('Enter');
    await waitInside(page, '[role=menu]');
    for (const key of keys) await page.keyboard.press(key);
  };
  const sound = await download(page, folder, choose('ArrowDown', 'Enter'));
  expect((await probe(sound)).streams.map(({ type }) => type)).toEqual(['audio']);
  expect((await decode(sound)).audio).toBeGreaterThan(3);
  // The button that was pressed was gone meanwhile; focus is in the same recording.
  await waitInside(page, '.item .more');
  expect(await focused(page)).toMatch(/^Download: recordings/);

  await page.keyboard.press('Tab');
  const chapters = await download(page, folder, choose('End', 'ArrowUp', 'Enter'));
  expect(readFileSync(chapters, 'utf8')).toMatch(/^WEBVTT[^]*00:00:0[23]\.\d+ --> [^]*Marker 1/);
  expect(watch.errors).toEqual([]);
});

test('a file that is being made can be cancelled, and leaves nothing behind', async () => {
  const { page } = await visit({ source: 'sound' });
  await record(page);
  // The file would be made before anybody can press Cancel: its making is held back until then.
  await page.evaluate(() => {
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the receiver it is given
    const post = Worker.prototype.postMessage as (this: Worker, message: unknown) => void;
    Worker.prototype.postMessage = function (message: { type: string }) {
      if (message.type === 'start') Object.assign(window, { makeFile: () => post.call(this, message) });
      else post.call(this, message);
    };
  });
  await clickInside(page, '.item button[aria-label^="Download"]');
  await waitInside(page, '.item progress');
  await page.waitForFunction(() => 'makeFile' in window, { polling: 50 });
  await page.evaluate(() => {
    (window as unknown as { makeFile: () => void }).makeFile();
    document.querySelector('#greenroom')?.shadowRoot?.querySelector<HTMLElement>('.item button[aria-label^="Cancel"]')?.click();
  });
  await waitInside(page, '.item button[aria-label^="Download"]');
  const left = await page.evaluate(async () => {
    const copies = await (await navigator.storage.getDirectory()).getDirectoryHandle('greenroom-exports');
    let count = 0;
    // eslint-disable-next-line @typescript-eslint/no-unused-vars
    for await (const copy of copies.keys()) count++;
    return count;
  });
  expect(left).toBe(0);
  expect(await page.evaluate(() => document.body.textContent)).not.toContain('The file could not be made');
});

test('a kind of file that cannot be made is refused in one sentence', async () => {
  const { page } = await visit({ source: 'self' }, { missing: /recorder-export/ });
  await record(page, 3);
  await clickInside(page, '.item .more');
  await clickInside(page, '[data-format=sound]');
  await notice(page, 'This browser cannot make this kind of file from this recording.');
  await waitInside(page, '.item button[aria-label^="Download"]');
});

/** Types into the fields of the form for a passphrase, in order, and sends it. */
const give = async (page: Page, ...passphrases: string[]): Promise<void> => {
  await waitInside(page, `.passphrase .field:nth-of-type(${passphrases.length}) input`);
  await page.evaluate((given) => {
    const fields = document.querySelector('#greenroom')?.shadowRoot?.querySelectorAll<HTMLInputElement>('.passphrase input') ?? [];
    for (const [index, field] of [...fields].entries()) field.value = given[index] ?? '';
  }, passphrases);
  await page.keyboard.press('Enter'); // the first field, or the one that was refused, has the focus
};

const refusal = (page: Page, words: string): Promise<unknown> =>
  page.waitForFunction((wanted) => document.querySelector('#greenroom')?.shadowRoot?.querySelector('.passphrase .refusal')?.textContent.includes(wanted) === true, { timeout: 15_000, polling: 50 }, words);

test('a passphrase is asked for twice when it is new and once at each visit; a wrong one is refused, and nothing is lost', async () => {
  const { page, watch, room, again } = await visit({ source: 'sound', encrypt: 'passphrase' });
  await clickButton(page, 'greenroom-record');
  await clickInside(page, '.start');
  await give(page, 'short', 'short');
  await refusal(page, 'at least 8 characters');
  await give(page, 'correct horse', 'correct house');
  await refusal(page, 'not the same');
  expect(await focused(page)).toBe(''); // the second field
  await page.evaluate(() => document.querySelector('#greenroom')?.shadowRoot?.querySelector<HTMLInputElement>('.passphrase input')?.focus());
  await give(page, 'correct horse', 'correct horse');
  await waitInside(page, '.pill');
  await recordedFor(page, 2);
  await clickInside(page, '.pill .stop');
  await clickButton(page, 'greenroom-record');
  await waitInside(page, '.item');
  expect(await shown(page, '.item .title')).toBe(room);

  // To open what there is.
  await again();
  await clickButton(page, 'greenroom-record');
  await waitInside(page, '.item');
  expect(await shown(page, '.item .title')).toBe('Protected recording');
  await clickInside(page, '.item button[aria-label^="Open"]');
  await give(page, 'correct house');
  await refusal(page, 'Nothing is lost');
  await give(page, 'correct horse');
  await waitInside(page, '.item button[aria-label^="Download"]');
  expect(await shown(page, '.item .title')).toBe(room);
  expect(await focused(page)).toMatch(/^Download: recordings/);
  expect((await decode(await download(page, folder))).audio).toBeGreaterThan(1);

  // To record.
  await again();
  await clickButton(page, 'greenroom-record');
  await clickInside(page, '.start');
  await waitInside(page, '.passphrase input');
  expect(await page.evaluate(() => document.querySelector('#greenroom')?.shadowRoot?.querySelectorAll('.passphrase input').length)).toBe(1);
  await give(page, 'correct house');
  await refusal(page, 'Nothing is lost');
  await give(page, 'correct horse');
  await waitInside(page, '.pill');
  await recordedFor(page, 2);
  await clickInside(page, '.pill .stop');
  await clickButton(page, 'greenroom-record');
  await waitInside(page, '.item:nth-child(2)');
  expect(await page.evaluate(() => [...document.querySelector('#greenroom')?.shadowRoot?.querySelectorAll('.item .title') ?? []].map(({ textContent }) => textContent))).toEqual([room, room]);
  expect(watch.errors).toEqual([]);
});

test('closing the page while it is recorded asks first; after a reload the recording goes on, in the same file', async () => {
  // Without the browser's noise suppression, which takes a tone that goes on for noise and turns it down.
  const { page, watch, again } = await visit({ source: 'room' }, { config: { disableAP: true } });
  await startRecording(page);
  await recordedFor(page, 2);
  await clickInside(page, '.pill .mark');
  await recordedFor(page, 4);
  const asked: string[] = [];
  page.on('dialog', (dialog) => {
    asked.push(dialog.type());
    void dialog.accept();
  });
  // Browsers ask only for pages that somebody has used.
  await page.mouse.click(640, 40);
  await again();
  expect(asked).toEqual(['beforeunload']);

  await notice(page, 'An unfinished recording was found');
  await page.evaluate(() => [...document.querySelectorAll('button')].find((each) => each.textContent === 'Go on recording')?.click());
  await waitInside(page, '.pill');
  await recordedFor(page, 7);
  await clickInside(page, '.pill .mark');
  await recordedFor(page, 8);
  await clickInside(page, '.pill .stop');
  await clickButton(page, 'greenroom-record');
  await waitInside(page, '.item');
  expect(await shown(page, '.list')).toMatch(/^recordings\d+(?!.*recordings\d)/);
  expect(await shown(page, '.badge')).toBeUndefined();

  const file = await download(page, folder);
  const { video, audio } = await decode(file);
  expect(audio).toBeGreaterThan(7);
  expect(video).toBeGreaterThan(5); // that of the further part as well, of which a busy machine makes less
  const pcm = await samples(file);
  for (const [from, to] of [[1, 3], [5, 7]] as const) expect(loudness(pcm, 880, from, to)).toBeGreaterThan(0.02);
  const chapters = await download(page, folder, async () => {
    await clickInside(page, '.item .more');
    await clickInside(page, '[data-format=chapters]');
  });
  // The moments of before are still marked.
  expect(readFileSync(chapters, 'utf8')).toMatch(/00:00:0[23]\.\d+ --> [^]*Marker 1[^]*00:00:0[78]\.\d+ --> [^]*Marker 2/);
  expect(watch.errors).toEqual([]);
});

test('VP9 by flag becomes an MP4 as well; everybody’s own sound comes as a zip', async () => {
  const { page, watch } = await visit({ source: 'self', videoCodec: 'vp9' });
  await clickButton(page, 'greenroom-record');
  await clickInside(page, 'input[name=stems]');
  await clickButton(page, 'greenroom-record');
  await record(page, 4);
  const saved = (format: string): Promise<string> => download(page, folder, async () => {
    await clickInside(page, '.item .more');
    await clickInside(page, `[data-format=${format}]`);
  });
  const mp4 = await saved('mp4');
  expect((await probe(mp4)).streams.map(({ codec }) => codec).sort()).toEqual(['opus', 'vp9']);
  expect((await decode(mp4)).video).toBeGreaterThan(2.5);
  expect(readFileSync(mp4).toString('latin1', 4, 8)).toBe('ftyp');
  await waitInside(page, '.item .more');
  const zip = readFileSync(await saved('stems'));
  expect(zip.toString('latin1', 0, 4)).toBe('PK\u0003\u0004');
  expect(zip.toString('latin1')).toContain('1 Guest.webm');
  expect(watch.errors).toEqual([]);
});

test('in another site’s frame that may not capture the screen, the tab is not on offer, and the room is recorded', async () => {
  const opened = meeting = await openMeeting();
  const room = `recordings${Date.now()}`;
  const allow = 'autoplay; camera; microphone';
  const site = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end(`<!DOCTYPE html><iframe allow="${allow}" width="1000" height="600" src="${roomUrl(opened, room).replaceAll('&', '&amp;')}"></iframe>`));
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = site.address() as AddressInfo;
    const outer = `http://localhost:${port}`;
    browser = await launchChromium({ audio: await tone(880), allow: [outer, opened.origin] });
    const page = await browser.browser.newPage();
    await page.goto(outer);
    const frame = await page.waitForFrame((each) => each.url().startsWith(opened.origin));
    await frame.waitForFunction(() => window.APP?.conference.isJoined() === true, { timeout: 30_000, polling: 50 });
    await clickButton(frame, 'greenroom-record');
    await waitInside(frame, 'input[value=room]:checked');
    expect(await frame.evaluate(() => [...document.querySelector('#greenroom')?.shadowRoot?.querySelectorAll<HTMLInputElement>('input[name=source]') ?? []].map(({ value }) => value))).toEqual(['room', 'sound', 'self']);
    await clickInside(frame, '.primary');
    await waitInside(frame, '.pill');
    await recordedFor(frame, 5); // on a busy machine the first picture comes late
    await clickInside(frame, '.pill .stop');
    await clickButton(frame, 'greenroom-record');
    const file = await download(page, folder, () => clickInside(frame, '.item button[aria-label^="Download"]'));
    const length = await decode(file);
    expect(length.audio).toBeGreaterThan(2);
    expect(length.video).toBeGreaterThan(2);
    expect(loudness(await samples(file), 880, 1, 2)).toBeGreaterThan(0.02);
  } finally {
    site.close();
  }
});

test('a new microphone is not kept from the meeting by a recorder that cannot open it ahead, and is recorded when it can', async () => {
  const { page } = await visit({ source: 'sound' }, { config: { disableAP: true } });
  // As while a phone call has the sound: the recorder's audio engine stands still.
  await page.evaluate(() => {
    const engines: AudioContext[] = [];
    window.AudioContext = class extends AudioContext {
      constructor() {
        super();
        engines.push(this);
      }
    };
    let still = false;
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the receiver it is given
    const resume = AudioContext.prototype.resume;
    AudioContext.prototype.resume = function () { return still ? Promise.reject(new Error('still')) : resume.call(this); };
    const stand = async (on: boolean): Promise<void> => {
      still = on;
      for (const engine of engines) await (on ? engine.suspend() : engine.resume());
    };
    Object.assign(window, { stand });
  });
  await startRecording(page);
  await recordedFor(page, 2);

  await page.evaluate(() => {
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the receiver it is given
    const create = AudioContext.prototype.createMediaStreamSource;
    AudioContext.prototype.createMediaStreamSource = () => {
      AudioContext.prototype.createMediaStreamSource = create;
      throw new Error('refused');
    };
  });
  await changeMicrophone(page);
  await recordedFor(page, 4);

  await page.evaluate(() => (window as unknown as { stand: (on: boolean) => Promise<void> }).stand(true));
  await changeMicrophone(page);
  await page.evaluate(() => (window as unknown as { stand: (on: boolean) => Promise<void> }).stand(false));
  await recordedFor(page, 7);

  await clickInside(page, '.pill .stop');
  await clickButton(page, 'greenroom-record');
  const file = await download(page, folder);
  const { audio } = await decode(file);
  const pcm = await samples(file);
  for (const [from, to] of [[1, 1.5], [3, 3.5], [audio - 0.7, audio - 0.2]] as const) expect(loudness(pcm, 880, from, to)).toBeGreaterThan(0.1);
});

describe('a recording ends well, and all of it is there, when', () => {
  let moderator: Page;
  /** Whoever creates a room is its owner, and may send others away. */
  const withModerator = async (page: Page, opened: OpenedMeeting, room: string): Promise<void> => {
    moderator = page;
    await join(page, opened, room, { name: 'Moderator' });
  };

  test.each([
    ['the meeting is left', (page: Page) => hangUp(page)],
    ['a moderator sends its owner away', async (page: Page) => {
      const id = await page.evaluate(() => window.APP?.conference.getMyUserId());
      await moderator.evaluate((who) => (window.APP?.conference._room as unknown as { kickParticipant: (id?: string) => void }).kickParticipant(who), id);
    }],
    ['the connection to the server is lost', () => {
      meeting?.cut?.();
      return Promise.resolve();
    }],
  ])('%s', async (_, end) => {
    const { page } = await visit({ source: 'sound' }, {}, withModerator);
    await startRecording(page);
    await recordedFor(page, 3);
    await end(page);
    await page.waitForFunction(() => document.querySelector('#greenroom')?.shadowRoot?.querySelector('.pill') === null, { timeout: 15_000, polling: 50 });
    await clickButton(page, 'greenroom-record');
    await waitInside(page, '.item .more');
    expect(await shown(page, '.item .badge')).toBeUndefined(); // not one that was cut off
    expect((await decode(await download(page, folder))).audio).toBeGreaterThan(2.9);
  });
});
