import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, Page } from 'puppeteer-core';
import type { RecorderOptions, RecordingInfo, SaveFormat } from '../../recorder';
import { launchChromium, launchFirefox, type Launched } from '../tools/browsers';
import { tone } from '../tools/sound';
import { runFullDisk } from './full-disk';
import { decode, decodesAt, loudness, packetTimes, probe, samples } from './media';
import type { RecorderLab } from './pages/recorder';
import { servePages, type PageServer } from './serve';

declare const lab: RecorderLab;

let folder: string;
let server: PageServer;
/** Closed at the end, also after a failure: a browser left running keeps jest from ending. */
const browsers: Launched[] = [];

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'greenroom-recorder-'));
  server = await servePages();
});

afterAll(async () => {
  for (const launched of browsers) await launched.close();
  await server.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}, 60_000);

/** The microphone is a tone of 880 Hz. */
async function launch(profile?: string): Promise<Launched> {
  const launched = await launchChromium({ allow: [server.origin], audio: await tone(880), ...(profile === undefined ? {} : { profile: path.join(folder, profile) }) });
  browsers.push(launched);
  return launched;
}

async function open(browser: Browser, options: RecorderOptions = {}): Promise<Page> {
  const page = await browser.newPage();
  page.on('pageerror', (error) => console.error(error));
  await page.goto(`${server.origin}/recorder.html`);
  await page.evaluate((given) => lab.create(given), options);
  return page;
}

function valueOf<T>(outcome: { value?: T; code?: string }): T {
  if (outcome.code !== undefined || outcome.value === undefined) throw new Error(`refused: ${outcome.code ?? 'no value'}`);
  return outcome.value;
}

/**
 * Whether the file ends where the list says. The clock starts with the encoder, the file with its first frame, and a
 * busy machine is late with that one.
 */
function expectEnd(seconds: number, info: RecordingInfo | undefined): void {
  const said = (info?.durationMs ?? 0) / 1000;
  expect(seconds).toBeLessThan(said + 0.4);
  expect(seconds).toBeGreaterThan(said - 2.5);
}

function expectLittleLost(name: string, killedAt: number, info: RecordingInfo | undefined, { video, audio }: { video: number; audio: number }): void {
  if (info === undefined) throw new Error('The recording was not found');
  const lived = (killedAt - info.startedAt) / 1000;
  const lost = lived - info.durationMs / 1000;
  console.log(`${name} killed after ${lived.toFixed(2)} s: ${lost.toFixed(2)} s lost; the file has ${video.toFixed(2)} s of picture and ${audio.toFixed(2)} s of sound`);
  expect(lost).toBeLessThanOrEqual(1.5);
  expectEnd(video, info);
  expectEnd(audio, info);
}

/** A bad moment for a crash: most of the time between two chunks has passed since the last one was safe. */
async function untilNextIsDue(page: Page): Promise<void> {
  const [before = 0, last = 0] = (await page.evaluate(() => lab.seen())).slice(-2).map(({ info }) => info?.durationMs ?? 0);
  await new Promise((resolve) => setTimeout(resolve, 0.8 * (last - before)));
}

/** Saves through the browser's own download and waits until the file is on disk. */
async function save(page: Page, id: string, format: SaveFormat = 'webm'): Promise<{ file: string; fileName: string; seekable: boolean }> {
  const downloads = mkdtempSync(path.join(folder, 'downloads-'));
  const session = await page.browser().target().createCDPSession();
  await session.send('Browser.setDownloadBehavior', { behavior: 'allowAndName', downloadPath: downloads, eventsEnabled: true });
  const done = new Promise<string>((resolve, reject) => {
    session.on('Browser.downloadProgress', ({ guid, state }) => {
      if (state === 'completed') resolve(guid);
      if (state === 'canceled') reject(new Error('The download was cancelled'));
    });
  });
  const { bytes, ...saved } = valueOf(await page.evaluate((...all) => lab.saveAs(...all), id, format));
  const file = path.join(downloads, await done);
  await session.detach();
  expect(statSync(file).size).toBe(bytes);
  return { file, ...saved };
}

/** Whether the file says how long it is, has an index, and can be entered near its end. */
async function expectSeekable(file: string): Promise<void> {
  const { video, audio } = await decode(file);
  const { duration } = await probe(file);
  expect(Math.abs((duration ?? 0) - Math.max(video, audio))).toBeLessThan(0.3);
  expect(await decodesAt(file, video - 0.5)).toBe(true);
  // The id of the index, once in the table of contents and once where it begins.
  expect(readFileSync(file).toString('latin1').split('\x1c\x53\xbb\x6b').length - 1).toBeGreaterThanOrEqual(2);
}

describe('in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => { ({ browser } = await launch()); });
  afterEach(async () => {
    for (const page of (await browser.pages()).slice(1)) await page.close();
  });

  test('records the tab with its sound and the microphone, in one file that plays to its end', async () => {
    const page = await open(browser);
    await page.evaluate(() => lab.play(440));
    await page.evaluate(() => lab.openMicrophone());
    const { id } = valueOf(await page.evaluate(() => lab.start('Weekly: plans / "Q4"')));
    expect(await page.evaluate(() => lab.untilSafe(4000))).toMatchObject({ kind: 'recording', surface: 'browser', label: 'Tab audio' });
    const info = valueOf(await page.evaluate(() => lab.stop()));
    expect(info).toMatchObject({ id, state: 'complete' });
    expect(await page.evaluate(() => lab.leftAlive())).toEqual({ tracks: 0, contexts: 0, microphone: 'live' });

    const { file, fileName, seekable } = await save(page, id);
    expect(fileName).toMatch(/^Weekly plans Q4 \d{4}-\d\d-\d\d \d\d-\d\d\.webm$/);
    expect(seekable).toBe(true);
    await expectSeekable(file);
    expect(await page.evaluate(() => lab.exports())).toHaveLength(1);
    expect((await probe(file)).streams).toEqual([{ type: 'video', codec: 'vp8' }, { type: 'audio', codec: 'opus' }]);
    const { video, audio } = await decode(file);
    expectEnd(video, info);
    expectEnd(audio, info);
    const pcm = await samples(file);
    expect(loudness(pcm, 440, 1, 3)).toBeGreaterThan(0.1);
    expect(loudness(pcm, 880, 1, 3)).toBeGreaterThan(0.1);
    expect(loudness(pcm, 660, 1, 3)).toBeLessThan(0.02);

    // The next visit, an hour later, clears away the copy that the download was made of.
    const later = await open(browser);
    await later.evaluate(() => lab.list());
    expect(await later.evaluate(() => lab.exports())).toHaveLength(1);
    await later.evaluate(() => lab.hoursPass(1));
    await later.evaluate(() => lab.create());
    expect(valueOf(await later.evaluate(() => lab.list()))).toHaveLength(1);
    expect(await later.evaluate(() => lab.exports())).toEqual([]);
  }, 30_000);

  test('keeps one file when the microphone is muted, pulled out and replaced', async () => {
    const page = await open(browser);
    await page.evaluate(() => lab.openMicrophone());
    const { id } = valueOf(await page.evaluate(() => lab.start('Microphones')));
    await page.evaluate(() => lab.untilSafe(2000));
    await page.evaluate(() => lab.breakMicrophone());
    await page.evaluate(() => lab.untilSafe(4000));
    await page.evaluate(() => lab.toneMicrophone(1320));
    await page.evaluate(() => lab.plugMicrophone());
    await page.evaluate(() => lab.untilSafe(6000));
    await page.evaluate(() => lab.unplugMicrophone());
    await page.evaluate(() => lab.untilSafe(8000));
    valueOf(await page.evaluate(() => lab.stop()));

    const { file } = await save(page, id);
    expect((await probe(file)).streams).toHaveLength(2);
    expect((await decode(file)).audio).toBeGreaterThan(7.5);
    const pcm = await samples(file);
    const heard = (frequency: number): boolean[] => [0.5, 2.6, 4.6, 6.6].map((from) => loudness(pcm, frequency, from, from + 1) > 0.05);
    expect(heard(880)).toEqual([true, false, false, false]);
    expect(heard(1320)).toEqual([false, false, true, false]);
  }, 30_000);

  test('a refused capture says so and leaves nothing behind', async () => {
    // A frame without the permission is refused like by a user, without a prompt.
    const strict = await servePages({ headers: { 'Permissions-Policy': 'display-capture=()' } });
    const page = await browser.newPage();
    await page.goto(`${strict.origin}/recorder.html`);
    await page.evaluate(() => lab.create({ database: 'denied' }));
    expect(await page.evaluate(() => lab.start('Refused'))).toEqual({ code: 'denied', recoverable: true });
    expect(await page.evaluate(() => lab.seen())).toEqual([{ kind: 'starting' }, { kind: 'failed', code: 'denied', info: null }]);
    expect(await page.evaluate(() => lab.leftAlive())).toEqual({ tracks: 0, contexts: 0, microphone: null });
    expect(await page.evaluate(() => lab.list())).toEqual({ value: [] });
    expect(await page.evaluate(() => lab.stored('denied'))).toEqual({ recordings: 0, chunks: 0 });

    await page.evaluate(() => lab.fakeCapture(null));
    valueOf(await page.evaluate(() => lab.start('Accepted at last')));
    await strict.close();
  });

  test('a start that is aborted gives back what the user grants later', async () => {
    const page = await open(browser, { database: 'aborted' });
    await page.evaluate(() => lab.fakeCapture(440));
    await page.evaluate(() => lab.holdPrompt());
    expect(await page.evaluate(() => lab.startAndAbort())).toEqual({ code: 'aborted', recoverable: true });
    await page.evaluate(() => lab.answerPrompt());
    expect(await page.evaluate(() => lab.seen())).toEqual([{ kind: 'starting' }, { kind: 'idle', info: null }]);
    expect(await page.evaluate(() => lab.leftAlive())).toEqual({ tracks: 0, contexts: 0, microphone: null });
  });

  test('ends like a stop when the user ends the capture, whatever a listener throws', async () => {
    const page = await open(browser, { database: 'ended' });
    await page.evaluate(() => lab.subscribeThrowing());
    page.removeAllListeners('pageerror');
    valueOf(await page.evaluate(() => lab.start('Stop sharing')));
    await page.evaluate(() => lab.untilSafe(1000));
    await page.evaluate(() => lab.endCapture());
    const { info } = await page.evaluate(() => lab.untilKind('idle'));
    expect(info).toMatchObject({ title: 'Stop sharing', state: 'complete' });
    expect((await page.evaluate(() => lab.seen())).map((state) => state.kind)).toEqual(expect.arrayContaining(['starting', 'recording', 'stopping', 'idle']));
    expect(await page.evaluate(() => lab.leftAlive())).toMatchObject({ tracks: 0, contexts: 0 });
    expect(await page.evaluate(() => lab.stop())).toEqual({ code: 'not-recording', recoverable: true });
  });

  test('a full disk ends the recording, keeps what was safe, and lets it be saved', async () => {
    const small = await servePages(); // an origin of its own: Chromium remembers for a while how much room one has
    const page = await browser.newPage();
    await (await page.createCDPSession()).send('Storage.overrideQuotaForOrigin', { origin: small.origin, quotaSize: 1_500_000 });
    await page.goto(`${small.origin}/recorder.html`);
    await page.evaluate(() => lab.create());
    await page.evaluate(() => lab.fakeCapture(440));
    await page.evaluate(() => lab.noise());
    valueOf(await page.evaluate(() => lab.start('Too long')));
    const failed = await page.evaluate(() => lab.untilKind('failed'));
    expect(failed).toMatchObject({ code: 'quota', info: { title: 'Too long' } });
    expect(await page.evaluate(() => lab.leftAlive())).toMatchObject({ tracks: 0, contexts: 0 });

    const exported = await page.evaluate(() => lab.exports());
    const [info] = valueOf<RecordingInfo[]>(await page.evaluate(() => lab.list()));
    expect(info).toEqual(failed.info);
    expect(info).toMatchObject({ state: 'interrupted' });
    const { file, seekable } = await save(page, info?.id ?? '');
    const { video } = await decode(file);
    // Another file would not have fitted: these are the chunks in a row.
    expect(seekable).toBe(false);
    expect(statSync(file).size).toBe(info?.bytes);
    expect(await page.evaluate(() => lab.exports())).toEqual(exported);
    expectEnd(video, info);
    await small.close();
  }, 30_000);

  test('goes on with the same recording when there is room again', async () => {
    const { code, lostBytes, missingS, goneOnS, seekable } = await runFullDisk(browser, 2000, 200_000);
    expect({ code, lostBytes, seekable }).toEqual({ code: 'quota', lostBytes: 0, seekable: true });
    expect(missingS).toBeLessThan(2.5);
    expect(goneOnS).toBeGreaterThan(1);
  }, 60_000);

  test('damaged chunks cost their own seconds, not the rest of the file', async () => {
    const page = await open(browser, { database: 'damaged' });
    await page.evaluate(() => lab.fakeCapture(440));
    const { id } = valueOf(await page.evaluate(() => lab.start('Damaged')));
    await page.evaluate(() => lab.untilSafe(12_000));
    const info = valueOf(await page.evaluate(() => lab.stop()));
    const { file: whole } = await save(page, id);
    const holes = [
      await page.evaluate((which) => lab.damage('damaged', which, 2, 'lost'), id),
      await page.evaluate((which) => lab.damage('damaged', which, 4, 'scrambled'), id),
      await page.evaluate((which) => lab.damage('damaged', which, 6, 'cut'), id), // and a key frame has time to come
    ];
    const { file, seekable } = await save(page, id);
    expect(seekable).toBe(true);
    await expectSeekable(file); // and all that is in it decodes without an error
    expectEnd((await decode(file)).video, info);

    // Chunks are counted by the page's clock, and begin and end a little beside it.
    const isOutside = (seconds: number): boolean => holes.every(({ from, to }) => seconds < from / 1000 - 0.5 || seconds > to / 1000 + 0.5);
    const before = await packetTimes(whole, 'a:0');
    const after = await packetTimes(file, 'a:0');
    expect(after.filter(isOutside)).toEqual(before.filter(isOutside));
    expect(after.length).toBeLessThan(before.length);
  });

  test('a download that is cancelled leaves no file behind', async () => {
    const page = await open(browser, { database: 'cancelled', timesliceMs: 50 });
    const before = await page.evaluate(() => lab.exports());
    await page.evaluate(() => lab.fakeCapture(440));
    const { id } = valueOf(await page.evaluate(() => lab.start('Cancelled')));
    await page.evaluate(() => lab.untilSafe(3000)); // several times what is read at once
    valueOf(await page.evaluate(() => lab.stop()));
    expect(await page.evaluate((which) => lab.saveAndAbort(which), id)).toEqual({ code: 'aborted', recoverable: true });
    expect(await page.evaluate(() => lab.exports())).toEqual(before);
  });

  test('without its worker the file is the chunks in a row', async () => {
    const poor = await servePages({ missing: () => /assets\/.*\.js/ });
    const page = await browser.newPage();
    await page.goto(`${poor.origin}/recorder.html`);
    await page.evaluate(() => lab.create());
    await page.evaluate(() => lab.fakeCapture(440));
    const { id } = valueOf(await page.evaluate(() => lab.start('Poor')));
    await page.evaluate(() => lab.untilSafe(1000));
    const info = valueOf(await page.evaluate(() => lab.stop()));
    const warned = new Promise<string>((resolve) => page.on('console', (message) => { if (message.type() === 'warn') resolve(message.text()); }));
    const { file, seekable } = await save(page, id);
    expect(seekable).toBe(false);
    expect(await warned).toContain('without a duration and an index');
    expect(statSync(file).size).toBe(info.bytes);
    expectEnd((await decode(file)).video, info);
    await poor.close();
  });

  test('a pause is not in the file, and not in its length', async () => {
    const page = await open(browser, { database: 'paused' });
    await page.evaluate(() => lab.fakeCapture(440));
    const { id, startedAt } = valueOf(await page.evaluate(() => lab.start('Paused')));
    await page.evaluate(() => lab.untilSafe(2000));
    await page.evaluate(() => lab.pause());
    const { recordedMs = 0 } = await page.evaluate(() => lab.untilKind('paused'));
    expect(await page.evaluate(() => lab.pause())).toMatchObject({ code: 'not-recording' });
    // What was recorded is safe although nothing follows it, and time stands still.
    const { info: safe } = await page.evaluate((ms) => lab.untilSafe(ms), Math.floor(recordedMs));
    expect(safe?.state).toBe('recording');
    await page.waitForFunction((end) => Date.now() > end, {}, startedAt + recordedMs + 4000);
    expect(await page.evaluate(() => lab.recorded())).toBe(recordedMs);
    await page.evaluate(() => lab.resume());
    expect(await page.evaluate(() => lab.resume())).toMatchObject({ code: 'not-recording' });
    expect(Math.abs(await page.evaluate(() => lab.recorded()) - recordedMs)).toBeLessThan(500);
    await page.evaluate((ms) => lab.untilSafe(ms), recordedMs + 2000);
    const info = valueOf(await page.evaluate(() => lab.stop()));
    const spent = Date.now() - startedAt;
    expect(info.durationMs).toBeGreaterThan(recordedMs + 1900);
    expect(info.durationMs).toBeLessThan(spent - 3500);

    const { file } = await save(page, id);
    await expectSeekable(file);
    const { video, audio } = await decode(file);
    expectEnd(video, info);
    expectEnd(audio, info);
    const times = await packetTimes(file, 'a:0');
    expect(Math.max(...times.map((time, index) => time - (times[index - 1] ?? 0)))).toBeLessThan(0.5);

    // And a pause can be the end.
    valueOf(await page.evaluate(() => lab.start('Paused to the end')));
    await page.evaluate(() => lab.untilSafe(1000));
    await page.evaluate(() => lab.pause());
    expect(valueOf(await page.evaluate(() => lab.stop()))).toMatchObject({ state: 'complete' });
  });

  test('says how long the disk will do, by what the browser said and what was written since', async () => {
    const page = await open(browser, { database: 'room' });
    await page.evaluate(() => lab.fakeCapture(440));
    await page.evaluate(() => lab.sayRoom(1_000_000));
    valueOf(await page.evaluate(() => lab.start('Room')));
    await page.evaluate(() => lab.untilRoomKnown());
    await page.evaluate(() => lab.untilSafe(3000));
    valueOf(await page.evaluate(() => lab.stop()));
    const told = (await page.evaluate(() => lab.seen())).filter(({ kind, remainingMs }) => kind === 'recording' && remainingMs !== null);
    expect(told.length).toBeGreaterThan(2);
    const perMs = (2_500_000 + 128_000) / 8000;
    for (const { info, remainingMs } of told) expect(remainingMs).toBeCloseTo((1_000_000 - (info?.bytes ?? 0)) / perMs, 3);
    expect(told.at(-1)?.remainingMs).toBeLessThan(1_000_000 / perMs);
  });

  test('a removed recording comes back when asked in time, and is gone when not', async () => {
    const page = await open(browser, { database: 'removed', undoMs: 500 });
    await page.evaluate(() => lab.fakeCapture(440));
    const { id } = valueOf(await page.evaluate(() => lab.start('Second thoughts')));
    await page.evaluate(() => lab.untilSafe(1000));
    expect(await page.evaluate((which) => lab.remove(which), id)).toEqual({ code: 'busy', recoverable: true });
    const info = valueOf(await page.evaluate(() => lab.stop()));

    await page.evaluate((which) => lab.remove(which), id);
    expect(await page.evaluate(() => lab.list())).toEqual({ value: [] });
    expect(await page.evaluate((which) => lab.save(which), id)).toMatchObject({ code: 'not-found' });
    expect(await page.evaluate((which) => lab.undoRemove(which), id)).toEqual({ value: info });
    expect(await page.evaluate(() => lab.list())).toEqual({ value: [info] });

    await page.evaluate((which) => lab.remove(which), id);
    await page.waitForFunction(async () => (await lab.stored('removed')).chunks === 0, { timeout: 5000 });
    expect(await page.evaluate(() => lab.stored('removed'))).toEqual({ recordings: 0, chunks: 0 });
    expect(await page.evaluate((which) => lab.undoRemove(which), id)).toEqual({ code: 'not-found', recoverable: false });
  });

  test('another tab sees a recording live, leaves it alone, and finds it when its tab dies', async () => {
    const first = await open(browser, { database: 'tabs' });
    await first.evaluate(() => lab.fakeCapture(440));
    const { id } = valueOf(await first.evaluate(() => lab.start('Elsewhere')));
    const second = await open(browser, { database: 'tabs' });
    const { info: safe } = await first.evaluate(() => lab.untilSafe(1000));
    expect(valueOf(await second.evaluate(() => lab.list()))).toEqual([safe]);
    expect(safe).toMatchObject({ id, state: 'recording' });
    expect(await second.evaluate((which) => lab.remove(which), id)).toEqual({ code: 'busy', recoverable: true });
    const { info: last } = await first.evaluate(() => lab.untilSafe(2000));
    await first.close();
    await second.evaluate((which) => lab.untilReleased('tabs', which), id);
    const [found] = valueOf(await second.evaluate(() => lab.list()));
    expect(found).toMatchObject({ id, state: 'interrupted' });
    expect(found?.durationMs).toBeGreaterThanOrEqual(last?.durationMs ?? Infinity);
  });

  test('a newer version in another tab gets the database when the recording has ended, not before', async () => {
    const first = await open(browser, { database: 'upgraded' });
    await first.evaluate(() => lab.fakeCapture(440));
    valueOf(await first.evaluate(() => lab.start('Old code')));
    await first.evaluate(() => lab.untilSafe(1000));
    const second = await browser.newPage();
    await second.goto(`${server.origin}/recorder.html`);
    expect(await second.evaluate(() => lab.upgrade('upgraded'))).toBe(false);
    await first.evaluate(() => lab.untilSafe(2000));
    expect(valueOf(await first.evaluate(() => lab.stop()))).toMatchObject({ state: 'complete' });
    expect(await second.evaluate(() => lab.upgraded())).toBe(true);
    expect(await first.evaluate(() => lab.list())).toEqual({ code: 'storage', recoverable: true });
  });

  test('leaves nothing open after many recordings', async () => {
    const page = await open(browser, { database: 'many', timesliceMs: 50 });
    await page.evaluate(() => lab.fakeCapture(440));
    for (let round = 0; round < 20; round++) {
      valueOf(await page.evaluate(() => lab.start('Again')));
      await page.evaluate(() => lab.untilSafe(1));
      valueOf(await page.evaluate(() => lab.stop()));
    }
    expect(await page.evaluate(() => lab.leftAlive())).toMatchObject({ tracks: 0, contexts: 0 });
    valueOf(await page.evaluate(() => lab.start('The last')));
    await page.evaluate(() => lab.dispose());
    expect(await page.evaluate(() => lab.leftAlive())).toMatchObject({ tracks: 0, contexts: 0 });
    expect(await page.evaluate(() => lab.list())).toEqual({ code: 'disposed', recoverable: false });
    expect(await page.evaluate(() => lab.upgrade('many'))).toBe(true);
  }, 30_000);
});

describe('files made in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => { ({ browser } = await launch()); });
  afterEach(async () => {
    for (const page of (await browser.pages()).slice(1)) await page.close();
  });

  test('a recording goes on after its page was left, and becomes one file', async () => {
    const first = await open(browser, { database: 'segments' });
    await first.evaluate(() => lab.fakeCapture(440));
    const { id } = valueOf(await first.evaluate(() => lab.start('Two sittings')));
    const { info: before } = await first.evaluate(() => lab.untilSafe(3000));
    await first.close();

    const second = await open(browser, { database: 'segments' });
    await second.evaluate((which) => lab.untilReleased('segments', which), id);
    await second.evaluate(() => lab.fakeCapture(880));
    expect(await second.evaluate(() => lab.goOn('nobody'))).toMatchObject({ code: 'not-found' });
    const begun = valueOf(await second.evaluate((which) => lab.goOn(which), id));
    expect(begun).toMatchObject({ id, title: 'Two sittings', state: 'recording' });
    expect(begun.durationMs).toBeGreaterThanOrEqual(before?.durationMs ?? Infinity);
    expect(await second.evaluate(() => lab.recorded())).toBeGreaterThanOrEqual(begun.durationMs);
    await second.evaluate((ms) => lab.untilSafe(ms), begun.durationMs + 3000);
    const info = valueOf(await second.evaluate(() => lab.stop()));
    expect(info.segments).toHaveLength(2);
    expect(valueOf(await second.evaluate(() => lab.list()))).toEqual([info]);

    const { file, seekable } = await save(second, id);
    expect(seekable).toBe(true);
    await expectSeekable(file);
    const { video, audio } = await decode(file);
    expectEnd(video, info);
    expectEnd(audio, info);
    const border = begun.durationMs / 1000;
    for (const at of [border - 1, border + 1.5]) expect(await decodesAt(file, at)).toBe(true);
    const times = await packetTimes(file, 'a:0');
    expect(Math.max(...times.map((time, index) => time - (times[index - 1] ?? 0)))).toBeLessThan(0.1);
    const pcm = await samples(file);
    expect([440, 880].map((frequency) => loudness(pcm, frequency, 0.5, border - 1) > 0.05)).toEqual([true, false]);
    expect([440, 880].map((frequency) => loudness(pcm, frequency, border + 1, border + 2) > 0.05)).toEqual([false, true]);
  }, 60_000);

  test('sound alone, and MP4 where players take the codec', async () => {
    const page = await open(browser, { database: 'formats' });
    await page.evaluate(() => lab.onlyVp9());
    await page.evaluate(() => lab.fakeCapture(440));
    const { id } = valueOf(await page.evaluate(() => lab.start('Formats')));
    await page.evaluate(() => lab.untilSafe(3000));
    const info = valueOf(await page.evaluate(() => lab.stop()));
    expect(info.savedAt).toBeNull();
    expect(await page.evaluate((which) => lab.saveAs(which, 'stems'), id)).toEqual({ code: 'unsupported', recoverable: false });

    const sound = await save(page, id, 'sound');
    expect((await probe(sound.file)).streams).toEqual([{ type: 'audio', codec: 'opus' }]);
    expect(loudness(await samples(sound.file), 440, 1, 2)).toBeGreaterThan(0.05);

    const mp4 = await save(page, id, 'mp4');
    expect(mp4.fileName).toMatch(/\.mp4$/);
    expect((await probe(mp4.file)).streams).toEqual([{ type: 'video', codec: 'vp9' }, { type: 'audio', codec: 'opus' }]);
    const { video, audio } = await decode(mp4.file);
    expectEnd(video, info);
    expectEnd(audio, info);
    expect(await decodesAt(mp4.file, video - 0.5)).toBe(true);
    expect(valueOf(await page.evaluate(() => lab.list()))[0]?.savedAt).not.toBeNull();
  }, 60_000);

  test('stems come as one zip, each beginning at the same moment', async () => {
    const page = await open(browser, { database: 'stems' });
    const id = await page.evaluate((voices) => lab.recordStems('stems', voices), [{ name: 'Ada', frequency: 440, startMs: 0 }, { name: 'Bob', frequency: 880, startMs: 1500 }]);
    const { file, fileName } = await save(page, id, 'stems');
    expect(fileName).toMatch(/^Stems .*\.zip$/);
    const unpacked = mkdtempSync(path.join(folder, 'stems-'));
    execFileSync('python3', ['-m', 'zipfile', '-e', file, unpacked]);
    expect(readdirSync(unpacked).sort()).toEqual(['1 Ada.webm', '2 Bob.webm', 'chapters.vtt']);
    expect(readFileSync(path.join(unpacked, 'chapters.vtt'), 'utf8')).toContain('Question');
    const [ada, bob] = await Promise.all(['1 Ada.webm', '2 Bob.webm'].map((name) => samples(path.join(unpacked, name))));
    if (ada === undefined || bob === undefined) throw new Error('A stem is missing');
    expect(loudness(ada, 440, 0.3, 1.3)).toBeGreaterThan(0.1);
    expect(loudness(bob, 880, 0, 1.4)).toBeLessThan(0.01);
    expect(loudness(bob, 880, 1.7, 2.7)).toBeGreaterThan(0.1);
  });

  test('a file that the user chooses is written there, appears whole or not at all, and a refusal is no error', async () => {
    const page = await open(browser, { database: 'chosen', timesliceMs: 50 });
    await page.evaluate(() => lab.fakeCapture(440));
    const { id } = valueOf(await page.evaluate(() => lab.start('Chosen')));
    await page.evaluate(() => lab.untilSafe(3000));
    valueOf(await page.evaluate(() => lab.stop()));
    const before = await page.evaluate(() => lab.exports());

    const saved = await page.evaluate((which) => lab.saveChosen(which, { before: null, cancel: false }), id);
    expect(saved.value).toMatchObject({ bytes: saved.bytes, seekable: true });
    expect(saved.bytes).toBeGreaterThan(10_000);
    expect(await page.evaluate((which) => lab.saveChosen(which, { before: null, cancel: true }), id)).toMatchObject({ code: 'aborted', bytes: null });
    expect(await page.evaluate((which) => lab.saveChosen(which, { before: 'precious', cancel: true }), id)).toMatchObject({ code: 'aborted', text: 'precious' });
    await page.evaluate(() => lab.refuseChoice());
    expect(await page.evaluate((which) => lab.saveWhereChosen(which), id)).toEqual({ code: 'aborted', recoverable: true });
    expect(await page.evaluate(() => lab.exports())).toEqual(before);
  });
});

describe('encryption at rest', () => {
  /** What a search of the disk would look for: how the stream and its clusters begin, what its tracks are, who met. */
  const TELLTALES = ['1a45dfa3', '1f43b67501ffffffffffffff', ...['V_VP8', 'A_OPUS', 'Secret room'].flatMap((text) => [Buffer.from(text, 'latin1').toString('hex'), Buffer.from(text, 'utf16le').toString('hex')])];

  /** How many of these byte strings are in any file of the profile. */
  function found(profile: string, patterns: readonly string[]): number {
    const wanted = new Set(patterns);
    for (const entry of readdirSync(profile, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const bytes = readFileSync(path.join(entry.parentPath, entry.name));
      for (const pattern of wanted) if (bytes.includes(Buffer.from(pattern, 'hex'))) wanted.delete(pattern);
    }
    return patterns.length - wanted.size;
  }

  /** Records until the browser is killed. */
  async function crash(profile: string, encrypt: 'off' | 'passphrase'): Promise<{ id: string; killedAt: number; patterns: string[] }> {
    const doomed = await launch(profile);
    const page = await open(doomed.browser, { encrypt });
    await page.evaluate(() => lab.tapEncoder());
    await page.evaluate(() => lab.fakeCapture(440));
    await page.evaluate(() => lab.noise());
    if (encrypt === 'passphrase') {
      expect(await page.evaluate(() => lab.passphraseNeeded())).toBe('choose');
      expect(await page.evaluate(() => lab.start('Secret room'))).toMatchObject({ code: 'locked' });
      valueOf(await page.evaluate(() => lab.choosePassphrase('correct horse')));
    }
    const { id } = valueOf(await page.evaluate(() => lab.start('Secret room')));
    await page.evaluate(() => lab.untilSafe(4000));
    const taps = (await page.evaluate(() => lab.tapped())).slice(0, 3);
    await untilNextIsDue(page);
    const killedAt = Date.now();
    await kill(doomed);
    return { id, killedAt, patterns: [...TELLTALES, ...taps] };
  }

  test('without it, what is recorded is in the files, as the search below would find it', async () => {
    const { patterns } = await crash('plain', 'off');
    expect(found(path.join(folder, 'plain'), patterns)).toBeGreaterThanOrEqual(patterns.length - 5); // texts are there in one encoding of the two
  });

  test('with a passphrase nothing of it is, a wrong one is refused, and kill -9 costs no more', async () => {
    const { id, killedAt, patterns } = await crash('sealed', 'passphrase');
    expect(found(path.join(folder, 'sealed'), patterns)).toBe(0);

    const { browser } = await launch('sealed');
    const page = await open(browser, { encrypt: 'passphrase' });
    expect(valueOf(await page.evaluate(() => lab.list()))).toMatchObject([{ id, title: '', locked: true, state: 'interrupted' }]);
    expect(await page.evaluate((which) => lab.save(which), id)).toEqual({ code: 'locked', recoverable: true });
    expect(await page.evaluate(() => lab.passphraseNeeded())).toBe('enter');
    expect(await page.evaluate(() => lab.unlock('correct house'))).toEqual({ code: 'passphrase', recoverable: true });
    valueOf(await page.evaluate(() => lab.unlock('correct horse')));
    const [info] = valueOf<RecordingInfo[]>(await page.evaluate(() => lab.list()));
    expect(info).toMatchObject({ title: 'Secret room', locked: false });
    const { file, seekable } = await save(page, id);
    expect(seekable).toBe(true);
    await expectSeekable(file);
    expectLittleLost('Chromium, encrypted,', killedAt, info, await decode(file));
  });
});

test('Chromium killed while recording: the recording is found again and lacks at most 1.5 s', async () => {
  const doomed = await launch('killed');
  const page = await open(doomed.browser);
  await page.evaluate(() => lab.play(440));
  const { id, startedAt } = valueOf(await page.evaluate(() => lab.start('Crash')));
  await page.evaluate(() => lab.untilSafe(4000));
  await untilNextIsDue(page);
  const killedAt = Date.now();
  await kill(doomed);

  const reborn = await launch('killed');
  const again = await open(reborn.browser);
  const [info] = valueOf(await again.evaluate(() => lab.list()));
  expect(info).toMatchObject({ id, startedAt, state: 'interrupted' });
  const { file } = await save(again, id);
  await expectSeekable(file);
  const { video, audio } = await decode(file);
  expectLittleLost('Chromium', killedAt, info, { video, audio });
}, 60_000);

describe('in Firefox, with a canvas for a tab', () => {
  const launchFox = async (downloads: string): Promise<Launched> => {
    const launched = await launchFirefox({
      profile: path.join(folder, 'firefox'),
      preferences: {
        'browser.download.folderList': 2,
        'browser.download.dir': downloads,
        'browser.download.useDownloadDir': true,
        'browser.download.always_ask_before_handling_new_types': false,
      },
    });
    browsers.push(launched);
    return launched;
  };

  test('killed while recording: the recording is found again, plays, and lacks at most 1.5 s', async () => {
    const downloads = mkdtempSync(path.join(folder, 'downloads-'));
    mkdirSync(path.join(folder, 'firefox'));
    const doomed = await launchFox(downloads);
    const page = await open(doomed.browser);
    await page.evaluate(() => lab.fakeCapture(null));
    await page.evaluate(() => lab.fakeMix());
    const { id, startedAt } = valueOf(await page.evaluate(() => lab.start('Fox')));
    await page.evaluate(() => lab.untilSafe(4000));
    await untilNextIsDue(page);
    const killedAt = Date.now();
    await kill(doomed);

    const reborn = await launchFox(downloads);
    const again = await open(reborn.browser);
    const [info] = valueOf(await again.evaluate(() => lab.list()));
    expect(info).toMatchObject({ id, startedAt, state: 'interrupted' });
    const { fileName, bytes } = valueOf(await again.evaluate((which) => lab.save(which), id));
    await downloaded(downloads, bytes);
    const file = path.join(downloads, fileName);
    await expectSeekable(file);
    const { video, audio } = await decode(file);
    expectLittleLost('Firefox', killedAt, info, { video, audio });
    expect((await probe(file)).streams).toEqual([{ type: 'video', codec: 'vp8' }, { type: 'audio', codec: 'opus' }]);

    // And one that comes to its proper end.
    await again.evaluate(() => lab.fakeCapture(null));
    await again.evaluate(() => lab.fakeMix());
    valueOf(await again.evaluate(() => lab.start('Fox again')));
    await again.evaluate(() => lab.untilSafe(1000));
    expect(valueOf(await again.evaluate(() => lab.stop()))).toMatchObject({ state: 'complete' });
    expect(await again.evaluate(() => lab.leftAlive())).toMatchObject({ tracks: 0 });
  }, 60_000);
});

/** Resolves when a finished file of this size lies in the folder. */
function downloaded(downloads: string, bytes: number): Promise<void> {
  const arrived = (): boolean => readdirSync(downloads).some((name) => name.endsWith('.webm') && statSync(path.join(downloads, name)).size === bytes);
  return new Promise((resolve) => {
    const look = (): void => {
      if (!arrived()) return;
      watcher.close();
      resolve();
    };
    const watcher = watch(downloads, look);
    look(); // it may have been there before anyone watched
  });
}

/** SIGKILL to the browser and all its children, as in a power cut: no child can finish what it was writing. */
async function kill({ process: child }: Launched): Promise<void> {
  if (child.pid === undefined) throw new Error('No process to kill');
  const gone = once(child, 'exit');
  process.kill(-child.pid, 'SIGKILL');
  await gone;
}
