import { spawn } from "node:child_process";

const DEADLINE = 10_000;
const MAX_OUTPUT = 64 * 1024;

/** Runs a program; null when it is not installed. `code` null: it was ended by a signal, or took longer than 10 s. */
export function run(
  program: string,
  args: readonly string[],
): Promise<{ code: number | null; output: string } | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, LC_ALL: "C" },
      timeout: DEADLINE,
      killSignal: "SIGKILL",
    });
    let output = "";
    const keep = (chunk: Buffer): void => {
      if (output.length < MAX_OUTPUT) output += chunk.toString("utf8");
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.once("error", (error) => {
      if ("code" in error && error.code === "ENOENT") resolve(null);
      else reject(error);
    });
    child.once("close", (code) => resolve({ code, output: output.trim() }));
  });
}
