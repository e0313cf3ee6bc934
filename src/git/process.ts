/** Running programs by argument vector, never through a shell, each in a process group that can be ended as a whole. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { SourceError } from "./errors.ts";

/** A program with its arguments and its complete environment. */
export interface Command {
  program: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
}

/** Told of every program that is started: for counting and debugging. Arguments never hold credentials. */
export type SpawnObserver = (program: string, args: readonly string[]) => void;

export interface Outcome {
  /** null when a signal ended it. */
  code: number | null;
  stdout: Buffer;
  /** At most the first 64 KiB. */
  stderr: string;
}

export interface RunOptions {
  /** Aborting ends the whole process group, and the run rejects with the signal's reason. */
  signal: AbortSignal;
  onSpawn: SpawnObserver;
  /** Written to its standard input, which is then closed. */
  input?: Buffer;
  /** Bytes of standard output before the program is ended with `too-large`. Default 1 MiB. */
  maxStdoutBytes?: number;
}

const defaultStdoutBytes = 1024 * 1024;
const maxStderrBytes = 64 * 1024;
/** Between SIGTERM, on which Git removes its temporary files, and SIGKILL. */
const killGraceMs = 500;

/**
 * Starts a program as the leader of its own process group.
 * @throws nothing: a program that cannot be started emits `error`.
 */
export function startProcess(command: Command, onSpawn: SpawnObserver): ChildProcessWithoutNullStreams {
  onSpawn(command.program, command.args);
  return spawn(command.program, command.args, {
    cwd: "/",
    env: command.env,
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
  });
}

/** Ends the group that the child leads: SIGTERM, then SIGKILL. Resolves once the child is gone and its pipes are closed. */
export async function endProcessGroup(child: ChildProcessWithoutNullStreams): Promise<void> {
  const closed = whenClosed(child);
  signalGroup(child, "SIGTERM");
  const timer = setTimeout(() => {
    signalGroup(child, "SIGKILL");
    // A grandchild that left the group could hold the pipes for ever.
    for (const stream of [child.stdout, child.stderr, child.stdin]) stream.destroy();
  }, killGraceMs);
  await closed;
  clearTimeout(timer);
  // Members that ignored SIGTERM and outlived the leader.
  signalGroup(child, "SIGKILL");
}

/**
 * Runs a program to its end. A non-zero exit code is an outcome, not an error.
 * @throws {SourceError} `git-missing` when the program is not installed, `too-large` over `maxStdoutBytes`;
 *   the signal's reason after an abort. The group is gone by then.
 */
export async function runProcess(command: Command, options: RunOptions): Promise<Outcome> {
  options.signal.throwIfAborted();
  const limit = options.maxStdoutBytes ?? defaultStdoutBytes;
  const child = startProcess(command, options.onSpawn);
  const stdout: Buffer[] = [];
  let stdoutBytes = 0;
  const stderr = collectStderr(child);
  const ended = Promise.withResolvers<number | null>();
  child.on("error", (cause) => ended.reject(startError(command.program, cause)));
  child.on("close", (code) => ended.resolve(code));
  child.stdout.on("data", (chunk: Buffer) => {
    stdoutBytes += chunk.length;
    if (stdoutBytes <= limit) stdout.push(chunk);
    else ended.reject(outputError(command, limit));
  });
  // A program that ends early closes its input: its exit code and words say why, so EPIPE does not matter.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input);
  const abort = (): void => ended.reject(options.signal.reason);
  options.signal.addEventListener("abort", abort, { once: true });
  try {
    const code = await ended.promise;
    return { code, stdout: Buffer.concat(stdout), stderr: stderr() };
  } catch (error) {
    if (child.pid !== undefined) await endProcessGroup(child);
    throw error;
  } finally {
    options.signal.removeEventListener("abort", abort);
  }
}

/** Keeps the beginning of what the child says on standard error. */
export function collectStderr(child: ChildProcessWithoutNullStreams): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  child.stderr.on("data", (chunk: Buffer) => {
    if (bytes < maxStderrBytes) chunks.push(chunk.subarray(0, maxStderrBytes - bytes));
    bytes += chunk.length;
  });
  return () => Buffer.concat(chunks).toString("utf8");
}

/** Why a program could not be started. */
export function startError(program: string, cause: Error): SourceError {
  const absent = "code" in cause && cause.code === "ENOENT";
  return new SourceError(
    "git-missing",
    absent
      ? `the program '${program}' is not installed. Install Git and the OpenSSH client (apt-get install git openssh-client).`
      : `the program '${program}' cannot be started: ${cause.message}`,
    { cause },
  );
}

function outputError(command: Command, limit: number): SourceError {
  return new SourceError("too-large", `${command.program} printed more than ${limit} bytes and was ended`);
}

function whenClosed(child: ChildProcessWithoutNullStreams): Promise<void> {
  const gone = child.exitCode !== null || child.signalCode !== null;
  const quiet = [child.stdout, child.stderr].every((stream) => stream.closed);
  if (child.pid === undefined || (gone && quiet)) return Promise.resolve();
  return new Promise((resolve) => child.once("close", () => resolve()));
}

function signalGroup(child: ChildProcessWithoutNullStreams, name: "SIGTERM" | "SIGKILL"): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, name);
  } catch (error) {
    // ESRCH: nobody is left in the group.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
