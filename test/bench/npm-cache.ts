import { execFile } from 'node:child_process';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where other people's code is kept: never inside this repository. */
const peerCache = path.join(os.tmpdir(), 'greenroom-peers');

/**
 * Brings a published package into a cache outside of this repository.
 *
 * @param spec name and exact version, as in `@scope/name@1.2.3`
 * @param only the part of the package to unpack
 * @returns the folder of the package
 * @throws when it is not cached and the registry cannot be reached
 */
export async function fetchPackage(spec: string, only = ''): Promise<string> {
  const folder = path.join(peerCache, spec.replace(/[@/]+/g, '-').replace(/^-/, ''));
  if (await access(folder).then(() => true, () => false)) return path.join(folder, 'package');
  const partial = `${folder}.${process.pid}`;
  await mkdir(partial, { recursive: true });
  const { stdout } = await run('npm', ['pack', '--silent', spec], { cwd: partial });
  await run('tar', ['xzf', stdout.trim(), path.posix.join('package', only)], { cwd: partial });
  // Renamed when complete; whoever was faster is welcome.
  await rename(partial, folder).catch(() => rm(partial, { recursive: true }));
  return path.join(folder, 'package');
}
