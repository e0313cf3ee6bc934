/** A long-running program of the test bed (an engine, a registry): its process, its log and its end. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";

export interface Daemon {
  pid: number;
  /** false once the process has ended; a stopped (SIGSTOP) one still runs. */
  running(): boolean;
  signal(name: NodeJS.Signals): void;
  /** SIGKILL; resolves once the process has ended. */
  kill(): Promise<void>;
  /** SIGTERM, and SIGKILL when it has not ended after `graceMs`; resolves once it has. */
  end(graceMs?: number): Promise<void>;
}

export interface DaemonOptions {
  command: string;
  args: readonly string[];
  /** File that its output is appended to. */
  log: string;
  env?: Record<string, string>;
}

/**
 * Starts it with `setpriv --pdeathsig`, so that the kernel ends it too when the process of the tests is killed. Throws when
 * the program is missing.
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const log = openSync(options.log, "a");
  const path = `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;
  const child = spawn("setpriv", ["--pdeathsig", "TERM", options.command, ...options.args], {
    stdio: ["ignore", log, log],
    env: { ...process.env, ...options.env, PATH: path },
  });
  closeSync(log);
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await once(child, "spawn").catch((cause: unknown) => {
    throw new Error(`'setpriv' (Debian package util-linux) could not start ${options.command}`, { cause });
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${options.command} has no process id`);
  const running = (): boolean => child.exitCode === null && child.signalCode === null;
  const signal = (name: NodeJS.Signals): void => {
    if (running()) child.kill(name);
  };
  return {
    pid,
    running,
    signal,
    async kill() {
      signal("SIGKILL");
      await ended;
    },
    async end(graceMs = 20_000) {
      signal("SIGTERM");
      signal("SIGCONT");
      const timer = setTimeout(() => signal("SIGKILL"), graceMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** The last `lines` of a log file; empty when there is none yet. */
export function logTail(file: string, lines = 30): string {
  try {
    return readFileSync(file, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}
