import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, watch } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import puppeteer, { type Browser, type BrowserContext, type CDPSession, type Page, type Target, TargetType } from 'puppeteer-core';

export interface LaunchOptions {
  /** Origins that get camera and microphone without asking. More by `allowMedia()`. */
  readonly allow?: readonly string[];
  /** Chromium only: a y4m file for the camera. Without it, the browser's own test picture. */
  readonly video?: string;
  /** Chromium only: a WAV file for the microphone, looped. Without it, beeps. */
  readonly audio?: string;
  /** Profile folder to use and keep, so that a killed browser can be started again on it. Default: a new one, removed at the end. */
  readonly profile?: string;
  /**
   * More command-line arguments. For screen sharing, Chromium's picker can be answered by
   * `--auto-select-tab-capture-source-by-title=…`, which needs another tab with that title.
   */
  readonly args?: readonly string[];
  /** Firefox only: more preferences. */
  readonly preferences?: Readonly<Record<string, boolean | number | string>>;
  /** False: Ctrl-C is the caller's to handle, who then closes the browser. By default the browser ends, and this process. */
  readonly handleSignals?: boolean;
  /** Firefox only: a sound device of its own, that nobody hears. Without one, Firefox does not run Web Audio. */
  readonly sound?: boolean;
  /** Show the window on the present display. Default false. */
  readonly headful?: boolean;
}

/** A running browser. The caller owns it and ends it with `close()` or `kill()`. */
export interface Launched {
  readonly browser: Browser;
  /** The browser's main process. */
  readonly process: ChildProcess;
  readonly profile: string;
  /** Grants camera and microphone to an origin. In Firefox every origin has them. */
  allowMedia(origin: string): Promise<void>;
  /** Ends the browser in order and removes a profile it made. Safe to call twice. */
  close(): Promise<void>;
  /** kill -9, as in a crash: nothing is flushed. The profile stays until `close()`. */
  kill(): Promise<void>;
}

const size = { width: 1280, height: 720 };
const asRoot = process.getuid?.() === 0;

/**
 * Starts the system's Chromium (`GREENROOM_CHROMIUM` names another), headless, with fake devices and without calls home.
 * The tab's sound is real: it is neither muted nor replaced, as `--use-fake-ui-for-media-stream` would do.
 * @throws if the browser does not start
 */
export async function launchChromium(options: LaunchOptions = {}): Promise<Launched> {
  const profile = options.profile ?? (await mkdtemp(path.join(os.tmpdir(), 'greenroom-chromium-')));
  const browser = await puppeteer.launch({
    executablePath: process.env['GREENROOM_CHROMIUM'] ?? '/usr/bin/chromium',
    headless: options.headful !== true,
    userDataDir: profile,
    defaultViewport: size,
    ignoreDefaultArgs: ['--mute-audio'],
    protocolTimeout: 120_000,
    ...signals(options),
    args: [
      ...(asRoot ? ['--no-sandbox'] : []),
      `--window-size=${size.width},${size.height}`,
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--use-fake-device-for-media-stream',
      ...(options.video === undefined ? [] : [`--use-file-for-fake-video-capture=${options.video}`]),
      ...(options.audio === undefined ? [] : [`--use-file-for-fake-audio-capture=${options.audio}`]),
      '--auto-accept-this-tab-capture',
      // Peer to peer on one machine: mDNS names of candidates would have to be resolved by a daemon.
      '--disable-features=WebRtcHideLocalIpsWithMdns',
      '--autoplay-policy=no-user-gesture-required',
      ...(options.args ?? []),
    ],
  });
  const launched = wrap(browser, profile, options.profile === undefined, true, () => Promise.resolve());
  for (const origin of options.allow ?? []) await launched.allowMedia(origin);
  return launched;
}

/**
 * Starts the system's Firefox (`GREENROOM_FIREFOX` names another) with its own invisible display, since WebGL is
 * missing in its headless mode. Camera and microphone are Firefox's fake ones and always allowed.
 * @throws if the browser or Xvfb does not start
 */
export async function launchFirefox(options: LaunchOptions = {}): Promise<Launched> {
  const profile = options.profile ?? (await mkdtemp(path.join(os.tmpdir(), 'greenroom-firefox-')));
  const display = options.headful === true ? null : await startDisplay();
  const sound = options.sound === true ? await startSound() : null;
  const cleanup = async (): Promise<void> => {
    await display?.stop();
    await sound?.stop();
  };
  try {
    const browser = await puppeteer.launch({
      browser: 'firefox',
      executablePath: process.env['GREENROOM_FIREFOX'] ?? '/usr/bin/firefox-esr',
      headless: false,
      userDataDir: profile,
      defaultViewport: size,
      protocolTimeout: 120_000,
      ...signals(options),
      env: { ...process.env, ...(display === null ? {} : { DISPLAY: display.name }), ...(sound === null ? {} : { PULSE_SERVER: sound.address }), MOZ_CRASHREPORTER_DISABLE: '1', MOZ_ENABLE_WAYLAND: '0' },
      args: [`--width=${size.width}`, `--height=${size.height}`, ...(options.args ?? [])],
      extraPrefsFirefox: {
        'media.navigator.streams.fake': true,
        'media.navigator.permission.disabled': true,
        'media.autoplay.default': 0,
        'media.autoplay.blocking_policy': 0,
        'media.peerconnection.ice.loopback': true,
        'media.peerconnection.ice.obfuscate_host_addresses': false,
        'media.gmp-manager.updateEnabled': false,
        'media.gmp-provider.enabled': false,
        'webgl.force-enabled': true,
        'app.normandy.enabled': false,
        'app.update.disabledForTesting': true,
        'browser.safebrowsing.downloads.remote.enabled': false,
        'browser.safebrowsing.update.enabled': false,
        'captivedetect.canonicalURL': '',
        'datareporting.policy.dataSubmissionEnabled': false,
        'network.captive-portal-service.enabled': false,
        'network.connectivity-service.enabled': false,
        'network.dns.disablePrefetch': true,
        'services.settings.server': 'http://127.0.0.1:9/',
        'toolkit.telemetry.server': 'http://127.0.0.1:9/',
        ...options.preferences,
      },
    });
    return wrap(browser, profile, options.profile === undefined, false, cleanup);
  } catch (error) {
    await cleanup();
    throw error;
  }
}

function signals({ handleSignals = true }: LaunchOptions): { handleSIGINT: boolean; handleSIGTERM: boolean; handleSIGHUP: boolean } {
  return { handleSIGINT: handleSignals, handleSIGTERM: handleSignals, handleSIGHUP: handleSignals };
}

/** Grants camera and microphone to an origin in Chromium. */
function allowMedia(context: BrowserContext, origin: string): Promise<void> {
  return context.setPermission(origin, { permission: { name: 'camera' }, state: 'granted' }, { permission: { name: 'microphone' }, state: 'granted' });
}

function wrap(browser: Browser, profile: string, ownsProfile: boolean, grantsNeeded: boolean, cleanup: () => Promise<void>): Launched {
  const child = browser.process();
  if (child === null) throw new Error('the browser has no process');
  const ended = new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve());
  });
  let closing: Promise<void> | undefined;
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  return {
    browser,
    process: child,
    profile,
    allowMedia: async (origin) => {
      if (grantsNeeded) await allowMedia(browser.defaultBrowserContext(), origin);
    },
    kill,
    close: () => (closing ??= (async () => {
      if (child.exitCode === null && child.signalCode === null) await Promise.race([browser.close().catch(kill), pause(15_000, undefined, { ref: false }).then(kill)]); // one that does not end is ended
      await ended;
      await cleanup();
      // A few helper processes outlive the browser by a moment and still write: hence the retries.
      if (ownsProfile) await rm(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    })()),
  };
}

/** An Xvfb on a display number it chooses itself. */
async function startDisplay(): Promise<{ name: string; stop(): Promise<void> }> {
  const child = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1440x900x24', '-nolisten', 'tcp'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  const ended = once(child, 'exit').then(() => undefined, () => undefined);
  const pipe = child.stdio[3];
  if (!pipe) throw new Error('Xvfb has no pipe for its display number');
  const answer = await Promise.race([once(pipe, 'data') as Promise<[Buffer]>, ended]);
  if (answer === undefined) throw new Error('Xvfb did not start; is the package xvfb installed?');
  return {
    name: `:${answer[0].toString().trim()}`,
    stop: async () => {
      child.kill();
      await ended;
    },
  };
}

/** A PulseAudio of its own, with a sink that leads nowhere. */
async function startSound(): Promise<{ address: string; stop(): Promise<void> }> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'greenroom-sound-'));
  const socket = path.join(folder, 'native');
  const watcher = watch(folder);
  const child = spawn('pulseaudio', [
    '-n', '--daemonize=no', '--use-pid-file=no', '--disable-shm', '--exit-idle-time=-1',
    '-L', 'module-null-sink', '-L', `module-native-protocol-unix socket=${socket} auth-anonymous=1`,
  ], { stdio: 'ignore', env: { ...process.env, HOME: folder, XDG_RUNTIME_DIR: folder } });
  const ended = once(child, 'exit').then(() => 'ended' as const, () => 'ended' as const);
  const stop = async (): Promise<void> => {
    child.kill();
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  const listening = new Promise<'listening'>((resolve) => {
    const look = (): void => { if (existsSync(socket)) resolve('listening'); };
    watcher.on('change', look);
    look();
  });
  const first = await Promise.race([listening, ended]);
  watcher.close();
  if (first === 'listening') return { address: `unix:${socket}`, stop };
  await stop();
  throw new Error('PulseAudio did not start; is the package pulseaudio installed?');
}

/** What went on in a browser while it was watched. The arrays grow as things happen. */
export interface Watch {
  /** URLs of requests and websockets that leave the origin, from pages and workers, each once. */
  readonly outside: string[];
  /** Errors of the console, uncaught exceptions and violated policies, with the page's address. */
  readonly errors: string[];
  stop(): Promise<void>;
}

/**
 * Records every request outside an origin and every error, of all pages, frames and workers, including those that
 * start later. Chromium only. Call it before pages are opened, so that nothing is missed.
 * @param origin "http://host:port"; its websockets count as inside, and so do `data:`, `blob:` and the browser's own pages
 */
export async function watchRequests(browser: Browser, origin: string): Promise<Watch> {
  const outside: string[] = [];
  const errors: string[] = [];
  const inside = new Set([origin, origin.replace(/^http/, 'ws')]);
  const note = (url: string): void => {
    const { protocol, origin: of, host } = new URL(url);
    const local = /^(data|blob|about|chrome|chrome-error|chrome-extension|devtools):$/.test(protocol);
    if (!local && !inside.has(of) && !inside.has(`${protocol}//${host}`) && !outside.includes(url)) outside.push(url);
  };

  const sessions = new Set<CDPSession>();
  const attach = async (session: CDPSession, where: string): Promise<void> => {
    if (sessions.has(session)) return;
    sessions.add(session);
    session.on('Network.requestWillBeSent', ({ request }) => note(request.url));
    session.on('Network.webSocketCreated', ({ url }) => note(url));
    session.on('Runtime.exceptionThrown', ({ exceptionDetails: { exception, text } }) => errors.push(`${where}: ${exception?.description ?? text}`));
    session.on('Log.entryAdded', ({ entry }) => {
      if (entry.level === 'error') errors.push(`${where}: ${entry.text} ${entry.url ?? ''}`);
    });
    session.on('Runtime.consoleAPICalled', ({ type, args }) => {
      if (type === 'error') errors.push(`${where}: ${args.map(({ value, description }) => String(value ?? description)).join(' ')}`);
    });
    // A worker that ends at once takes its session with it.
    await Promise.all(['Network.enable', 'Runtime.enable', 'Log.enable'].map((method) => session.send(method as 'Network.enable').catch(() => undefined)));
  };

  const onTarget = async (target: Target): Promise<void> => {
    if (target.type() === TargetType.PAGE) {
      const page = await target.page().catch(() => null);
      if (page === null) return;
      // The page's first requests may come before the session below is listening.
      page.on('request', (request) => note(request.url()));
      await attach(await page.createCDPSession(), 'page');
      page.on('workercreated', (worker) => void attach(worker.client, `worker ${worker.url().split('/').at(-1) ?? ''}`));
      for (const worker of page.workers()) await attach(worker.client, `worker ${worker.url().split('/').at(-1) ?? ''}`);
    } else if (target.type() === TargetType.SERVICE_WORKER || target.type() === TargetType.SHARED_WORKER) {
      await attach(await target.createCDPSession(), target.type());
    }
  };
  const listener = (target: Target): void => void onTarget(target).catch(() => undefined);
  browser.on('targetcreated', listener);
  await Promise.all(browser.targets().map(onTarget));
  return {
    outside,
    errors,
    stop: async () => {
      browser.off('targetcreated', listener);
      await Promise.all([...sessions].map((session) => session.detach().catch(() => undefined)));
    },
  };
}

/** The page's own console, for a test that failed. Returns what was said so far, oldest first. */
export function listen(page: Page): readonly string[] {
  const lines: string[] = [];
  page.on('console', (message) => lines.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => lines.push(`uncaught: ${String(error)}`));
  return lines;
}
