import { spawn } from "node:child_process";
import { z } from "zod";

export type HelperAnswer =
  | { kind: "login"; username: string; secret: string }
  /** The helper works and has no login for this server. */
  | { kind: "none" }
  | { kind: "failed"; message: string };

const answerShape = z.object({ Username: z.string(), Secret: z.string() });
const DEADLINE_MS = 10_000;
const MAX_ANSWER = 256 * 1024;

/**
 * Asks `docker-credential-NAME get`, the server on its standard input (docker-credential-helpers, the protocol). Never
 * throws: a pull may go well without a login. What the helper prints is in no message.
 */
export function askHelper(name: string, server: string, signal: AbortSignal): Promise<HelperAnswer> {
  const program = `docker-credential-${name}`;
  if (!/^[a-zA-Z0-9_.-]+$/.test(name))
    return Promise.resolve({
      kind: "failed",
      message: "the credential helper's name is not a program's name",
    });
  return new Promise((resolve) => {
    const failed = (why: string): void =>
      resolve({ kind: "failed", message: `the credential helper '${program}' ${why}` });
    const child = spawn(program, ["get"], {
      stdio: ["pipe", "pipe", "ignore"],
      timeout: DEADLINE_MS,
      killSignal: "SIGKILL",
      signal,
    });
    const chunks: Buffer[] = [];
    let size = 0;
    child.once("error", (error) => {
      child.stdout.destroy();
      failed("code" in error && error.code === "ENOENT" ? "is not installed" : "could not be run");
    });
    child.stdin.once("error", () => undefined); // It may end without reading: its exit says enough.
    child.stdout.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_ANSWER) child.kill("SIGKILL");
      else chunks.push(chunk);
    });
    // A grandchild may hold the pipe for ever: what the helper had to say is there soon after its end.
    child.once("exit", () => setTimeout(() => child.stdout.destroy(), 500).unref());
    child.once("close", (code, killed) => {
      const text = Buffer.concat(chunks).toString("utf8");
      if (killed !== null) failed(`did not answer within ${String(DEADLINE_MS / 1000)} s`);
      else if (code === 0)
        resolve(parseAnswer(text) ?? { kind: "failed", message: `'${program}' gave no login` });
      else if (/credentials not found/i.test(text)) resolve({ kind: "none" });
      else failed(`failed (exit ${String(code)})`);
    });
    child.stdin.end(`${server}\n`);
  });
}

function parseAnswer(text: string): HelperAnswer | null {
  try {
    const parsed = answerShape.safeParse(JSON.parse(text));
    return parsed.success
      ? { kind: "login", username: parsed.data.Username, secret: parsed.data.Secret }
      : null;
  } catch {
    return null;
  }
}
