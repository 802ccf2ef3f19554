import { mkdtemp, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { watch } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Page } from 'puppeteer-core';
import { servePages, type PageServer } from '../browser/serve';
import { launchChromium, launchFirefox, type Launched } from '../tools/browsers';
import { tone } from '../tools/sound';

export type BrowserName = 'chromium' | 'firefox';

/** A careful site's, and finished files may be played. */
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; media-src blob:";

/** Where recorders are measured: a server of the stage's page, a profile that outlives browsers, and their downloads. */
export class Theatre {
  readonly #launched: Launched[] = [];

  private constructor(private readonly browser: BrowserName, private readonly server: PageServer, private readonly folder: string, private readonly size: { width: number; height: number }) {}

  /** @param folders more folders for the server, by the first part of the path */
  static async open(browser: BrowserName, { folders = {}, width = 640, height = 360 }: { folders?: Readonly<Record<string, string>>; width?: number; height?: number } = {}): Promise<Theatre> {
    const folder = await mkdtemp(path.join(tmpdir(), 'greenroom-theatre-'));
    await mkdir(path.join(folder, 'profile'));
    await mkdir(path.join(folder, 'downloads'));
    return new Theatre(browser, await servePages({ folders, headers: { 'Content-Security-Policy': POLICY } }), folder, { width, height });
  }

  /**
   * A browser on the profile, with the stage in it, or another of the test's pages, and, in Chromium, a tone of 440 Hz for a
   * microphone. Ended by `close` at the latest.
   */
  async raise(name = 'bench-recorder'): Promise<{ launched: Launched; page: Page }> {
    const profile = path.join(this.folder, 'profile');
    const downloads = path.join(this.folder, 'downloads');
    const launched = this.browser === 'chromium'
      ? await launchChromium({ profile, allow: [this.server.origin], audio: await tone(440) })
      : await launchFirefox({
        profile,
        preferences: {
          'browser.download.folderList': 2,
          'browser.download.dir': downloads,
          'browser.download.useDownloadDir': true,
          'browser.download.always_ask_before_handling_new_types': false,
        },
      });
    this.#launched.push(launched);
    if (this.browser === 'chromium') {
      const session = await launched.browser.target().createCDPSession();
      await session.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: downloads });
    }
    const page = await launched.browser.newPage();
    page.on('pageerror', (error) => console.error(error));
    await page.setViewport(this.size);
    await page.goto(`${this.server.origin}/${name}.html`);
    return { launched, page };
  }

  /** Waits for a download to be whole. Answers with the file's path. */
  async downloaded({ fileName, bytes }: { fileName: string; bytes: number }): Promise<string> {
    const folder = path.join(this.folder, 'downloads');
    // A name that is taken gets a number: whole is a file of this size under its last name.
    const [stem, ending] = [path.parse(fileName).name, path.parse(fileName).ext];
    const find = async (): Promise<string | undefined> => {
      for (const name of await readdir(folder)) {
        if (name.startsWith(stem) && name.endsWith(ending) && (await stat(path.join(folder, name)).catch(() => null))?.size === bytes) return path.join(folder, name);
      }
      return undefined;
    };
    const found = await find();
    if (found !== undefined) return found;
    return await new Promise((resolve) => {
      const watcher = watch(folder, () => void look());
      const look = async (): Promise<void> => {
        const file = await find();
        if (file === undefined) return;
        watcher.close();
        resolve(file);
      };
      void look(); // it may have come before anyone watched
    });
  }

  async close(): Promise<void> {
    for (const launched of this.#launched) await launched.close();
    await this.server.close();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}
