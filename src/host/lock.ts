import { spawn } from "node:child_process";
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";

export interface LockHolder {
  node: string;
  environment: string;
  branch: string;
  pid: number;
  dataDir: string;
  /** Of its status API on 127.0.0.1; null: it has none (`--once`). */
  statusPort: number | null;
}

/** `branch` null: who holds it has not said yet. */
export type Lock = { held: true; release: () => void } | { held: false; by: string; branch: string | null };

/** Where the locks of all agents of this host are. */
export const LOCK_FOLDER = "/run/orun";

/**
 * One agent per engine and environment (SPEC 3): `flock` on a descriptor of ours. The lock belongs to the open file, so it
 * outlives the helper that took it and is free the moment this process is gone, also by SIGKILL.
 */
export async function acquireLock(path: string, holder: LockHolder): Promise<Lock> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const fd = openSync(path, "a+", 0o600);
  if ((await flock(fd, ["--nonblock"])) !== 0) {
    closeSync(fd);
    return { held: false, ...readHolder(readFileSync(path, "utf8")) };
  }
  ftruncateSync(fd);
  writeSync(fd, JSON.stringify(holder));
  return { held: true, release: () => closeSync(fd) };
}

/**
 * Waits for the exclusive lock of a file, which is made; answers how to give it back. Rejects after `timeoutMs`. As above, it
 * is free the moment this process is gone.
 */
export async function waitForLock(path: string, timeoutMs: number): Promise<() => void> {
  const fd = openSync(path, "a", 0o600);
  const seconds = String(Math.ceil(timeoutMs / 1000));
  if ((await flock(fd, ["--timeout", seconds])) === 0) return () => closeSync(fd);
  closeSync(fd);
  throw new Error(`the lock ${path} was not free within ${seconds} s: does another agent hang?`);
}

function flock(fd: number, options: readonly string[]): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn("flock", [...options, "3"], { stdio: ["ignore", "ignore", "ignore", fd] });
    child.once("error", (cause) => reject(new Error("'flock' cannot be run: install util-linux", { cause })));
    child.once("close", resolve);
  });
}

function readHolder(text: string): { by: string; branch: string | null } {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === "object" && json !== null && "pid" in json && "node" in json && "dataDir" in json) {
      const by = `the agent of node '${String(json.node)}' (pid ${String(json.pid)}, data directory ${String(json.dataDir)})`;
      return { by, branch: "branch" in json ? String(json.branch) : null };
    }
  } catch {
    // The holder is about to write it.
  }
  return { by: "another agent", branch: null };
}
