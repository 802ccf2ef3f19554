import { launchChromium, type Launched, watchRequests } from '../tools/browsers';
import { customButtons, join } from './harness';
import { freePort } from './prosody';
import { startProxy } from './proxy';
import { type Meeting, startMeeting } from './server';

/** The proxy before a site that does not know the plugin, and names itself by absolute addresses. */

let site: Meeting;
let proxy: Meeting;
let chromium: Launched;
/** Ended in reverse, also when the preparation breaks off half way. */
const running: (() => Promise<void>)[] = [];

beforeAll(async () => {
  // A port that stays the same, because the site's own config.js names it.
  const port = await freePort();
  site = await startMeeting({ plugin: false, port, config: { websocket: `ws://127.0.0.1:${port}/xmpp-websocket`, bare: `127.0.0.1:${port}` } });
  running.push(() => site.stop());
  proxy = await startProxy({ target: new URL(site.url()), greenroom: { marker: 'from the proxy' } });
  running.push(() => proxy.stop());
  chromium = await launchChromium({ allow: [proxy.origin] });
  running.push(() => chromium.close());
}, 30_000);

afterAll(async () => {
  for (const end of running.reverse()) await end();
});

test('the page joins through the proxy alone, with the plugin and its configuration in it', async () => {
  const watch = await watchRequests(chromium.browser, proxy.origin);
  const page = await chromium.browser.newPage();
  await join(page, proxy, 'behind-a-proxy');
  expect(await customButtons(page)).toEqual(expect.arrayContaining(['greenroom-effects', 'greenroom-record']));
  expect(await page.evaluate(() => window.config?.['greenroom'])).toEqual({ marker: 'from the proxy' });
  expect(await page.evaluate(() => window.config?.['bare'])).toBe(new URL(site.origin).host);
  const places = await page.$$eval('head script[src]', (scripts) => scripts.map((script) => new URL(script.src).pathname));
  expect(places.slice(-4)).toEqual(['/libs/lib-jitsi-meet.min.js', '/libs/app.bundle.min.js', '/static/greenroom/site-config.js', '/static/greenroom/greenroom.js']);
  expect(watch.outside).toEqual([]);
  // An unknown flag is worth a warning of the plugin's, so only refusals count here.
  expect(watch.errors.filter((line) => /refused|violat|404/i.test(line))).toEqual([]);
}, 40_000);

test('files pass unchanged, and a site that is down is named', async () => {
  const [direct, through] = await Promise.all([site, proxy].map(async ({ origin }) => Buffer.from(await (await fetch(`${origin}/libs/lib-jitsi-meet.min.js`)).arrayBuffer())));
  expect(through?.equals(direct ?? Buffer.alloc(0))).toBe(true);
  const dead = await startProxy({ target: new URL('http://127.0.0.1:9/') });
  const answer = await fetch(dead.url('room'));
  expect([answer.status, await answer.text()]).toEqual([502, expect.stringContaining('does not answer')]);
  await dead.stop();
});
