import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

const root = path.resolve(__dirname, '../..');

/** The policy of a careful Jitsi site: everything we ship has to work under it. */
const policy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'";

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.mjs': 'text/javascript',
  '.mp4': 'video/mp4',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.wav': 'audio/wav',
  '.webm': 'video/webm',
};

export interface PageServer {
  /** "http://localhost:1234", a secure origin to browsers. */
  readonly origin: string;
  close(): Promise<void>;
}

/**
 * Serves, on a free port:
 * - `/<name>.html`, a page made up around the script `test/browser/pages/<name>.ts`;
 * - everything in `build/browser` (the bundled pages) at the root, and everything in `dist` under `/dist/`.
 * @param headers added to every answer; `Content-Security-Policy` may be replaced
 * @param missing files whose address matches are answered with 404; asked anew for every request
 * @param prefix text put before a script, by its path; for what a browser lacks and a test has to stand in for
 * @param folders more folders to serve, by the first part of the path
 */
export async function servePages({ headers = {}, folders = {}, missing = () => null, prefix = () => '' }: {
  headers?: Readonly<Record<string, string>>;
  folders?: Readonly<Record<string, string>>;
  missing?: () => RegExp | null;
  prefix?: (pathname: string) => string;
} = {}): Promise<PageServer> {
  const roots: Readonly<Record<string, string>> = { dist: path.join(root, 'dist'), ...folders };
  const pages = path.join(root, 'build/browser');

  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries({ 'Content-Security-Policy': policy, 'Cache-Control': 'no-store', ...headers })) response.setHeader(name, value);
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname === '/favicon.ico') {
      response.statusCode = 204;
      response.end();
      return;
    }
    if (missing()?.test(pathname) === true) {
      notFound(response);
      return;
    }
    const page = /^\/([\w-]+)\.html$/.exec(pathname)?.[1];
    if (page !== undefined) {
      response.setHeader('Content-Type', types['.html'] ?? '');
      response.end(`<!doctype html><html lang="en"><meta charset="utf-8"><title>${page}</title><body><script src="/${page}.js"></script></body></html>`);
      return;
    }
    const [first = '', ...rest] = decodeURIComponent(pathname).slice(1).split('/');
    const folder = roots[first];
    const file = folder === undefined ? path.join(pages, first, ...rest) : path.join(folder, ...rest);
    const inside = file.startsWith((folder ?? pages) + path.sep);
    if (inside) void sendFile(file, response, prefix(pathname));
    else notFound(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://localhost:${port}`,
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

async function sendFile(file: string, response: ServerResponse, prefix: string): Promise<void> {
  const found = await stat(file).catch(() => null);
  if (found?.isFile() !== true) {
    notFound(response);
    return;
  }
  response.setHeader('Content-Type', types[path.extname(file)] ?? 'application/octet-stream');
  response.setHeader('Content-Length', found.size + Buffer.byteLength(prefix));
  response.write(prefix);
  createReadStream(file).on('error', () => response.destroy()).pipe(response);
}

function notFound(response: ServerResponse): void {
  response.statusCode = 404;
  response.end();
}
