/** Carrying operations out on a host, one after another. */
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { createGzip } from "node:zlib";
import { commandOf, type Operation } from "./operation.ts";
import { shellCommand } from "./quote.ts";
import type { RemoteOutcome, SshConnection } from "./ssh.ts";
import { quoteAnswer } from "./ssh-error.ts";

const uploadTimeoutMs = 60 * 60_000;

/**
 * Does one thing to the host.
 * @throws {Error} with what was tried, what the host answered, and what to do; {@link SshError} for the connection.
 */
export async function perform(ssh: SshConnection, operation: Operation): Promise<void> {
  const argv = commandOf(operation);
  const outcome = await ssh.run({ argv, root: true, ...inputOf(operation), timeoutMs: timeoutOf(operation) });
  if (outcome.code !== 0) throw new Error(failureOf(operation, ssh.target.host, outcome));
}

function inputOf(operation: Operation): { input?: string | Readable } {
  switch (operation.kind) {
    case "run":
      return {};
    case "write":
      return { input: operation.content };
    case "upload":
      // The fastest level already halves what goes over a slow line.
      return { input: createReadStream(operation.source).pipe(createGzip({ level: 1 })) };
  }
}

function timeoutOf(operation: Operation): number {
  return operation.kind === "run"
    ? operation.timeoutMs
    : operation.kind === "write"
      ? 30_000
      : uploadTimeoutMs;
}

function failureOf(operation: Operation, host: string, outcome: RemoteOutcome): string {
  const said = quoteAnswer(
    outcome.stderr.trim() === "" ? outcome.stdout.slice(-2000) : outcome.stderr.slice(-2000),
  );
  const answer = said === "" ? `it ended with exit code ${String(outcome.code)}` : said;
  switch (operation.kind) {
    case "run":
      return `'${shellCommand(operation.argv)}' failed on ${host}: ${answer}. ${operation.advice}`;
    case "write":
      return `${operation.path} could not be written on ${host}: ${answer}. Free some space there, or make the folder writable.`;
    case "upload":
      return `The executable could not be put to ${operation.path} on ${host}: ${answer}. Free some space there, or make the folder writable, and run the same command again.`;
  }
}
