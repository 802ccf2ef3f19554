import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

import { createProxyMiddleware, responseInterceptor } from 'http-proxy-middleware';

import { closeServer, distFolder, inlineHashes, type Meeting, sendFile } from './server';

export interface ProxyOptions {
  /** The Jitsi Meet to put the plugin into, "https://meet.example.org/". */
  readonly target: URL;
  /** Load the plugin. Default true. */
  readonly plugin?: boolean;
  /** Becomes `config.greenroom`, from a script file of the proxy's own. */
  readonly greenroom?: object;
  /** The plugin's assets whose path matches are answered with 404. */
  readonly missing?: RegExp;
  /** Port on 127.0.0.1. Default: any free one. */
  readonly port?: number;
}

/**
 * Starts a reverse proxy of any existing Jitsi Meet, HTTP and websockets, that adds the plugin at the end of the
 * page's head, where plugin.head.html is included. Nothing is changed at the site. Absolute addresses of the site in
 * its page, config.js, redirects and policy become the proxy's, so that all signalling passes through it; media and
 * the bridge's own channel do not. The site's policy is kept: the plugin has to work under it.
 */
export async function startProxy({ target, plugin = true, greenroom, missing, port = 0 }: ProxyOptions): Promise<Meeting> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const { port: actual } = server.address() as AddressInfo;
  const host = `127.0.0.1:${actual}`;
  const rewrite = rewriter(target, host);
  const tags = plugin
    ? `${greenroom === undefined ? '' : '<script src="/static/greenroom/site-config.js"></script>'}<script src="/static/greenroom/greenroom.js"></script>`
    : '';

  const asSite = (headers: { setHeader(name: string, value: string): void; getHeader(name: string): unknown }): void => {
    if (headers.getHeader('origin') !== undefined) headers.setHeader('origin', target.origin);
    const referer = headers.getHeader('referer');
    if (typeof referer === 'string') headers.setHeader('referer', referer.replace(`http://${host}`, target.origin));
  };
  const rewriteText = responseInterceptor((body, _proxied, _request, response) => {
    rewriteHeaders(response, rewrite);
    const original = body.toString('utf8');
    const text = rewrite(original);
    rehash(response, inlineHashes(original), inlineHashes(text));
    const html = String(response.getHeader('content-type')).includes('html');
    return Promise.resolve(html ? text.replace(/<\/head>/i, (end) => `${tags}${end}`) : text);
  });
  const proxy = createProxyMiddleware({
    target: target.origin,
    changeOrigin: true,
    // Test sites have certificates of their own making.
    secure: false,
    ws: false,
    selfHandleResponse: true,
    on: {
      proxyReq: (request) => asSite(request),
      proxyReqWs: (request) => asSite(request),
      proxyRes: (answer, request, response) => {
        if (isRewritten(answer, request.url ?? '/')) {
          void rewriteText(answer, request, response).catch(() => response.destroy());
          return;
        }
        response.statusCode = answer.statusCode ?? 502;
        for (const [header, value] of Object.entries(answer.headers)) if (value !== undefined) response.setHeader(header, value);
        rewriteHeaders(response, rewrite);
        answer.on('error', () => response.destroy()).pipe(response);
      },
      error: (error, _request, response) => {
        if ('writeHead' in response) response.writeHead(502, { 'Content-Type': 'text/plain' });
        response.end(`The site does not answer: ${error.message}`);
      },
    },
  });

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname } = new URL(request.url ?? '/', `http://${host}`);
    const asset = plugin ? /^\/static\/greenroom\/([^?]+)$/.exec(pathname)?.[1] : undefined;
    if (asset === undefined) {
      await proxy(request, response);
    } else if (asset.includes('..') || missing?.test(pathname) === true) {
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end('not found');
    } else if (asset === 'site-config.js') {
      response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(`config.greenroom = ${JSON.stringify(greenroom ?? {})};\n`);
    } else {
      await sendFile(path.join(distFolder, asset), response);
    }
  };
  server.on('request', (request, response) => void answer(request, response).catch(() => response.destroy()));
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    // The middleware types its sockets more narrowly than Node does.
    proxy.upgrade(request, socket as never, head);
  });
  const origin = `http://${host}`;
  return {
    origin,
    url: (room = '') => new URL(room, `${origin}${target.pathname.replace(/[^/]*$/, '')}`).href,
    stop: () => closeServer(server),
  };
}

/** Pages, and the configuration where it is a file of its own. Everything else passes as it comes. */
function isRewritten(answer: IncomingMessage, url: string): boolean {
  return (answer.headers['content-type'] ?? '').includes('text/html') || /\/config\.js(\?|$)/.test(url);
}

/** Replaces the site's own absolute addresses, with or without a scheme; bare host names are left, XMPP needs them. */
function rewriter(target: URL, host: string): (text: string) => string {
  const name = target.host.replaceAll('.', '\\.');
  const port = target.port === '' ? '(?::443|:80)?' : '';
  const address = new RegExp(`(https?:|wss?:)?//${name}${port}(?![\\w.:-])`, 'g');
  return (text) => text.replace(address, (_, scheme?: string) => `${scheme?.replace(/^(http|ws)s?:$/, '$1:') ?? ''}//${host}`);
}

/** A policy that names inline scripts by hash has to name the rewritten ones. */
function rehash(response: ServerResponse, before: readonly string[], after: readonly string[]): void {
  const name = 'content-security-policy';
  let policy = response.getHeader(name);
  if (typeof policy !== 'string') return;
  for (const [index, hash] of before.entries()) policy = policy.replace(hash, after[index] ?? hash);
  response.setHeader(name, policy);
}

function rewriteHeaders(response: ServerResponse, rewrite: (text: string) => string): void {
  for (const name of ['location', 'content-security-policy', 'content-security-policy-report-only']) {
    const value = response.getHeader(name);
    if (typeof value === 'string') response.setHeader(name, rewrite(value));
  }
  response.removeHeader('strict-transport-security');
  const cookies = response.getHeader('set-cookie');
  if (Array.isArray(cookies)) response.setHeader('set-cookie', cookies.map((cookie) => cookie.replaceAll(/;\s*(secure|domain=[^;]*)/gi, '')));
}
