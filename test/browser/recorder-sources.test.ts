import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Browser, Page } from 'puppeteer-core';
import { quantile } from '../bench/recorder-analysis';
import { launchChromium, launchFirefox, type Launched } from '../tools/browsers';
import { levelOf, pcmOf, spansOf, type Span } from '../tools/hearing';
import { tone } from '../tools/sound';
import { decode, loudness, probe, samples } from './media';
import type { SourcesLab } from './pages/recorder-sources';
import { servePages, type PageServer } from './serve';

declare const sources: SourcesLab;

const project = path.resolve(__dirname, '../..');

let folder: string;
let server: PageServer;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'greenroom-sources-'));
  server = await servePages();
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

describe.each(['Chromium', 'Firefox'])('in %s', (name) => {
  let launched: Launched;
  let browser: Browser;
  let downloads: string;
  beforeAll(async () => {
    downloads = mkdtempSync(path.join(folder, 'downloads-'));
    launched = name === 'Chromium' ? await launchChromium() : await launchFirefox({
      sound: true,
      preferences: { 'browser.download.folderList': 2, 'browser.download.dir': downloads, 'browser.download.useDownloadDir': true, 'browser.download.always_ask_before_handling_new_types': false },
    });
    ({ browser } = launched);
    if (name === 'Chromium') {
      const session = await browser.target().createCDPSession();
      await session.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: downloads });
    }
  }, 60_000);
  afterAll(() => launched.close(), 30_000);

  const open = async (database: string): Promise<Page> => {
    const page = await browser.newPage();
    page.on('pageerror', (error) => console.error(error));
    await page.goto(`${server.origin}/recorder-sources.html`);
    await page.evaluate((given) => sources.create({ database: given }), database);
    return page;
  };

  /** Ends the recording and answers with its file. */
  const finish = async (page: Page, id: string): Promise<string> => {
    await page.evaluate(() => sources.stop());
    const { fileName, bytes } = await page.evaluate((which) => sources.save(which), id);
    const file = path.join(downloads, fileName);
    await complete(downloads, file, bytes);
    return file;
  };

  test('the room: everybody in one picture, everybody to be heard, and nothing is asked', async () => {
    const page = await open('room');
    await page.evaluate(() => sources.join('Ann Host', { frequency: 500, colour: '#c00000', local: true }));
    await page.evaluate(() => sources.join('Bob Guest', { frequency: 900, colour: '#0000c0' }));
    const id = await page.evaluate(() => sources.start({ title: 'Room', source: 'room' }));
    await page.evaluate(() => sources.untilSafe(4000));
    const arranged = await page.evaluate(() => sources.arrange('speaker', 'Bob Guest'));
    await page.evaluate(() => sources.untilSafe(6500));
    await page.evaluate(() => sources.arrange('gallery', 'Bob Guest'));
    await page.evaluate(() => sources.cameraOff('Bob Guest'));
    await page.evaluate(() => sources.untilSafe(8500));
    const file = await finish(page, id);

    expect((await probe(file)).streams).toEqual([{ type: 'video', codec: 'vp8' }, { type: 'audio', codec: 'opus' }]);
    const { video, audio } = await decode(file);
    // A busy machine is late with the first frame.
    expect(video).toBeGreaterThan(7.5);
    expect(audio).toBeGreaterThan(7.5);
    const pcm = await samples(file);
    expect(loudness(pcm, 500, 1, 3)).toBeGreaterThan(0.1);
    expect(loudness(pcm, 900, 1, 3)).toBeGreaterThan(0.1);
    expect(loudness(pcm, 700, 1, 3)).toBeLessThan(0.01);
    // Side by side: the left tile is Ann's, the right one Bob's, until his camera is off.
    expect(await colours(file, 1)).toEqual(['red', 'blue']);
    // Whoever speaks has most of it, the others a strip on the right.
    expect(await colours(file, arranged / 1000 + 1, [4, 11, 14])).toEqual(['blue', 'blue', 'red']);
    expect(await colours(file, video - 0.3)).toEqual(['red', 'neither']);
    await page.close();
  }, 60_000);

  test('stems: everybody in a file of their own, on one clock, whenever they come, go, mute or pause', async () => {
    const page = await open('stems');
    const id = await page.evaluate(() => sources.start({ title: 'Stems', source: 'sound', stems: true }));
    await page.evaluate(() => sources.untilSafe(500)); // with nobody to be heard
    const first = await page.evaluate(() => sources.join('Ann Host', { frequency: 500, colour: '#c00000', local: true }));
    const second = await page.evaluate(() => sources.join('Bob Guest', { frequency: 900, colour: '#0000c0' }));
    await page.evaluate((ms) => sources.untilSafe(ms), second + 1000);
    const joined = await page.evaluate(() => sources.join('Cem Late', { frequency: 1300, colour: '#00c000' }));
    await page.evaluate(() => sources.beep(3000));
    await page.evaluate((ms) => sources.untilSafe(ms), joined + 1000);
    const left = await page.evaluate(() => sources.leave('Bob Guest'));
    const muted = await page.evaluate(() => sources.mute('Ann Host', true));
    await page.evaluate((ms) => sources.untilSafe(ms), left + 1500);
    await page.evaluate(() => sources.pause());
    const back = await page.evaluate(() => sources.join('Bob Guest', { frequency: 900, colour: '#0000c0' }));
    await page.evaluate(() => sources.resume());
    const unmuted = await page.evaluate(() => sources.mute('Ann Host', false));
    await page.evaluate((ms) => sources.untilSafe(ms), unmuted + 500);
    await page.evaluate(() => sources.beep(3000));
    await page.evaluate((ms) => sources.untilSafe(ms), unmuted + 2000);
    const mix = await finish(page, id);
    const { fileName, bytes } = await page.evaluate((which) => sources.save(which, 'stems'), id);
    await complete(downloads, path.join(downloads, fileName), bytes);
    const unpacked = mkdtempSync(path.join(folder, 'stems-'));
    execFileSync('python3', ['-m', 'zipfile', '-e', path.join(downloads, fileName), unpacked]);
    const names = ['1 Ann Host.webm', '2 Bob Guest.webm', '3 Cem Late.webm'];
    expect(readdirSync(unpacked).sort()).toEqual(names);

    const stems = await Promise.all(names.map((each) => pcmOf(path.join(unpacked, each), { times: false })));
    const there: readonly (readonly Span[])[] = [[{ from: first, to: muted }, { from: unmuted, to: Infinity }], [{ from: second, to: left }, { from: back, to: Infinity }], [{ from: joined, to: Infinity }]];
    for (const [index, pcm] of stems.entries()) {
      for (const [other, frequency] of [500, 900, 1300].entries()) {
        const heard = spansOf(levelOf(pcm, frequency), 0.05, 50);
        const expected = other === index ? there[index]! : [];
        expect(heard).toHaveLength(expected.length);
        for (const [each, { from, to }] of expected.entries()) {
          expect(Math.abs(heard[each]!.from - from)).toBeLessThan(300);
          if (to < Infinity) expect(Math.abs(heard[each]!.to - to)).toBeLessThan(300);
        }
      }
    }
    // Whoever comes and goes does so at the same moment in their own file and in the mix.
    const mixed = await pcmOf(mix);
    for (const [index, pcm] of stems.entries()) {
      const [own, all] = [pcm, mixed].map((each) => spansOf(levelOf(each, [500, 900, 1300][index]!), 0.05, 50));
      expect(own).toHaveLength(all!.length);
      for (const [each, { from, to }] of all!.entries()) {
        expect(Math.abs(own![each]!.from - from)).toBeLessThan(40);
        if (to < mixed.length / 48 - 500) expect(Math.abs(own![each]!.to - to)).toBeLessThan(40);
      }
    }
    // The beep reaches Bob and Cem through the network.
    const beeps = [...stems, mixed].map((pcm) => spansOf(levelOf(pcm, 3000), 0.05, 100).map(({ from }) => from));
    for (const each of [-2, -1]) {
      const [ann = NaN, bob = NaN, cem = NaN, all = NaN] = beeps.map((found) => found.at(each));
      expect(Math.abs(bob - cem)).toBeLessThan(40);
      expect(Math.abs(ann - all)).toBeLessThan(40);
    }
    await page.close();
  }, 90_000);

  test('a microphone that was prepared takes the last one’s place with hardly a gap, and is not heard before', async () => {
    const page = await open('microphones');
    await page.evaluate(() => sources.join('Ann Host', { frequency: 500, colour: '#c00000', local: true }));
    const id = await page.evaluate(() => sources.start({ title: 'Microphones', source: 'sound' }));
    await page.evaluate(() => sources.prepare(900));
    const changes: { at: number; ahead: boolean }[] = [];
    for (const ahead of Array.from({ length: 12 }, (_, index) => index % 2 === 1)) {
      await page.evaluate((ms) => sources.untilSafe(ms), (changes.at(-1)?.at ?? 0) + 700);
      changes.push({ at: await page.evaluate((prepared) => sources.changeMicrophone('Ann Host', prepared), ahead), ahead });
    }
    await page.evaluate((ms) => sources.untilSafe(ms), (changes.at(-1)?.at ?? 0) + 1500);
    const pcm = await pcmOf(await finish(page, id));
    expect(spansOf(levelOf(pcm, 900), 0.1)).toEqual([]);
    const spans = spansOf(levelOf(pcm, 500), 0.1);
    const silent = (from: number, to: number): number => spans.slice(1).reduce((sum, span, index) => {
      const before = spans[index]?.to ?? 0;
      return before >= from && before < to ? sum + span.from - before : sum;
    }, 0);
    const gaps = (wanted: boolean): number[] => changes.filter(({ ahead }) => ahead === wanted).map(({ at }) => silent(at - 200, at + 400));
    expect(quantile(gaps(true), 0.5)).toBeLessThan(quantile(gaps(false), 0.5) / 2);
    await page.close();
  }, 60_000);
});

describe('recorder/ alone', () => {
  test('the example in recorder/README.md is the page that is tested here', () => {
    const guide = readFileSync(path.join(project, 'recorder/README.md'), 'utf8');
    const example = /<!-- page: plain-recorder -->\s*```ts\n([\s\S]*?)```/.exec(guide)?.[1];
    expect(example).toBe(readFileSync(path.join(__dirname, 'pages/plain-recorder.ts'), 'utf8'));
  });

  test('a plain page records a camera and a microphone, from one click to the next', async () => {
    const launched = await launchChromium({ allow: [server.origin], audio: await tone(880) });
    const downloads = mkdtempSync(path.join(folder, 'downloads-'));
    const session = await launched.browser.target().createCDPSession();
    await session.send('Browser.setDownloadBehavior', { behavior: 'allowAndName', downloadPath: downloads, eventsEnabled: true });
    const done = new Promise<string>((resolve) => {
      session.on('Browser.downloadProgress', ({ guid, state }) => { if (state === 'completed') resolve(guid); });
    });
    const page = await launched.browser.newPage();
    await page.evaluateOnNewDocument(() => {
      /* eslint-disable-next-line @typescript-eslint/unbound-method -- called with the receiver it is given */
      const start = MediaRecorder.prototype.start;
      MediaRecorder.prototype.start = function (timeslice) {
        let chunks = 0;
        this.addEventListener('dataavailable', () => { if (++chunks === 6) document.title = 'six'; });
        start.call(this, timeslice);
      };
    });
    await page.goto(`${server.origin}/plain-recorder.html`);
    await page.waitForSelector('button');
    await page.click('button');
    await page.waitForFunction(() => document.title === 'six');
    await page.click('button');
    const file = path.join(downloads, await done);
    const { video, audio } = await decode(file);
    expect(Math.min(video, audio)).toBeGreaterThan(1.5);
    expect(loudness(await samples(file), 880, 0.5, 1.5)).toBeGreaterThan(0.1);
    await launched.close();
  }, 60_000);
});

/** Resolves when the file is there and whole. */
function complete(downloads: string, file: string, bytes: number): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      const partial = readdirSync(downloads).some((each) => /\.(part|crdownload)$/.test(each));
      if (partial || statSync(file, { throwIfNoEntry: false })?.size !== bytes) return;
      watcher.close();
      resolve();
    };
    const watcher = watch(downloads, look);
    look();
  });
}

/** The colours at half the height, in some of 16 columns: in the middle of the left and of the right half. */
async function colours(file: string, seconds: number, columns = [4, 11]): Promise<string[]> {
  const { stdout } = await promisify(execFile)('ffmpeg', ['-v', 'error', '-ss', String(seconds), '-i', file, '-frames:v', '1', '-vf', 'scale=16:9', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'], { encoding: 'buffer' });
  return columns.map((column) => {
    const [red = 0, , blue = 0] = stdout.subarray((4 * 16 + column) * 3);
    return red > blue + 60 ? 'red' : blue > red + 60 ? 'blue' : 'neither';
  });
}
