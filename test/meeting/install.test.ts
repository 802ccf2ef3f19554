import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Page } from 'puppeteer-core';

import type { Launched } from '../tools/browsers';
import { launchChromium, listen } from '../tools/browsers';
import { startFocus } from './focus';
import type { Nginx } from './nginx';
import { startNginx } from './nginx';
import type { Prosody } from './prosody';
import { startProsody } from './prosody';
import { assembleWebRoot } from './server';

const project = path.resolve(__dirname, '../..');
const guide = readFileSync(path.join(project, 'jitsi-config/README.md'), 'utf8');

/** The shell lines that an administrator copies, under the mark `<!-- steps: name -->`. */
const steps = (name: string): string => {
  const block = new RegExp(`<!-- steps: ${name} -->\\s*\`\`\`sh\\n([\\s\\S]*?)\`\`\``).exec(guide)?.[1];
  if (block === undefined) throw new Error(`jitsi-config/README.md has no steps for ${name}`);
  return block;
};
const carryOut = (name: string, cwd: string, env: Record<string, string>): void => {
  execFileSync('bash', ['-euo', 'pipefail', '-c', steps(name)], { cwd, env: { ...process.env, ...env } });
};

let folder: string;
let web: string;
let config: string;
let stockConfig: string;
let chromium: Launched;
let prosody: Prosody;
let focus: Awaited<ReturnType<typeof startFocus>>;
let nginx: Nginx;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'greenroom-install-'));
  web = path.join(folder, 'usr/share/jitsi-meet');
  config = path.join(folder, 'etc/jitsi/meet/meet.test-config.js');
  await assembleWebRoot();
  cpSync(path.join(project, 'build/meeting'), web, { recursive: true });
  mkdirSync(path.dirname(config), { recursive: true });
  stockConfig = readFileSync(path.join(web, 'config.js'), 'utf8');
  writeFileSync(config, stockConfig);
  prosody = await startProsody();
  focus = await startFocus(prosody);
  const snippet = readFileSync(path.join(project, 'jitsi-config/nginx-greenroom.conf'), 'utf8').replaceAll('/usr/share/jitsi-meet', web);
  nginx = await startNginx({ folder: path.join(folder, 'nginx'), webRoot: web, configFile: config, xmppPort: prosody.httpPort, snippet });
  chromium = await launchChromium({ allow: [nginx.origin] });
});

afterAll(async () => {
  await chromium.close();
  await nginx.stop();
  await focus.stop();
  await prosody.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Opens a meeting and reads the toolbar once it is joined. */
const visit = async (): Promise<{ page: Page; ours: string[]; said: readonly string[] }> => {
  const page = await chromium.browser.newPage();
  const said = listen(page);
  await page.goto(`${nginx.origin}/installed`);
  await page.waitForFunction(() => (window as { APP?: { conference?: { _room?: unknown } } }).APP?.conference?._room !== undefined);
  const labels = await page.$$eval('#new-toolbox .toolbox-button', (buttons) => buttons.map((button) => button.getAttribute('aria-label') ?? ''));
  return { page, ours: labels.filter((label) => label === 'Effects' || label === 'Record'), said };
};
const warnings = (said: readonly string[]): string[] => said.filter((line) => line.includes('[greenroom]'));

test('before the installation there are no buttons', async () => {
  const { page, ours } = await visit();
  expect(ours).toEqual([]);
  await page.close();
});

describe('after the steps for the Debian package', () => {
  beforeAll(() => {
    // Twice: repeating them after an upgrade must not add anything.
    for (let i = 0; i < 2; i++) carryOut('debian', project, { WEB: web, CONFIG: config });
  });

  test('the line and the flags are there once, the rest of config.js as it was', () => {
    expect(readFileSync(path.join(web, 'plugin.head.html'), 'utf8').match(/greenroom\.js/g)).toHaveLength(1);
    const written = readFileSync(config, 'utf8');
    expect(written.startsWith(stockConfig)).toBe(true);
    expect(written.match(/config\.greenroom =/g)).toHaveLength(1);
  });

  test('both buttons are in the meeting, and the page says nothing', async () => {
    const { page, ours, said } = await visit();
    expect(ours).toEqual(['Effects', 'Record']);
    expect(warnings(said)).toEqual([]);
    await page.close();
  });

  test('the assets may be kept, the script may not', async () => {
    const script = await fetch(`${nginx.origin}/static/greenroom/greenroom.js`);
    expect([script.status, script.headers.get('cache-control')]).toEqual([200, 'no-cache']);
    const files = readdirSync(path.join(web, 'static/greenroom/assets'));
    for (const [ending, type] of [['.wasm', 'application/wasm'], ['.bin', 'application/octet-stream'], ['.svg', 'image/svg+xml'], ['.js', 'text/javascript']] as const) {
      const file = files.find((name) => name.endsWith(ending));
      const { status, headers } = await fetch(`${nginx.origin}/static/greenroom/assets/${file ?? ''}`);
      expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([200, type, 'public, max-age=31536000, immutable']);
    }
  });

  const withFlags = async (line: string): Promise<Awaited<ReturnType<typeof visit>>> => {
    const before = readFileSync(config, 'utf8');
    appendFileSync(config, `${line}\n`);
    try {
      return await visit();
    } finally {
      writeFileSync(config, before);
    }
  };

  test('recorder.enabled: false takes the Record button away', async () => {
    const { page, ours, said } = await withFlags('config.greenroom.recorder.enabled = false;');
    expect(ours).toEqual(['Effects']);
    expect(warnings(said)).toEqual([]);
    await page.close();
  });

  test('a wrong flag gives one warning and nothing else', async () => {
    const { page, ours, said } = await withFlags("config.greenroom.effects.default = 'bluur';");
    expect(ours).toEqual(['Effects', 'Record']);
    expect(warnings(said)).toEqual(['warn: [greenroom] config.greenroom.effects.default is "bluur", but must be "off" or "slight-blur" or "blur"; the default is used.']);
    expect(said.filter((each) => /^(error|uncaught)/.test(each))).toEqual([]);
    await page.close();
  });
});

test('the steps for docker-jitsi-meet put everything where the overlay mounts it from', () => {
  // No container engine runs here: what the image does with these files is its own documentation's word.
  const compose = path.join(folder, 'docker-jitsi-meet');
  const home = path.join(folder, 'jitsi-meet-cfg');
  mkdirSync(compose);
  mkdirSync(path.join(home, 'web'), { recursive: true });
  carryOut('docker', compose, { GREENROOM: project, CONFIG: home });
  const overlay = readFileSync(path.join(compose, 'docker-compose.greenroom.yml'), 'utf8');
  const mounts = [...overlay.matchAll(/- \.\/(\S+):(\S+):ro/g)].map(([, from = '', to = '']) => [from, to]);
  expect(mounts.map(([, to]) => to)).toEqual(['/usr/share/jitsi-meet/static/greenroom', '/usr/share/jitsi-meet/plugin.head.html']);
  expect(readFileSync(path.join(compose, 'greenroom/greenroom.js')).length).toBeGreaterThan(10_000);
  expect(readFileSync(path.join(compose, 'plugin.head.html'), 'utf8')).toContain('static/greenroom/greenroom.js');
  expect(readFileSync(path.join(home, 'web/custom-config.js'), 'utf8')).toContain('config.greenroom');
});
