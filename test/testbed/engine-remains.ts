/** What an engine can leave behind when it is killed: processes, mounts, bridges, control groups, its folder. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { forgetBridgedTraffic } from "./bridged-traffic.ts";
import { until } from "./wait.ts";

/** Environment variable that an engine's processes inherit; its value is the engine's folder. */
export const ownerVariable = "ORUN_TESTBED_ENGINE";

/** Ids of the living processes of the engine in `root`: its shims and proxies by their environment, its containers by their control group. */
export function engineProcesses(root: string): number[] {
  const owner = `${ownerVariable}=${root}\0`;
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      // What this user may not read is none of its own.
      const marked =
        `${read(`/proc/${pid}/environ`)}\0`.includes(owner) ||
        read(`/proc/${pid}/cgroup`).includes(`/${basename(root)}/`);
      // A zombie is nobody's harm, and only its parent can end it.
      return marked && !/^State:\s+[ZX]/m.test(read(`/proc/${pid}/status`));
    })
    .map(Number);
}

/** Mount points below the engine's folder, deepest last. */
export function engineMounts(root: string): string[] {
  return read("/proc/self/mountinfo")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((point) => point.startsWith(`${root}/`));
}

/** Bridges on this machine that the engine in `root` made, by the network ids in its own database. */
export function engineBridges(root: string): string[] {
  const database = readBytes(join(root, "data", "network", "files", "local-kv.db"));
  return readdirSync("/sys/class/net").filter((name) => {
    const id = /^br-([0-9a-f]{12})$/.exec(name)?.[1];
    return id !== undefined && database.includes(id);
  });
}

/**
 * Removes all of it, and the folder itself. The engine must have ended. Safe to call twice. Throws when something resists,
 * and names it.
 */
export async function clearEngineRemains(root: string): Promise<void> {
  await until(`every process of ${root} has ended`, () => {
    const left = engineProcesses(root);
    for (const pid of left) kill(pid);
    return left.length === 0;
  });
  for (const point of engineMounts(root).reverse()) run("umount", ["--lazy", point]);
  for (const bridge of engineBridges(root)) run("busybox", ["ip", "link", "delete", bridge]);
  forgetBridgedTraffic(basename(root));
  removeControlGroups(basename(root));
  rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/** Version 1 has a hierarchy per controller below /sys/fs/cgroup, version 2 a single one. */
function removeControlGroups(name: string): void {
  const base = "/sys/fs/cgroup";
  const hierarchies = [base, ...subfolders(base).map((folder) => join(base, folder))];
  for (const hierarchy of hierarchies) {
    const group = join(hierarchy, name);
    // Asked first: where the base is mounted read-only, as systemd leaves it, removing what is not there is refused too.
    if (!existsSync(group)) continue;
    removeGroup(group);
  }
}

/** Containers in which systemd or an engine runs have groups of their own below theirs. */
function removeGroup(group: string): void {
  for (const child of subfolders(group)) removeGroup(join(group, child));
  removeFolder(group);
}

function subfolders(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function removeFolder(folder: string): void {
  // On a hierarchy that can only be read, what is not there cannot be removed either.
  if (!existsSync(folder)) return;
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

function run(command: string, args: string[]): void {
  const done = spawnSync(command, args, { encoding: "utf8" });
  if (done.status !== 0)
    throw new Error(`${command} ${args.join(" ")}: ${done.stderr || String(done.error)}`.trim());
}

/** A file of a process that has just ended, or that never was, reads as empty. */
function read(file: string): string {
  return readBytes(file).toString("utf8");
}

function readBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    if (isMissing(error)) return Buffer.alloc(0);
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    ["ENOENT", "ESRCH", "ENODEV", "EACCES", "EPERM"].includes(String(error.code))
  );
}
