import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import type { RecordingInfo } from '../../recorder';
import { decode, loudness, probe, samples } from './media';
import type { RecorderLab } from './pages/recorder';
import { servePages, type PageServer } from './serve';

declare const lab: RecorderLab;

let folder: string;
let server: PageServer;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'greenroom-recorder-'));
  execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', 'sine=frequency=880:duration=10:sample_rate=48000', '-af', 'volume=3', path.join(folder, '880.wav')]);
  server = await servePages();
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function launch(profile: string): Promise<Browser> {
  const browser = await puppeteer.launch({
    executablePath: '/usr/bin/chromium',
    userDataDir: path.join(folder, profile),
    ignoreDefaultArgs: ['--mute-audio'],
    args: [
      '--headless=new', '--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
      '--disable-sync', '--use-fake-device-for-media-stream', `--use-file-for-fake-audio-capture=${path.join(folder, '880.wav')}`,
      '--auto-accept-this-tab-capture', '--autoplay-policy=no-user-gesture-required',
    ],
  });
  await browser.defaultBrowserContext().overridePermissions(server.origin, ['camera', 'microphone']);
  return browser;
}

async function open(browser: Browser, options: { database?: string; undoMs?: number } = {}): Promise<Page> {
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

/** Saves through the browser's own download and waits until the file is on disk. */
async function save(page: Page, id: string): Promise<{ file: string; fileName: string }> {
  const downloads = mkdtempSync(path.join(folder, 'downloads-'));
  const session = await page.browser().target().createCDPSession();
  await session.send('Browser.setDownloadBehavior', { behavior: 'allowAndName', downloadPath: downloads, eventsEnabled: true });
  const done = new Promise<string>((resolve, reject) => {
    session.on('Browser.downloadProgress', ({ guid, state }) => {
      if (state === 'completed') resolve(guid);
      if (state === 'canceled') reject(new Error('The download was cancelled'));
    });
  });
  const { fileName, bytes } = valueOf(await page.evaluate((which) => lab.save(which), id));
  const file = path.join(downloads, await done);
  await session.detach();
  expect(statSync(file).size).toBe(bytes);
  return { file, fileName };
}

describe('in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => { browser = await launch('profile'); });
  afterAll(() => browser.close());

  test('records the tab with its sound and the microphone, in one file that plays to its end', async () => {
    const page = await open(browser);
    await page.evaluate(() => lab.play(440));
    await page.evaluate(() => lab.openMicrophone());
    const { id } = valueOf(await page.evaluate(() => lab.start('Weekly: plans / "Q4"')));
    const state = await page.evaluate(() => lab.untilSafe(4000));
    expect(state).toMatchObject({ kind: 'recording', surface: 'browser', label: 'Tab audio' });
    const info = valueOf(await page.evaluate(() => lab.stop()));
    expect(info).toMatchObject({ id, state: 'complete' });
    const { file, fileName } = await save(page, id);
    expect(fileName).toMatch(/^Weekly plans Q4 \d{4}-\d\d-\d\d \d\d-\d\d\.webm$/);
    console.log(await probe(file), await decode(file), info, statSync(file).size);
    const pcm = await samples(file);
    console.log([440, 880, 660].map((f) => loudness(pcm, f, 1, 3)));
    console.log(await page.evaluate(() => lab.leftAlive()), await page.evaluate(() => lab.seen()));
  }, 30_000);
});
