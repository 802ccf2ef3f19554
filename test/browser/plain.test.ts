import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Launched } from '../tools/browsers';
import { launchChromium, listen, watchRequests } from '../tools/browsers';
import type { Footage } from '../tools/footage';
import { footage } from '../tools/footage';
import { textureOf } from '../tools/texture';
import type { PageServer } from './serve';
import { servePages } from './serve';

const project = path.resolve(__dirname, '../..');

let clip: Footage;
let server: PageServer;
let chromium: Launched;

beforeAll(async () => {
  clip = await footage();
  server = await servePages();
  chromium = await launchChromium({ video: clip.y4m, allow: [server.origin] });
}, 120_000);

afterAll(async () => {
  await chromium.close();
  await server.close();
});

test('the example in effects/README.md is the page that is tested here', () => {
  const guide = readFileSync(path.join(project, 'effects/README.md'), 'utf8');
  const example = /<!-- page: plain -->\s*```ts\n([\s\S]*?)```/.exec(guide)?.[1];
  expect(example).toBe(readFileSync(path.join(__dirname, 'pages/plain.ts'), 'utf8'));
});

test('a plain page blurs its camera: the room loses its texture, the person does not', async () => {
  const { outside, errors } = await watchRequests(chromium.browser, server.origin);
  const page = await chromium.browser.newPage();
  const said = listen(page);
  await page.goto(`${server.origin}/plain.html`);
  await page.waitForSelector('video');

  /** Luma of a picture of the page's own track, or of the camera; 640 x 360, as a video element shows it. */
  const picture = async (raw: boolean): Promise<Uint8Array> => Uint8Array.from(await page.evaluate(async (raw) => {
    const video = raw ? document.createElement('video') : document.querySelector('video')!;
    if (raw) {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
      await video.play();
    }
    await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
    const context = new OffscreenCanvas(640, 360).getContext('2d')!;
    context.drawImage(video, 0, 0, 640, 360);
    const { data } = context.getImageData(0, 0, 640, 360);
    return Array.from({ length: 640 * 360 }, (_, i) => (data[4 * i]! * 66 + data[4 * i + 1]! * 129 + data[4 * i + 2]! * 25 + 4224) >> 8);
  }, raw));

  const room = textureOf(await picture(true), clip);
  let shown = textureOf(await picture(false), clip);
  // First the card, on which nobody is to be seen; it is up to this test's timeout how long.
  while (shown.person < room.person / 2) shown = textureOf(await picture(false), clip);
  expect(shown.person).toBeGreaterThan(room.person * 0.75);
  expect(shown.background).toBeLessThan(room.background / 5);
  expect(outside).toEqual([]);
  expect(errors).toEqual([]);
  expect(said.filter((line) => /^(error|uncaught)/.test(line))).toEqual([]);
});
