// Makes a fresh clone runnable: Node modules, Debian packages and, with --build, the bundles.
// Plain Node without dependencies, since it runs before there are any.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** Debian's names of what the tests and the demo run: two browsers, an XMPP server, an encoder, a web server, a display, a sound server, a reader of zips. */
const packages = ['chromium', 'firefox-esr', 'prosody', 'ffmpeg', 'nginx-light', 'xvfb', 'xauth', 'libgl1-mesa-dri', 'libegl1', 'libgl1', 'pulseaudio', 'python3'];

const say = (line) => console.log(`setup: ${line}`);
const fail = (line) => {
  console.error(`setup: ${line}`);
  process.exit(1);
};

function checkNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20) fail(`Node 20 or newer is needed, this is ${process.version}.`);
}

/** `npm ci` empties node_modules, so the stamp inside it says which lock file the present content came from. */
function installModules() {
  const stamp = path.join(root, 'node_modules/.greenroom-lock');
  const lock = createHash('sha256').update(readFileSync(path.join(root, 'package-lock.json'))).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  if (!modulesMatchLock()) {
    say('installing Node modules');
    const npm = (...args) => spawnSync('npm', [...args, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root, encoding: 'utf8' });
    // "npm ci" also wants to find the optional packages of every other platform in the lock file. A registry that does
    // not carry them makes a lock file without them; "install" takes the same versions from it and is content.
    const ci = npm('ci');
    if (ci.status !== 0) {
      const install = npm('install', '--no-save');
      if (install.status !== 0) fail(`the Node modules could not be installed:\n${ci.stderr}${install.stderr}`);
    }
  }
  writeFileSync(stamp, lock);
}

/** npm leaves its own copy of the lock file behind: a tree that was installed by hand need not be installed again. */
function modulesMatchLock() {
  const installed = path.join(root, 'node_modules/.package-lock.json');
  if (!existsSync(installed)) return false;
  const have = JSON.parse(readFileSync(installed, 'utf8')).packages;
  const want = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(want).every(([name, entry]) => name === '' || (have[name] === undefined ? entry.optional === true : have[name].version === entry.version));
}

function missingPackages() {
  return packages.filter((name) => {
    const { stdout, error } = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status}', name], { encoding: 'utf8' });
    if (error) fail(`these programs are needed, and this is not Debian: ${packages.join(' ')} (chromium, firefox, prosody, ffmpeg, nginx, Xvfb, PulseAudio).`);
    return stdout !== 'installed';
  });
}

function installPackages() {
  const missing = missingPackages();
  if (missing.length === 0) return;
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  const byHand = `run: sudo apt-get install --no-install-recommends ${missing.join(' ')}`;
  if (asRoot.length > 0 && spawnSync('sudo', ['-n', 'true']).status !== 0) fail(byHand);
  say(`installing ${missing.join(' ')} (apt-get)`);
  const run = (command, ...args) => {
    const [program, ...rest] = [...asRoot, 'env', 'DEBIAN_FRONTEND=noninteractive', command, ...args];
    return spawnSync(program, rest, { stdio: ['ignore', 'ignore', 'inherit'] }).status;
  };
  withoutServices(run, () => {
    const install = () => run('apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...missing);
    // First the lists, or the browsers are those of the day the machine was made; without a network for that, what it has.
    run('apt-get', 'update', '-qq');
    if (install() !== 0) fail(byHand);
  });
}

/**
 * Debian starts prosody and nginx when it installs them. The tests start their own on free ports, so for the
 * time of the install a policy-rc.d says "do not start"; one that is there already is left alone.
 */
function withoutServices(run, action) {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) {
    action();
    return;
  }
  const folder = mkdtempSync(path.join(os.tmpdir(), 'greenroom-setup-'));
  const script = path.join(folder, 'policy-rc.d');
  writeFileSync(script, '#!/bin/sh\nexit 101\n');
  chmodSync(script, 0o755);
  try {
    run('cp', script, policy);
    action();
  } finally {
    run('rm', '-f', policy);
    rmSync(folder, { recursive: true });
  }
}

/** Newest modification below a file or folder, in ms; 0 where there is none. */
function newest(target) {
  if (!existsSync(target)) return 0;
  const info = statSync(target);
  if (!info.isDirectory()) return info.mtimeMs;
  return Math.max(info.mtimeMs, ...readdirSync(target).map((name) => newest(path.join(target, name))));
}

function build() {
  const stamp = path.join(root, 'build/.built');
  const sources = ['plugin', 'effects', 'recorder', 'common', 'test/meeting/page', 'test/browser/pages', 'webpack.config.js', 'package-lock.json'];
  const complete = ['dist/greenroom.js', 'build/meeting/libs/app.bundle.min.js'].every((file) => existsSync(path.join(root, file)));
  if (complete && Math.max(...sources.map((name) => newest(path.join(root, name)))) < newest(stamp)) return;
  say('building (webpack)');
  const started = Date.now();
  try {
    execFileSync(path.join(root, 'node_modules/.bin/webpack'), ['--mode', 'production'], { cwd: root, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    fail(`the build failed:\n${error.stdout}${error.stderr}`);
  }
  // The moment the build began: a source saved meanwhile counts as newer.
  writeFileSync(stamp, new Date(started).toISOString());
  say(`built in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

checkNode();
installModules();
installPackages();
if (process.argv.includes('--build')) build();
