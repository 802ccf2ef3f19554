import { setTimeout as pause } from 'node:timers/promises';
import type { CDPSession, Page } from 'puppeteer-core';
import { launchChromium } from '../tools/browsers';
import { footage } from '../tools/footage';
import type { Rounds } from './pages/rounds';
import { servePages } from './serve';

declare const rounds: Rounds;

/** More by `GREENROOM_ROUNDS=100`, which takes minutes. */
const ROUNDS = Number(process.env['GREENROOM_ROUNDS'] ?? 25);
/** Until code is compiled and caches are filled. */
const WARM_UP = 5;

interface Use {
  /** Bytes after garbage was collected: objects, and buffers with WebAssembly's memory. */
  readonly heap: number;
  readonly buffers: number;
}

const useOf = async (session: CDPSession): Promise<Use> => {
  await session.send('HeapProfiler.enable');
  // The second finds what finalisers of the first let go.
  for (let i = 0; i < 2; i++) await session.send('HeapProfiler.collectGarbage');
  const { usedSize, backingStorageSize } = await session.send('Runtime.getHeapUsage');
  return { heap: usedSize, buffers: backingStorageSize };
};

/** What is alive in the page and its workers. */
const take = async (page: Page, session: CDPSession) => {
  const workers = page.workers().map((worker) => ({ name: /effects-(\w+)/.exec(worker.url())?.[1] ?? worker.url(), session: worker.client }));
  const use: Record<string, Use> = { page: await useOf(session) };
  for (const each of workers) use[each.name] = await useOf(each.session);
  const { JSEventListeners: eventListeners = 0, Nodes: nodes = 0, Documents: documents = 0 } = await page.metrics();
  return { alive: await page.evaluate(() => rounds.alive()), browser: { eventListeners, nodes, documents }, workers: workers.map(({ name }) => name).sort(), use };
};

/** How often Chromium looks whether frames were collected that nobody had closed, ms. */
const AUDIT_MS = 10_000;

test('cameras that pass as they are and are stopped at any moment leave no frame unclosed', async () => {
  const server = await servePages();
  const chromium = await launchChromium({ allow: [server.origin] });
  try {
    const page = await chromium.browser.newPage();
    const session = await page.createCDPSession();
    const said: string[] = [];
    session.on('Log.entryAdded', ({ entry }) => said.push(entry.text));
    await session.send('Log.enable');
    await page.goto(`${server.origin}/rounds.html`);
    await page.evaluate(() => rounds.pass(120));
    await useOf(session); // collects
    await pause(1.2 * AUDIT_MS); // silence is what is waited for
    expect(said).toEqual([]);
  } finally {
    await chromium.close();
    await server.close();
  }
});

test(`${ROUNDS} rounds of start, switch and stop leave nothing alive and do not grow`, async () => {
  const { y4m } = await footage();
  const server = await servePages();
  const chromium = await launchChromium({ video: y4m, allow: [server.origin] });
  try {
    const page = await chromium.browser.newPage();
    const session = await page.createCDPSession();
    await page.goto(`${server.origin}/rounds.html`);
    await page.evaluate((times) => rounds.run(times), WARM_UP);
    const before = await take(page, session);
    for (let left = ROUNDS; left > 0; left -= 5) await page.evaluate((times) => rounds.run(times), Math.min(5, left));
    const after = await take(page, session);
    const growth = Object.fromEntries(Object.entries(after.use).map(([name, { heap, buffers }]) => {
      const start = before.use[name] ?? { heap: 0, buffers: 0 };
      return [name, { heap: (heap - start.heap) / ROUNDS, buffers: (buffers - start.buffers) / ROUNDS }];
    }));
    console.log(`bytes kept per round: ${JSON.stringify(growth)}`);

    // The two workers stay for the next camera, the listeners are theirs.
    expect(after.alive).toEqual({ tracks: 0, workers: 2, ports: 0, listeners: before.alive.listeners });
    expect(after.workers).toEqual(['output', 'worker']);
    expect(after.browser).toEqual(before.browser);
    for (const { heap, buffers } of Object.values(growth)) {
      // One frame of this size in memory is 345,600 bytes, and one camera's kernel several times that.
      expect(buffers).toBeLessThan(10_000);
      expect(heap).toBeLessThan(10_000);
    }
  } finally {
    await chromium.close();
    await server.close();
  }
}, 60_000 + ROUNDS * 10_000);
