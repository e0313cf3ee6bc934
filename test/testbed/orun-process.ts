/** One run of a command of orun, from the sources, watched as it goes. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { until } from "./wait.ts";

export interface OrunRun {
  /** Everything that it has printed so far. */
  output(): string;
  /** Waits until it has printed what matches; throws with all output when it ends before. */
  says(pattern: RegExp, timeoutMs?: number): Promise<void>;
  /** Its exit code. */
  ended: Promise<number>;
  kill(): void;
}

/** Starts `orun ARGS` in a folder. */
export function runOrun(args: readonly string[], options: { cwd: string; path: string }): OrunRun {
  const orun = join(import.meta.dirname, "..", "..", "bin", "orun");
  return watch(
    spawn(orun, args, {
      cwd: options.cwd,
      env: environment(options.path),
      stdio: ["ignore", "pipe", "pipe"],
    }),
  );
}

/** The same on a pseudo-terminal of its own; answers are typed. */
export function runOrunOnTerminal(
  args: readonly string[],
  options: { cwd: string; path: string },
): OrunRun & { type(text: string): void } {
  const orun = join(import.meta.dirname, "..", "..", "bin", "orun");
  const command = [orun, ...args].map((word) => `'${word}'`).join(" ");
  const child = spawn(
    "script",
    ["--quiet", "--return", "--flush", "--command", `stty cols 140 rows 50; exec ${command}`, "/dev/null"],
    {
      cwd: options.cwd,
      env: { ...environment(options.path), TERM: "xterm" },
      stdio: ["pipe", "pipe", "pipe"],
    },
  );
  return { ...watch(child), type: (text) => child.stdin.write(text) };
}

function environment(path: string): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${path}:${process.env["PATH"] ?? ""}` };
}

function watch(child: ReturnType<typeof spawn>): OrunRun {
  let output = "";
  let code: number | null = null;
  const keep = (chunk: Buffer): void => {
    output += chunk.toString("utf8");
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => {
      code = status ?? -1;
      resolve(code);
    });
  });
  return {
    output: () => output,
    ended,
    kill: () => child.kill("SIGKILL"),
    async says(pattern, timeoutMs = 120_000) {
      try {
        await until(
          `it says ${String(pattern)}`,
          () => {
            if (pattern.test(output)) return true;
            if (code !== null) throw new Error(`it ended with ${String(code)}`);
            return false;
          },
          timeoutMs,
        );
      } catch (cause) {
        throw new Error(`${String(pattern)} did not come; output:\n${output}`, { cause });
      }
    },
  };
}
