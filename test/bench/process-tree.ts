import { readdir, readFile } from 'node:fs/promises';

/** Clock ticks per second in /proc/PID/stat; 100 on every Linux that Node runs on (sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SECOND = 100;

export interface TreeUse {
  /** Processor time used so far by the processes that are alive, user and system, ms. */
  readonly cpuMs: number;
  /** Proportional set size, MB: memory shared by several processes counts once. */
  readonly pssMb: number;
}

/** What a process and all of its descendants have used, as the operating system counts it. Linux only. */
export async function useOfTree(root: number): Promise<TreeUse> {
  const children = new Map<number, number[]>();
  const ticks = new Map<number, number>();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => null);
    if (stat === null) continue; // it ended meanwhile
    // The program's name is in brackets and may hold anything: fields are counted after it (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const pid = Number(name);
    const parent = Number(fields[1]);
    ticks.set(pid, Number(fields[11]) + Number(fields[12]));
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  let cpu = 0;
  let pss = 0;
  const queue = [root];
  for (let pid = queue.pop(); pid !== undefined; pid = queue.pop()) {
    cpu += ticks.get(pid) ?? 0;
    queue.push(...(children.get(pid) ?? []));
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
    pss += Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) / 1024;
  }
  return { cpuMs: (cpu * 1000) / TICKS_PER_SECOND, pssMb: pss };
}
