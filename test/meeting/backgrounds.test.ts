import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { ElementHandle, Page } from 'puppeteer-core';

import type { Launched } from '../tools/browsers';
import { launchChromium, watchRequests } from '../tools/browsers';
import { footage } from '../tools/footage';
import { clickButton, join, openMeeting } from './harness';
import { distFolder } from './server';
import { chooseEffect, clickInside, waitForEffect, waitInside } from './ui';
import { incoming, waitForFrames, watchIncoming } from './watch';

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
