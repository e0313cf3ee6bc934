/** What a process costs, by the kernel's own books (proc(5)). */
import { readdirSync, readFileSync } from "node:fs";

/** The kernel's unit of CPU time in /proc (USER_HZ), which is the same on every architecture that Node.js runs on. */
const TICKS_PER_SECOND = 100;

/** CPU time in ms that a process, its ended children and its living descendants have used so far. */
export function cpuMs(pid: number): number {
  let total = 0;
  for (const member of descendants(pid)) {
    const fields = statFields(member);
    // Own time to the nanosecond, over all threads; what ended children used is known in ticks only (10 ms, rounded once).
    total += threadsMs(member) + (1000 / TICKS_PER_SECOND) * (Number(fields[13]) + Number(fields[14]));
  }
  return total;
}

/** Bytes of anonymous memory that a process has resident: heap and stacks, without the executable and other shared files. */
export function anonymousBytes(pid: number): number {
  const text = readFileSync(`/proc/${String(pid)}/smaps_rollup`, "utf8");
  const kilobytes = /^Anonymous:\s+(\d+) kB/m.exec(text)?.[1];
  if (kilobytes === undefined) throw new Error(`/proc/${String(pid)}/smaps_rollup has no line 'Anonymous'`);
  return Number(kilobytes) * 1024;
}

/** Time on a CPU of all living threads: the first field of each thread's schedstat, in ns. */
function threadsMs(pid: number): number {
  const folder = `/proc/${String(pid)}/task`;
  return readdirSync(folder).reduce((sum, thread) => {
    const [ns] = readFileSync(`${folder}/${thread}/schedstat`, "utf8").split(" ");
    return sum + Number(ns) / 1e6;
  }, 0);
}

/** The process itself and everything below it that lives. */
function descendants(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(statFields(Number(name))[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found = [root];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found;
}

/** The fields of /proc/PID/stat behind the name, which may have blanks: [0] is the state; none for a process that is gone. */
function statFields(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}
