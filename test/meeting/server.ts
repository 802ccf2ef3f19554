import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, request as httpRequest, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Duplex } from 'node:stream';

import { startFocus } from './focus';
import { startProsody } from './prosody';

const root = path.resolve(__dirname, '../..');
const webRoot = path.join(root, 'build/meeting');
/** The plugin as it is shipped. */
export const distFolder = path.join(root, 'dist');

export interface MeetingOptions {
  /** Serve dist/ and load it from plugin.head.html. Default true. */
  readonly plugin?: boolean;
  /** Becomes `config.greenroom`, as an administrator appends it to config.js. */
  readonly greenroom?: object;
  /** More of config.js, appended in the same way. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Where the site lives, "/" or "/some/path/". Default "/". */
  readonly basePath?: string;
  /** Assets whose path matches are answered with 404. */
  readonly missing?: RegExp;
  /** Port on 127.0.0.1. Default: any free one. */
  readonly port?: number;
  /** Serve this folder instead of dist/, to try a fault in a bundle. */
  readonly dist?: string;
  /**
   * May change what is served of the plugin, asset by asset and each time anew: gets the path below the plugin's folder
   * and the content, and returns what is sent, or null for 404. Headers may be set on the response.
   */
  readonly tamper?: (asset: string, content: Buffer, response: ServerResponse) => Buffer | null;
}

export interface Meeting {
  /** "http://127.0.0.1:port", a secure origin to browsers. */
  readonly origin: string;
  /** Address of a room; of the welcome page without a name. */
  url(room?: string): string;
  /** Cuts everybody's connection to the XMPP server, for good. Only the stand-in can. */
  readonly cut?: () => void;
  stop(): Promise<void>;
}

/**
 * Starts a whole meeting on loopback: Prosody, a focus and a web server that serves `build/meeting` as nginx serves
 * /usr/share/jitsi-meet on Debian, with server-side includes, under a strict policy without inline scripts or styles.
 * The bundles must have been built. Resolves when all of it accepts connections, in about half a second.
 * @throws if Prosody does not start, or the bundles are missing
 */
export async function startMeeting(options: MeetingOptions = {}): Promise<Meeting> {
  const base = options.basePath ?? '/';
  if (!/^\/(.*\/)?$/.test(base)) throw new TypeError('basePath begins and ends with a slash');
  await assembleWebRoot();
  const prosody = await startProsody();
  const focus = await startFocus(prosody);
  const site = new Site(options, base, prosody.httpPort);
  const server = createServer((request, response) => void site.answer(request, response).catch(() => response.destroy()));
  server.on('upgrade', (request, socket, head) => site.upgrade(request, socket, head));
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    url: (room = '') => `${origin}${base}${room}`,
    cut: () => site.cut(),
    stop: async () => {
      await closeServer(server);
      await focus.stop();
      await prosody.stop();
    },
  };
}

/** Closes a server and whatever is still connected to it. */
export async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  // Sockets that became websockets are not among those connections; whoever holds the other end ends them soon.
  await Promise.race([closed, pause(3000, undefined, { ref: false })]);
}

/**
 * Completes `build/meeting`, where webpack puts libs/app.bundle.min.js, so that the folder alone is a web root laid
 * out like /usr/share/jitsi-meet: the pages and includes, the styles and the real lib-jitsi-meet.
 */
export async function assembleWebRoot(): Promise<void> {
  const page = path.join(__dirname, 'page');
  const library = path.join(root, 'node_modules/@jitsi/lib-jitsi-meet/dist/umd/lib-jitsi-meet.min.js');
  await stat(path.join(webRoot, 'libs/app.bundle.min.js')).catch(() => {
    throw new Error('build/meeting is missing: run "npm run build"');
  });
  await Promise.all(['libs', 'css', 'static'].map((name) => mkdir(path.join(webRoot, name), { recursive: true })));
  await Promise.all([
    copyFile(library, path.join(webRoot, 'libs/lib-jitsi-meet.min.js')),
    ...(await readdir(page)).filter((name) => /\.(html|css|svg)$|^(interface_)?config\.js$/.test(name)).map((name) =>
      copyFile(path.join(page, name), path.join(webRoot, name.endsWith('.css') ? 'css' : name.endsWith('.svg') ? 'static' : '', name))),
  ]);
}

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.tflite': 'application/octet-stream',
  '.wasm': 'application/wasm',
  '.webm': 'video/webm',
  '.webp': 'image/webp',
};

/** The content type that nginx would give a file. */
function contentType(file: string): string {
  return types[path.extname(file)] ?? 'application/octet-stream';
}

/** Answers with a file, or with 404 where there is none. */
export async function sendFile(file: string, response: ServerResponse): Promise<void> {
  const found = await stat(file).catch(() => null);
  if (found?.isFile() !== true) {
    response.writeHead(404, { 'Content-Type': 'text/plain' }).end('not found');
    return;
  }
  response.writeHead(200, { 'Content-Type': contentType(file), 'Content-Length': found.size, 'Cache-Control': 'no-cache' });
  createReadStream(file).on('error', () => response.destroy()).pipe(response);
}

function sendContent(name: string, content: Buffer | null, response: ServerResponse): void {
  if (content) response.writeHead(200, { 'Content-Type': contentType(name), 'Content-Length': content.length, 'Cache-Control': 'no-cache' }).end(content);
  else response.writeHead(404, { 'Content-Type': 'text/plain' }).end('not found');
}

class Site {
  /** Of websockets. */
  private readonly sockets = new Set<Duplex>();
  private isCut = false;

  constructor(
    private readonly options: MeetingOptions,
    private readonly base: string,
    private readonly xmppPort: number,
  ) {}

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pathname = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname);
    const html = await this.page();
    response.setHeader('Content-Security-Policy', policy(html, request.headers.host ?? ''));
    response.setHeader('X-Content-Type-Options', 'nosniff');
    if (!pathname.startsWith(this.base) || pathname.includes('..') || this.options.missing?.test(pathname) === true) {
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end('not found');
      return;
    }
    const local = pathname.slice(this.base.length);
    if (!local.includes('.')) {
      // Any path without a dot is a room, as the site's nginx has it.
      response.writeHead(200, { 'Content-Type': contentType('index.html'), 'Cache-Control': 'no-cache' }).end(html);
      return;
    }
    const asset = /^static\/greenroom\/(.+)$/.exec(local)?.[1];
    const { tamper, dist = distFolder } = this.options;
    if (asset === undefined) await sendFile(path.join(webRoot, local), response);
    else if (tamper) sendContent(asset, await readFile(path.join(dist, asset)).then((content) => tamper(asset, content, response), () => null), response);
    else await sendFile(path.join(dist, asset), response);
  }

  /** Passes a websocket on to Prosody, byte by byte. */
  /** Ends every websocket, and lets nobody in any more. */
  cut(): void {
    this.isCut = true;
    for (const socket of this.sockets) socket.destroy();
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    socket.on('error', () => socket.destroy());
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    if (this.isCut) {
      socket.destroy();
      return;
    }
    if (pathname !== `${this.base}xmpp-websocket`) {
      socket.end('HTTP/1.1 404 Not Found\r\n\r\n');
      return;
    }
    const onward = httpRequest({ host: '127.0.0.1', port: this.xmppPort, path: '/xmpp-websocket', headers: request.headers });
    onward.on('error', () => socket.destroy());
    onward.on('response', () => socket.destroy());
    onward.on('upgrade', (answer, upstream, rest) => {
      const headers = answer.rawHeaders.map((text, i) => (i % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('');
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headers}\r\n`);
      if (rest.length > 0) socket.write(rest);
      if (head.length > 0) upstream.write(head);
      upstream.on('error', () => socket.destroy());
      upstream.on('close', () => socket.destroy());
      socket.on('close', () => upstream.destroy());
      upstream.pipe(socket).pipe(upstream);
    });
    onward.end();
  }

  /** index.html with its includes, as nginx assembles it. */
  private async page(): Promise<string> {
    return this.include(await readFile(path.join(webRoot, 'index.html'), 'utf8'));
  }

  private async include(text: string): Promise<string> {
    const directive = /<!--#include virtual="([^"]+)" -->/g;
    const parts = await Promise.all([...text.matchAll(directive)].map(([, target = '']) => this.included(target.replace(/^\//, ''))));
    return text.replace(directive, () => parts.shift() ?? '');
  }

  private async included(name: string): Promise<string> {
    if (name === 'base.html') return `<base href="${this.base}">`;
    if (name === 'plugin.head.html' && this.options.plugin !== false) return '<script src="static/greenroom/greenroom.js"></script>';
    const content = await readFile(path.join(webRoot, name), 'utf8').catch(() => '');
    if (name !== 'config.js') return this.include(content);
    // What the administrator appends. "<" is escaped since this stands inside a script element.
    const appended = { ...this.options.config, ...(this.options.greenroom === undefined ? {} : { greenroom: this.options.greenroom }) };
    return content + Object.entries(appended).map(([key, value]) => `config[${JSON.stringify(key)}] = ${JSON.stringify(value).replaceAll('<', '\\u003c')};\n`).join('');
  }
}

/** Hashes of a page's inline scripts, in order, as a policy names them. */
export function inlineHashes(html: string): string[] {
  return [...html.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, source = '']) => `'sha256-${createHash('sha256').update(source).digest('base64')}'`);
}

/** A careful site's policy: nothing from elsewhere and nothing inline but the page's own configuration, named by hash. */
function policy(html: string, host: string): string {
  return [
    "default-src 'self'",
    `script-src 'self' 'wasm-unsafe-eval' ${inlineHashes(html).join(' ')}`,
    "worker-src 'self'",
    `connect-src 'self' ws://${host}`,
    "style-src 'self'",
  ].join('; ');
}
