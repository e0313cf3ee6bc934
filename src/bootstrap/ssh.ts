/** Commands on a host over the system's `ssh`: the operator's configuration, agent, jump hosts and hardware keys hold. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { shellCommand } from "./quote.ts";
import { describeTarget, diagnoseSsh, quoteAnswer, SshError } from "./ssh-error.ts";
import type { SshTarget } from "./target.ts";

export interface SshOptions {
  /** true: ssh may ask on the terminal (an unknown host key, a passphrase). false: whatever would be asked is an error. */
  interactive: boolean;
  signal?: AbortSignal;
}

interface RemoteCommand {
  /** Program and arguments; they reach the program there exactly as they are here. */
  argv: readonly string[];
  /** As root: through `sudo -n` when the user is another one. */
  root?: boolean;
  /** Its standard input; empty when left out. */
  input?: string | Buffer | Readable;
  /** ms; default 60 s. null: no limit. */
  timeoutMs?: number | null;
  /** Aborting ends the local ssh; the call rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Told of output as it comes; it is then not kept for the outcome. */
  onStdout?: (chunk: Buffer) => void;
}

export interface RemoteOutcome {
  code: number;
  stdout: string;
  stderr: string;
}

export interface SshConnection {
  target: SshTarget;
  /**
   * Runs a program on the host. A non-zero exit code is an outcome, not an error.
   * @throws {SshError} when the connection is refused or lost, sudo asks for a password, or the time is over.
   */
  run(command: RemoteCommand): Promise<RemoteOutcome>;
  close(): Promise<void>;
}

const connectTimeoutS = 15;
const keptBytes = 8 * 1024 * 1024;

/**
 * Opens one connection that all commands share (ControlMaster), as a child of ours that ends with us. Should it break,
 * the next command connects anew. The host's key is always verified: an unknown one is asked about like ssh does, or
 * refused when nobody can be asked; a configuration that turns checking off is overruled.
 * @throws {SshError} with what was tried, what the host answered, and what to do.
 */
export async function connectSsh(target: SshTarget, options: SshOptions): Promise<SshConnection> {
  const folder = mkdtempSync(join(tmpdir(), "orun-ssh-"));
  const socket = join(folder, "c");
  const shared = [...commonOptions(target, options), "-o", `ControlPath=${socket}`];
  const close = async (): Promise<void> => {
    await end(master);
    rmSync(folder, { recursive: true, force: true });
  };
  const args = [...shared, "-M", "-o", "ControlPersist=no", "--", target.host, "cat"];
  // The far side's cat ends with our end of its input: also when this process is killed, no ssh is left behind.
  // Not detached: ssh asks on the terminal, which only a member of the foreground group may read.
  const master = spawn("ssh", args, { stdio: ["pipe", "ignore", "pipe"], env: environment() });
  master.stdin.on("error", () => undefined);
  const said = collect(master.stderr);
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  master.once("error", (cause) => failed.reject(startError(cause)));
  master.once("close", () => failed.reject(diagnoseSsh(target, said(), false)));
  try {
    // The master makes its socket once it is authenticated: there is no other sign of it.
    while (!existsSync(socket)) {
      options.signal?.throwIfAborted();
      await Promise.race([delay(20), failed.promise]);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    target,
    run: (command) => runRemote(target, [...shared, "-o", "ControlMaster=no"], command),
    close,
  };
}

function commonOptions(target: SshTarget, options: SshOptions): string[] {
  const given = [
    ["BatchMode", options.interactive ? "no" : "yes"],
    ["ConnectTimeout", String(connectTimeoutS)],
    ["ServerAliveInterval", "10"],
    ["ServerAliveCountMax", "3"],
    ["LogLevel", "ERROR"],
    // What a person's configuration may have for their own sessions with this host.
    ["RemoteCommand", "none"],
    ["RequestTTY", "no"],
    ["ClearAllForwardings", "yes"],
    ["PermitLocalCommand", "no"],
    ["EscapeChar", "none"],
  ];
  const login = ["-l", target.user, "-p", String(target.port)];
  const key = target.keyPath === null ? [] : ["-i", target.keyPath];
  const basic = [...login, ...key, ...given.flatMap(([name = "", value = ""]) => ["-o", `${name}=${value}`])];
  return checksStrictly(basic, target.host) ? basic : [...basic, "-o", "StrictHostKeyChecking=ask"];
}

/** Whether the operator's configuration already refuses every unknown key; anything weaker than asking is raised to it. */
function checksStrictly(options: readonly string[], host: string): boolean {
  const shown = spawnSync("ssh", ["-G", ...options, "--", host], { encoding: "utf8", env: environment() });
  if (shown.error !== undefined) throw startError(shown.error);
  return /^stricthostkeychecking (?:yes|true)$/m.test(shown.stdout);
}

async function runRemote(
  target: SshTarget,
  options: readonly string[],
  command: RemoteCommand,
): Promise<RemoteOutcome> {
  command.signal?.throwIfAborted();
  const viaSudo = command.root === true && target.user !== "root";
  const argv = viaSudo ? ["sudo", "-n", "--", ...command.argv] : command.argv;
  const child = spawn("ssh", [...options, "--", target.host, shellCommand(argv)], {
    stdio: ["pipe", "pipe", "pipe"],
    env: environment(),
  });
  const stderr = collect(child.stderr);
  const stdout = command.onStdout === undefined ? collect(child.stdout) : () => "";
  if (command.onStdout !== undefined) child.stdout.on("data", command.onStdout);
  const ended = Promise.withResolvers<number | null>();
  child.once("error", (cause) => ended.reject(startError(cause)));
  child.once("close", (code) => ended.resolve(code));
  const abort = (): void => ended.reject(command.signal?.reason);
  command.signal?.addEventListener("abort", abort, { once: true });
  const timeoutMs = command.timeoutMs === undefined ? 60_000 : command.timeoutMs;
  const timer =
    timeoutMs === null
      ? null
      : setTimeout(() => ended.reject(lateError(target, command.argv, timeoutMs)), timeoutMs);
  try {
    feed(child.stdin, command.input, ended.reject);
    const code = await ended.promise;
    if (code === null || code === 255) throw diagnoseSsh(target, stderr(), true);
    if (viaSudo && code === 1 && /^sudo: /m.test(stderr())) throw sudoError(target, stderr());
    if (viaSudo && code === 127 && /sudo/.test(stderr())) throw sudoError(target, stderr());
    return { code, stdout: stdout(), stderr: stderr() };
  } finally {
    command.signal?.removeEventListener("abort", abort);
    if (timer !== null) clearTimeout(timer);
    await end(child);
  }
}

function feed(
  stdin: NodeJS.WritableStream,
  input: RemoteCommand["input"],
  fail: (cause: unknown) => void,
): void {
  // A program that ends early closes its input: its exit code and words say why, so EPIPE does not matter.
  stdin.on("error", () => undefined);
  if (input === undefined || typeof input === "string" || Buffer.isBuffer(input)) {
    stdin.end(input ?? "");
    return;
  }
  pipeline(input, stdin).catch((cause: unknown) => {
    const closedEarly =
      cause instanceof Error &&
      "code" in cause &&
      (cause.code === "EPIPE" || cause.code === "ERR_STREAM_PREMATURE_CLOSE");
    if (!closedEarly) fail(cause);
  });
}

function collect(stream: Readable): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on("data", (chunk: Buffer) => {
    if (bytes < keptBytes) chunks.push(chunk.subarray(0, keptBytes - bytes));
    bytes += chunk.length;
  });
  return () => Buffer.concat(chunks).toString("utf8");
}

/** Ends one of our own ssh processes, if it still runs, and waits for its end. */
async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 2000);
  await gone;
  clearTimeout(timer);
}

/** Messages are read by us, so in plain English, here and (where the host accepts LC_*) there. */
function environment(): NodeJS.ProcessEnv {
  return { ...process.env, LC_ALL: "C" };
}

function startError(cause: Error): SshError {
  return new SshError(
    "ssh-missing",
    `the program 'ssh' cannot be started on this machine (${cause.message}): install the OpenSSH client`,
    { cause },
  );
}

function lateError(target: SshTarget, argv: readonly string[], timeoutMs: number): SshError {
  return new SshError(
    "timeout",
    `'${shellCommand(argv).slice(0, 200)}' on ${describeTarget(target)} took more than ${String(timeoutMs / 1000)} s. Look at the host's load and network, then run the same command again.`,
  );
}

function sudoError(target: SshTarget, said: string): SshError {
  return new SshError(
    "sudo",
    `${target.user} cannot become root on ${target.host}: ${quoteAnswer(said)}. Bootstrap needs sudo without a password: as root on the host, put the line '${target.user} ALL=(ALL) NOPASSWD: ALL' into /etc/sudoers.d/orun (it may be removed afterwards), or set spec.user: root.`,
  );
}
