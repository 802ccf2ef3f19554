import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { freePort } from './prosody';

export interface NginxOptions {
  /** Folder of its own, for configuration, logs and temporary files. */
  readonly folder: string;
  /** What stands for /usr/share/jitsi-meet. */
  readonly webRoot: string;
  /** What stands for /etc/jitsi/meet/<domain>-config.js. */
  readonly configFile: string;
  /** Prosody's HTTP port. */
  readonly xmppPort: number;
  /** Goes into the server block before the other locations. */
  readonly snippet: string;
}

export interface Nginx {
  readonly origin: string;
  stop(): Promise<void>;
}

/**
 * Starts Debian's nginx over a web root, with the site file of Jitsi's Debian package cut down to what the page needs:
 * server-side includes, config.js from elsewhere, any other path a room, the XMPP websocket passed on.
 * @throws if nginx does not start, with its error log
 */
export async function startNginx({ folder, webRoot, configFile, xmppPort, snippet }: NginxOptions): Promise<Nginx> {
  const port = await freePort();
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, 'nginx.conf');
  const log = path.join(folder, 'error.log');
  await writeFile(
    file,
    `
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${log};
events { worker_connections 256; }
http {
  include /etc/nginx/mime.types;
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  server {
    listen 127.0.0.1:${port};
    root ${webRoot};
    ssi on;
    ssi_types application/x-javascript application/javascript;
    index index.html;
    ${snippet}
    location = /config.js { alias ${configFile}; }
    location ~ ^/(libs|css|static|images|fonts|lang|sounds)/(.*)$ { alias ${webRoot}/$1/$2; }
    location = /xmpp-websocket {
      proxy_pass http://127.0.0.1:${xmppPort}/xmpp-websocket;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
    }
    location ~ ^/([^/?&:'"]+)$ { try_files $uri @root_path; }
    location @root_path { rewrite ^/(.*)$ / break; }
  }
}
`,
  );
  const child = spawn('nginx', ['-c', file, '-p', folder, '-e', log], { stdio: ['ignore', 'ignore', 'ignore'] });
  const ended = once(child, 'exit').then(() => undefined);
  const origin = `http://127.0.0.1:${port}`;
  const answers = async (): Promise<boolean> => {
    // nginx says nothing when it is ready: its answer does.
    while (child.exitCode === null) {
      if (await fetch(`${origin}/config.js`).then(() => true, () => false)) return true;
      await pause(20);
    }
    return false;
  };
  if (!(await answers())) throw new Error(`nginx did not start: ${await readFile(log, 'utf8').catch(() => 'no log')}`);
  return {
    origin,
    stop: async () => {
      child.kill('SIGQUIT');
      await ended;
    },
  };
}
