import { spawn } from "node:child_process";
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";

export interface LockHolder {
  node: string;
  environment: string;
  branch: string;
  pid: number;
  dataDir: string;
}

/**
 * One agent per engine and environment (SPEC 3): `flock` on a descriptor of ours. The lock belongs to the open file, so it
 * outlives the helper that took it and is free the moment this process is gone, also by SIGKILL.
 */
export async function acquireLock(
  path: string,
  holder: LockHolder,
): Promise<{ held: true; release: () => void } | { held: false; by: string }> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const fd = openSync(path, "a+", 0o600);
  const code = await new Promise<number | null>((resolve, reject) => {
    const child = spawn("flock", ["--nonblock", "3"], { stdio: ["ignore", "ignore", "ignore", fd] });
    child.once("error", (cause) => reject(new Error("'flock' cannot be run: install util-linux", { cause })));
    child.once("close", resolve);
  });
  if (code !== 0) {
    closeSync(fd);
    return { held: false, by: describeHolder(readFileSync(path, "utf8")) };
  }
  ftruncateSync(fd);
  writeSync(fd, JSON.stringify(holder));
  return { held: true, release: () => closeSync(fd) };
}

function describeHolder(text: string): string {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === "object" && json !== null && "pid" in json && "node" in json && "dataDir" in json) {
      return `the agent of node '${String(json.node)}' (pid ${String(json.pid)}, data directory ${String(json.dataDir)})`;
    }
  } catch {
    // The holder is about to write it.
  }
  return "another agent";
}
