import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** The XMPP domain of the stand-in meeting; it exists nowhere but in this server. */
const DOMAIN = 'meet.test';

export interface Prosody {
  readonly domain: string;
  /** Host of rooms. */
  readonly mucDomain: string;
  /** Host that the focus component may claim with `secret`. */
  readonly focusDomain: string;
  readonly secret: string;
  /** Loopback ports. Websockets are at `/xmpp-websocket` of the first. */
  readonly httpPort: number;
  readonly componentPort: number;
  stop(): Promise<void>;
}

/**
 * Starts Debian's Prosody with its own configuration and data in a temporary folder, on free loopback ports:
 * anonymous users, rooms in memory, websockets, one component. A system-wide Prosody is not touched.
 * @throws if the program is missing or ends before it is ready, with its last lines
 */
export async function startProsody(): Promise<Prosody> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'greenroom-prosody-'));
  const [httpPort, componentPort] = [await freePort(), await freePort()];
  const secret = randomBytes(12).toString('hex');
  const config = path.join(folder, 'prosody.cfg.lua');
  await writeFile(config, `
run_as_root = true
daemonize = false
pidfile = "${folder}/prosody.pid"
data_path = "${folder}"
log = { { levels = { min = "info" }, to = "console" } }
modules_enabled = { "saslauth", "disco", "ping", "websocket" }
modules_disabled = { "s2s", "tls", "offline" }
storage = "memory"
interfaces = { "127.0.0.1" }
c2s_ports = {}
s2s_ports = {}
https_ports = {}
http_ports = { ${httpPort} }
http_interfaces = { "127.0.0.1" }
http_default_host = "${DOMAIN}"
component_ports = { ${componentPort} }
component_interfaces = { "127.0.0.1" }
c2s_require_encryption = false
consider_websocket_secure = true
cross_domain_websocket = true
VirtualHost "${DOMAIN}"
  authentication = "anonymous"
Component "conference.${DOMAIN}" "muc"
  muc_room_locking = false
  muc_room_default_public_jids = true
Component "focus.${DOMAIN}"
  component_secret = "${secret}"
`);
  const child = spawn('prosody', ['--config', config, '-F'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit').then(() => undefined, () => undefined);
  // A test run that breaks off leaves no server behind.
  const onExit = (): void => void child.kill();
  process.once('exit', onExit);
  const stop = async (): Promise<void> => {
    process.off('exit', onExit);
    child.kill();
    await ended;
    await rm(folder, { recursive: true, force: true });
  };

  const lines: string[] = [];
  const pending = new Set(["'http'", "'component'"]);
  const ready = new Promise<void>((resolve) => {
    const read = (line: string): void => {
      lines.push(line);
      // "Activated service 'http' on [127.0.0.1]:5280": the ports are open.
      for (const service of pending) if (line.includes(`Activated service ${service} on [`)) pending.delete(service);
      if (pending.size === 0) resolve();
    };
    createInterface(child.stdout).on('line', read);
    createInterface(child.stderr).on('line', read);
  });
  const isReady = await Promise.race([ready.then(() => true), ended.then(() => false)]);
  if (!isReady) {
    await stop();
    throw new Error(`prosody did not start; is the package prosody installed?\n${lines.slice(-10).join('\n')}`);
  }
  return { domain: DOMAIN, mucDomain: `conference.${DOMAIN}`, focusDomain: `focus.${DOMAIN}`, secret, httpPort, componentPort, stop };
}

/** A port that was free a moment ago: Prosody cannot choose one itself and say which. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
