/** Asking for the branch head over ssh: a fresh git-upload-pack per poll, which sees the refs as they are now. */
import type { HeadResult } from "../agent/source-port.ts";
import { diagnose, failure, quoteForPeople } from "./diagnose.ts";
import { SourceError } from "./errors.ts";
import { type GitContext, sourceCommand } from "./git-command.ts";
import { branchInAnswer, branchInRefs, lsRefsRequest, parseAdvertisement, RemoteMessage } from "./ls-refs.ts";
import { createPacketDecoder, flushPacket, type Packet, PktLineError } from "./pkt-line.ts";
import { collectStderr, endProcessGroup, startError, startProcess } from "./process.ts";
import { createSshConnection, sshDestination } from "./ssh-connection.ts";
import type { Remote } from "./url.ts";

export interface SshHead {
  /**
   * The branch head; null when the server answers something unexpected, so that Git itself should ask.
   * @throws {SourceError} by what went wrong; the signal's reason.
   */
  head(signal: AbortSignal): Promise<HeadResult | null>;
  close(): Promise<void>;
}

/** An advertisement of version 0 lists every ref of the repository. */
const maxAnswerBytes = 16 * 1024 * 1024;

/** A poller for one branch. Version 2 when the server accepts GIT_PROTOCOL, else the advertisement of version 0. */
export function createSshHead(context: GitContext, remote: Remote & { kind: "ssh" }): SshHead {
  const connection = createSshConnection(context, remote);
  const attempt = async (signal: AbortSignal): Promise<HeadResult | "stale" | null> => {
    const connected = await connection.open(signal);
    try {
      return await ask(context, remote, signal);
    } catch (error) {
      // The connection may be what is broken.
      await connection.drop();
      signal.throwIfAborted();
      const kind = error instanceof SourceError ? error.kind : null;
      if (connected === "kept" && (kind === "unreachable" || kind === "protocol")) return "stale";
      if (kind === "protocol" || error instanceof PktLineError) return null;
      throw error;
    }
  };
  return {
    async head(signal) {
      const first = await attempt(signal);
      if (first !== "stale") return first;
      // The server closed the idle connection, or lost it; a new one tells why, or works.
      const second = await attempt(signal);
      return second === "stale" ? null : second;
    },
    close: () => connection.drop(),
  };
}

async function ask(
  context: GitContext,
  remote: Remote & { kind: "ssh" },
  signal: AbortSignal,
): Promise<HeadResult> {
  const { branch } = context.settings;
  const doing = `asking ${remote.url} for branch ${branch}`;
  // Quoted as Git does it; the path has no quote in it: see `parseRemote`.
  const remoteCommand = `git-upload-pack '${remote.path}'`;
  const args = ["-F", context.support.sshConfig, ...sshDestination(remote), remoteCommand];
  // Not tethered: it ends with the shared connection, or when its input closes; and polls are many.
  const child = startProcess(sourceCommand(context, false, "ssh", args), context.onSpawn);
  const stderr = collectStderr(child);
  const found = Promise.withResolvers<HeadResult>();
  const closed = Promise.withResolvers<null>();
  const converse = conversation(branch, (bytes) => child.stdin.end(bytes));
  const abort = (): void => {
    found.reject(signal.reason);
    closed.reject(signal.reason);
  };
  signal.addEventListener("abort", abort, { once: true });
  // Closed by a far side that ended early: its exit and its words say why.
  child.stdin.on("error", () => undefined);
  child.on("error", (cause) => found.reject(startError("ssh", cause)));
  child.on("close", (code) => {
    found.reject(diagnose({ doing, cloneDir: null }, code, stderr()));
    closed.resolve(null);
  });
  child.stdout.on("data", (chunk: Buffer) => {
    try {
      const result = converse(chunk);
      if (result !== null) found.resolve(result);
    } catch (error) {
      found.reject(error);
    }
  });
  try {
    const [result] = await Promise.all([found.promise, closed.promise]);
    return result;
  } catch (error) {
    if (child.pid !== undefined) await endProcessGroup(child);
    if (error instanceof RemoteMessage) {
      throw failure("not-found", `${doing} failed: the server says: ${quoteForPeople(error.message)}`, error);
    }
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/**
 * The client's side of git-upload-pack, fed with what the server says: returns the result once it is known. `finish` sends the
 * last, and in version 2 only, bytes.
 */
function conversation(branch: string, finish: (bytes: Buffer) => void): (chunk: Buffer) => HeadResult | null {
  const decoder = createPacketDecoder();
  let bytes = 0;
  let asked = false;
  let collected: Packet[] = [];
  return (chunk) => {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes)
      throw new SourceError("too-large", `the list of refs exceeds ${maxAnswerBytes} bytes.`);
    for (const packet of decoder.push(chunk)) {
      if (packet.type !== "flush") {
        collected.push(packet);
        continue;
      }
      const answer = collected;
      collected = [];
      if (asked) return branchInAnswer(answer, branch);
      const advertised = parseAdvertisement(answer);
      if (advertised.version === 0) {
        finish(Buffer.from(flushPacket));
        return branchInRefs(advertised.refs, branch);
      }
      asked = true;
      finish(lsRefsRequest(branch, advertised.objectFormat));
    }
    return null;
  };
}
