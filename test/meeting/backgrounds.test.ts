import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { ElementHandle, Page } from 'puppeteer-core';

import type { Launched } from '../tools/browsers';
import { launchChromium, watchRequests } from '../tools/browsers';
import { footage } from '../tools/footage';
import { changeCamera, clickButton, join, openMeeting } from './harness';
import { distFolder } from './server';
import { chooseEffect, clickInside, waitForEffect, waitInside } from './ui';
import { incoming, nextPicture, resetIncoming, waitForFrames, watchIncoming } from './watch';

jest.setTimeout(180_000);

let folder: string;
let a: Launched;
let b: Launched;
const endings: (() => Promise<void>)[] = [];

/** Serves the plugin together with what an administrator put beside it. */
const site = (): string => path.join(folder, 'dist');

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'greenroom-backgrounds-'));
  cpSync(distFolder, site(), { recursive: true });
  const clip = (file: string, ...codec: string[]): void => void execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', 'gradients=s=640x360:r=15:d=2:speed=0.1:c0=0x3060c0:c1=0xe0a040', '-pix_fmt', 'yuv420p', ...codec, file]);
  clip(path.join(site(), 'waves.webm'), '-c:v', 'libvpx', '-b:v', '1M');
  clip(path.join(folder, 'beach.mp4'), '-c:v', 'libx264');
  execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', 'color=c=0x101820:s=320x180', '-frames:v', '1', path.join(site(), 'dark.png')]);
  writeFileSync(path.join(folder, 'letter.webm'), 'Dear Bea');
  writeFileSync(path.join(folder, 'film.mp4'), new Uint8Array(31e6));
  const [near, far] = await Promise.all([footage({ mark: true }), footage({ background: 'wall', mirrored: true })]);
  [a, b] = await Promise.all([launchChromium({ video: near.y4m }), launchChromium({ video: far.y4m })]);
});

afterAll(async () => {
  await Promise.all([a.close(), b.close()]);
  rmSync(folder, { recursive: true, force: true });
});

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** Ann, with the plugin, and Bea, who counts what comes from her. */
const meet = async (effects: object): Promise<{ ann: Page; bea: Page; again: () => Promise<void>; errors: readonly string[] }> => {
  const meeting = await openMeeting({ dist: site(), greenroom: { effects } });
  await Promise.all([a.allowMedia(meeting.origin), b.allowMedia(meeting.origin)]);
  const watch = await watchRequests(a.browser, meeting.origin);
  const [ann, bea] = await Promise.all([a.browser.newPage(), b.browser.newPage()]);
  endings.push(() => meeting.stop(), () => ann.close(), () => bea.close(), () => watch.stop());
  const room = `backgrounds${Date.now()}`;
  await watchIncoming(bea);
  await join(bea, meeting, room, { name: 'Bea' });
  const again = (): Promise<void> => join(ann, meeting, room, { name: 'Ann' });
  await again();
  await waitForFrames(bea, 20);
  return { ann, bea, again, errors: watch.errors };
};

test('the administrator’s video and one’s own: refused in words, played, kept for the next visit, deleted', async () => {
  const { ann, bea, again, errors } = await meet({ default: 'blur', videos: [{ name: 'Waves', url: '/static/greenroom/waves.webm' }] });
  await chooseEffect(ann, `site:${new URL(ann.url()).origin}/static/greenroom/waves.webm`);
  await waitForFrames(bea, 30);

  await clickButton(ann, 'greenroom-effects');
  const upload = async (file: string): Promise<void> => {
    const input = (await ann.$('#greenroom >>> .file')) as ElementHandle<HTMLInputElement> | null;
    await input?.uploadFile(path.join(folder, file));
  };
  for (const [file, words] of [['letter.webm', 'not a video'], ['film.mp4', '30.0 MB']] as const) {
    await upload(file);
    await ann.waitForFunction((text) => document.querySelector('#greenroom')?.shadowRoot?.querySelector('.refusal')?.textContent.includes(text), { polling: 50 }, words);
  }
  await upload('beach.mp4');
  await waitInside(ann, 'input[value^="own:"]:checked');
  await waitInside(ann, '.refusal:empty');
  await waitForEffect(ann, 'on');
  await waitForFrames(bea, 30);

  await again();
  await clickButton(ann, 'greenroom-effects');
  await waitInside(ann, 'input[value^="own:"]:checked');
  await waitForEffect(ann, 'on');
  await clickInside(ann, '.remove');
  await waitInside(ann, 'input[value="blur"]:checked');
  await waitForFrames(bea, 20);
  const { marks, failures } = await incoming(bea);
  expect({ marks, failures }).toEqual({ marks: 0, failures: 0 });
  expect(errors).toEqual([]);
});

/** Chooses in the application's own dialog; the preview shows it first. */
const inDialog = async (page: Page, name: string, apply = true): Promise<void> => {
  await page.click('[aria-label="Select background"]');
  await page.locator(`#background-${name}`).click();
  if (apply) await page.click('#background-apply');
  else await page.evaluate(() => [...document.querySelectorAll<HTMLElement>('.background-dialog button')].at(-1)?.click());
  await page.waitForFunction(() => !document.querySelector('.background-dialog'), { polling: 50 });
};
/** Whether the application's own engine puts out what is sent: by a canvas. */
const isOwnEngine = (page: Page): Promise<boolean> => page.evaluate(() => window.APP?.conference.camera?.getTrack().constructor.name === 'CanvasCaptureMediaStreamTrack');
/** Waits until the upper left corner of what arrives is about as bright. */
const waitForCorner = async (page: Page, low: number, high: number): Promise<void> => {
  for (;;) {
    const { data, width } = await nextPicture(page);
    const luma = data[8 * width + 8]!;
    if (luma >= low && luma <= high) return;
  }
};

test('by flag, the application’s own dialog drives our effects: blur, pictures, none; its own engine never starts', async () => {
  const { ann, bea, errors } = await meet({ takeOverVirtualBackground: true });
  await resetIncoming(bea);
  const shown = await waitForFrames(bea, 20);
  expect(shown.marks).toBeGreaterThan(0); // nothing is chosen yet
  await clickButton(ann, 'greenroom-effects');
  await waitForEffect(ann, '');

  // A preview is the person's own affair: the others go on seeing what they saw.
  await inDialog(ann, 'upload', false);
  expect(await ann.evaluate(() => localStorage.getItem('greenroom.effect'))).toBeNull();

  await inDialog(ann, 'blur');
  await clickButton(ann, 'greenroom-effects');
  await waitInside(ann, 'input[value="blur"]:checked');
  await waitForEffect(ann, 'on');
  await waitForFrames(bea, 10); // those on their way
  await resetIncoming(bea);
  await inDialog(ann, 'address');
  await waitForCorner(bea, 0, 60);
  expect(await isOwnEngine(ann)).toBe(false);
  await inDialog(ann, 'upload');
  await waitForCorner(bea, 190, 255);
  await changeCamera(ann);
  await waitForFrames(bea, 20);
  await waitForCorner(bea, 190, 255);

  // In our own panel something else: the application forgets its choice, and does not bring it back.
  await clickButton(ann, 'greenroom-effects');
  await clickInside(ann, 'input[value="slight-blur"]');
  await waitForEffect(ann, 'on');
  expect(await ann.evaluate(() => window.APP?.store?.getState()['features/virtual-background'].backgroundEffectEnabled)).toBe(false);
  // "None" in a dialog that had nothing chosen takes nothing away that was chosen elsewhere; nor does a preview of it.
  await inDialog(ann, 'none');
  await changeCamera(ann);
  await waitForFrames(bea, 20);
  expect((await incoming(bea)).marks).toBe(0);

  await inDialog(ann, 'blur');
  await inDialog(ann, 'none');
  await resetIncoming(bea);
  await waitForFrames(bea, 40);
  expect((await incoming(bea)).marks).toBeGreaterThan(0);
  expect((await incoming(bea)).failures).toBe(0);
  expect(errors).toEqual([]);
});

test('where privacy is required, the dialog’s “none” is not ours to follow, and its preview shows the card', async () => {
  const { ann, bea } = await meet({ privacy: 'required', takeOverVirtualBackground: true });
  await inDialog(ann, 'blur');
  await inDialog(ann, 'none');
  await waitForFrames(bea, 30);
  expect((await incoming(bea)).marks).toBe(0);
});

test('without the flag the application’s engine works on top of ours, and gets nothing raw either', async () => {
  const { ann, bea } = await meet({ default: 'blur' });
  await inDialog(ann, 'blur');
  await waitForFrames(bea, 40);
  expect((await incoming(bea)).marks).toBe(0);
  expect(await isOwnEngine(ann)).toBe(true);
});
