/** One ssh connection that stays open between polls, over which each poll opens a channel of its own. */
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { access, rm } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { diagnose } from "./diagnose.ts";
import { SourceError } from "./errors.ts";
import { type GitContext, sourceCommand } from "./git-command.ts";
import { collectStderr, endProcessGroup, startError, startProcess } from "./process.ts";
import type { Remote } from "./url.ts";

export interface SshConnection {
  /**
   * Makes sure that the connection is open, and says whether it was. One that cannot be shared is no error: commands then
   * connect for themselves.
   * @throws {SourceError} `auth`, `host-key`, `unreachable`, `git-missing`; the signal's reason.
   */
  open(signal: AbortSignal): Promise<"new" | "kept">;
  /** Ends it; the next {@link open} makes a new one. */
  drop(): Promise<void>;
}

/** A revoked key or a changed host key shows at the next connection only, so none grows old. */
const maxAgeMs = 10 * 60 * 1000;
const socketCheckMs = 5;

/** The operands that name the far side. The host cannot look like an option: see `parseRemote`. */
export function sshDestination(remote: Remote & { kind: "ssh" }): string[] {
  const port = remote.port === null ? [] : ["-p", String(remote.port)];
  return [...port, "--", remote.user === null ? remote.host : `${remote.user}@${remote.host}`];
}

/** @see SshConnection. The master is our own child, not one in the background: it is ended by its id, and ends with us. */
export function createSshConnection(context: GitContext, remote: Remote & { kind: "ssh" }): SshConnection {
  let master: { child: ChildProcessWithoutNullStreams; since: number } | null = null;
  let shareable = true;

  const drop = async (): Promise<void> => {
    const ending = master;
    master = null;
    if (ending !== null) await endProcessGroup(ending.child);
  };

  const start = async (signal: AbortSignal): Promise<void> => {
    const { sshConfig, controlSocket } = context.support;
    // One that was killed leaves its socket, which would keep the next one from listening there.
    await rm(controlSocket, { force: true });
    const args = ["-F", sshConfig, "-M", "-N", ...sshDestination(remote)];
    const child = startProcess(sourceCommand(context, true, "ssh", args), context.onSpawn);
    const stderr = collectStderr(child);
    master = { child, since: performance.now() };
    const failure: { error: SourceError | null } = { error: null };
    child.stdin.on("error", () => undefined);
    child.stdout.resume();
    child.on("error", (cause) => {
      failure.error = startError("ssh", cause);
    });
    child.on("close", (code) => {
      failure.error ??= diagnose({ doing: `connecting to ${remote.url}`, cloneDir: null }, code, stderr());
      if (master?.child === child) master = null;
    });
    try {
      // The master makes its socket once it is authenticated: there is no other sign of it.
      while (!(await isPresent(controlSocket))) {
        signal.throwIfAborted();
        if (failure.error !== null) throw failure.error;
        await delay(socketCheckMs);
      }
    } catch (error) {
      await drop();
      throw error;
    }
  };

  return {
    async open(signal) {
      if (master !== null && performance.now() - master.since > maxAgeMs) await drop();
      if (master !== null) return "kept";
      if (!shareable) return "new";
      try {
        await start(signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof SourceError) || error.kind !== "protocol") throw error;
        // A server that closes connections without a session: each poll makes its own from now on.
        shareable = false;
      }
      return "new";
    },
    drop,
  };
}

async function isPresent(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw error;
  }
}
