import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

/** Clock ticks per second in /proc/PID/stat; 100 on every Linux that Node runs on (sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SECOND = 100;

export interface TreeUse {
  /** Processor time used so far by the processes that are alive, user and system, ms. */
  readonly cpuMs: number;
  /** Proportional set size, MB: memory shared by several processes counts once. */
  readonly pssMb: number;
  /** The part of it that no file holds. Pages of the program itself weigh less while other browsers run beside. */
  readonly ownMb: number;
  readonly processes: readonly ProcessUse[];
}

export interface ProcessUse {
  readonly pid: number;
  /** What the browser calls it: `renderer`, `gpu-process`, `utility`, `tab` …; `main` if nothing. */
  readonly kind: string;
  readonly pssMb: number;
  readonly ownMb: number;
}

interface Process { readonly parent: number; readonly cpuMs: number }

/** Those that are alive now, by process id. */
async function processes(): Promise<Map<number, Process>> {
  const all = new Map<number, Process>();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => null);
    if (stat === null) continue; // it ended meanwhile
    // The program's name is in brackets and may hold anything: fields are counted after it (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] !== 'Z') all.set(Number(name), { parent: Number(fields[1]), cpuMs: ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND });
  }
  return all;
}

/** The process and its descendants, parents first. */
function tree(root: number, all: ReadonlyMap<number, Process>): number[] {
  const found = [root];
  for (const known of found) found.push(...[...all].filter(([, { parent }]) => parent === known).map(([pid]) => pid)); // grows while it is gone through
  return found;
}

/** What a process and all of its descendants have used, as the operating system counts it. Linux only. */
export async function useOfTree(root: number): Promise<TreeUse> {
  const all = await processes();
  let cpuMs = 0;
  const alive: ProcessUse[] = [];
  for (const pid of tree(root, all)) {
    cpuMs += all.get(pid)?.cpuMs ?? 0;
    const [rollup = '', command = ''] = await Promise.all(['smaps_rollup', 'cmdline'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')));
    const megabytes = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(rollup)?.[1] ?? 0) / 1024;
    // Chromium says --type=…; Firefox ends with the kind.
    const words = command.split(/[\0 ]/).filter((word) => word !== '');
    const kind = words.find((word) => word.startsWith('--type='))?.slice(7) ?? (words.includes('-contentproc') ? words.at(-1) : undefined) ?? 'main';
    alive.push({ pid, kind, pssMb: megabytes('Pss'), ownMb: megabytes('Pss_Anon') + megabytes('Pss_Shmem') });
  }
  const sum = (key: 'pssMb' | 'ownMb'): number => alive.reduce((total, each) => total + each[key], 0);
  return { cpuMs, pssMb: sum('pssMb'), ownMb: sum('ownMb'), processes: alive };
}

/**
 * SIGKILL to a process and all of its descendants at once, as in a power cut: no child can finish what it was writing.
 * Resolves, with the epoch time at which it was sent, ms, when all are gone. Linux only.
 */
export async function killTree(root: number): Promise<number> {
  const doomed = tree(root, await processes());
  const at = Date.now();
  for (const pid of doomed) {
    try { process.kill(pid, 'SIGKILL'); } catch { /* it died with its parent */ }
  }
  while ([...(await processes()).keys()].some((pid) => doomed.includes(pid))) await pause(10);
  return at;
}
