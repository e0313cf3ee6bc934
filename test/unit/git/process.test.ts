import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { withDeadline } from "../../../src/git/deadline.ts";
import { SourceError } from "../../../src/git/errors.ts";
import { runProcess } from "../../../src/git/process.ts";
import { until } from "../../testbed/wait.ts";

const env = { PATH: process.env["PATH"] ?? "" };
const forever = new AbortController().signal;
const onSpawn = (): void => undefined;

function isKind(kind: string): (error: unknown) => boolean {
  return (error) => error instanceof SourceError && error.kind === kind;
}

suite("processes", () => {
  test("input, output, exit code, arguments as they are", async () => {
    const script = 'read line; echo "$line-$1"; echo why >&2; exit 3';
    const args = ["-c", script, "sh", "$(id); 'x'"];
    const outcome = await runProcess(
      { program: "sh", args, env },
      { signal: forever, onSpawn, input: Buffer.from("hello\n") },
    );
    assert.deepEqual(
      [outcome.code, outcome.stdout.toString(), outcome.stderr],
      [3, "hello-$(id); 'x'\n", "why\n"],
    );
  });

  test("the environment is what it is given, and nothing else", async () => {
    const outcome = await runProcess(
      { program: "env", args: [], env: { ...env, ONLY: "this" } },
      { signal: forever, onSpawn },
    );
    assert.deepEqual(outcome.stdout.toString().trim().split("\n").sort(), ["ONLY=this", `PATH=${env.PATH}`]);
  });

  test("a program that is not installed is told as such", async () => {
    const missing = runProcess({ program: "no-such-program", args: [], env }, { signal: forever, onSpawn });
    await assert.rejects(missing, isKind("git-missing"));
  });

  test("too much output ends it", async () => {
    const flood = runProcess(
      { program: "yes", args: [], env },
      { signal: forever, onSpawn, maxStdoutBytes: 100_000 },
    );
    await assert.rejects(flood, isKind("too-large"));
  });

  test("an input that nobody reads is no error", async () => {
    const outcome = await runProcess(
      { program: "true", args: [], env },
      { signal: forever, onSpawn, input: Buffer.alloc(4_000_000) },
    );
    assert.equal(outcome.code, 0);
  });

  test("at the deadline the whole group ends, also what ignores SIGTERM and holds the pipes", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "orun-process-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const pidFile = join(folder, "pid");
    const script = `trap "" TERM; (trap "" TERM; echo $$ > ${pidFile}; while :; do sleep 1; done) & while :; do sleep 1; done`;
    const started = performance.now();
    const running = withDeadline("waiting", 300, forever, (signal) =>
      runProcess({ program: "sh", args: ["-c", script], env }, { signal, onSpawn }),
    );
    await assert.rejects(running, isKind("timeout"));
    assert.ok(performance.now() - started < 5000);
    const leader = (await readFile(pidFile, "utf8")).trim();
    await until("nobody is left in the group", () => !groupExists(Number(leader)), 5000);
  });

  test("a signal that aborted before starts nothing", async () => {
    const spawned: string[] = [];
    const running = runProcess(
      { program: "true", args: [], env },
      {
        signal: AbortSignal.abort(new SourceError("aborted", "no")),
        onSpawn: (program) => spawned.push(program),
      },
    );
    await assert.rejects(running, isKind("aborted"));
    assert.deepEqual(spawned, []);
  });
});

suite("deadlines", () => {
  test("the caller's signal and the clock are told apart", async () => {
    const never = (signal: AbortSignal): Promise<never> =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(new Error("some library's words")));
      });
    await assert.rejects(withDeadline("x", 10, forever, never), isKind("timeout"));
    const controller = new AbortController();
    const running = withDeadline("x", 60_000, controller.signal, never);
    controller.abort();
    await assert.rejects(running, isKind("aborted"));
    await assert.rejects(withDeadline("x", 60_000, AbortSignal.abort(), never), isKind("aborted"));
  });

  test("a result and an error go through", async () => {
    assert.equal(await withDeadline("x", 1000, forever, () => Promise.resolve(7)), 7);
    const failing = withDeadline("x", 1000, forever, () => Promise.reject(new Error("mine")));
    await assert.rejects(failing, /mine/);
  });
});

function groupExists(id: number): boolean {
  try {
    process.kill(-id, 0);
    return true;
  } catch {
    return false;
  }
}
