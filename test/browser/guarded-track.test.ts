import type { Page } from 'puppeteer-core';
import type { Launched } from '../tools/browsers';
import { launchChromium } from '../tools/browsers';
import { footage } from '../tools/footage';
import type { Tracks } from './pages/guarded-track';
import type { PageServer } from './serve';
import { servePages } from './serve';

declare const tracks: Tracks;

/** The track that leaves the gate in a camera's place, member by member. */
describe('the guarded track', () => {
  let server: PageServer;
  let chromium: Launched;
  let page: Page;

  beforeAll(async () => {
    server = await servePages();
    chromium = await launchChromium({ video: (await footage({ mark: true })).y4m, allow: [server.origin] });
  });
  afterAll(async () => {
    await chromium.close();
    await server.close();
  });
  beforeEach(async () => {
    page = await chromium.browser.newPage();
    await page.goto(`${server.origin}/guarded-track.html`);
    await page.evaluate(() => tracks.open());
  });
  afterEach(() => page.close());

  test('answers all that a track can be asked as the camera does, and so do its clones', async () => {
    const { camera, guarded, clone, again } = await page.evaluate(() => tracks.members());
    expect(Object.keys(camera)).toEqual(expect.arrayContaining(['kind', 'label', 'enabled', 'muted', 'readyState', 'contentHint', 'getSettings', 'getConstraints', 'getCapabilities']));
    expect(guarded).toEqual(camera);
    expect(clone).toEqual(camera);
    expect(again).toEqual(camera);
    expect(await page.evaluate(() => tracks.identity())).toEqual({ isTrack: true, stable: true, own: 3 });
  });

  test('gives no raw frame by any way to its frames, while the camera gives nothing else', async () => {
    const { camera, guarded, clone, ofStream } = await page.evaluate(() => tracks.raw());
    expect(camera).toEqual({ frames: 5, grabbed: true, photo: true });
    for (const each of [guarded, clone]) {
      expect(each).toMatchObject({ frames: 0, grabbed: false });
      expect(each.photo).not.toBe(true); // an error will do: a made track has no device to take a photo with
    }
    expect(ofStream).toEqual({ frames: 0 });
  });

  test('hands constraints to the camera, refuses as it does, and its frames follow', async () => {
    const { impossible, said } = await page.evaluate(() => tracks.resize());
    expect(impossible).toEqual(['OverconstrainedError', 'OverconstrainedError']);
    expect(said).toEqual([[320, 180, 320], [320, 180, 320]]);
  });

  test('repeats the camera\'s events on every handle', async () => {
    expect(await page.evaluate(() => tracks.events())).toEqual([
      'guarded mute true live', 'clone mute true live',
      'guarded unmute false live', 'clone unmute false live',
      'guarded configurationchange false live', 'clone configurationchange false live',
      'guarded ended false ended', 'clone ended false ended',
    ]);
  });

  test('keeps enabled and the content hint to each handle, and a clone takes them along', async () => {
    expect(await page.evaluate(() => tracks.own())).toEqual(['true ', 'false motion false motion', 'true 0']);
  });

  test('turns the camera off with its last handle and not before, without an event', async () => {
    expect(await page.evaluate(() => tracks.stop())).toEqual(['ended', 'live', '0 raw', 'ended', 'ended']);
  });

  test('turns the camera off even where it is stopped behind its back', async () => {
    expect(await page.evaluate(() => tracks.stopNatively())).toBe('ended');
  });
});
