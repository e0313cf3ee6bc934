/** Subprocesses end, all of them, in time (FAULTS 2). */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { SourceError } from "../../../src/git/errors.ts";
import { type Command, type RunOptions, runProcess } from "../../../src/git/process.ts";

const env = { PATH: process.env["PATH"] ?? "" };

function node(script: string): Command {
  return { program: process.execPath, args: ["-e", script], env };
}

function options(change: Partial<RunOptions> = {}): RunOptions {
  return { signal: new AbortController().signal, onSpawn: () => undefined, ...change };
}

async function kindOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof SourceError);
    return error.kind;
  }
  return assert.fail("it was expected to fail");
}

/** Whether it runs; one that is dead and not yet collected does not. */
async function runs(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "0 (gone) X");
  return !/^\d+ \(.*\) [ZX]/.test(stat);
}

async function pidIn(file: string): Promise<number> {
  for (;;) {
    const text = await readFile(file, "utf8").catch(() => "");
    if (text.endsWith("\n")) return Number(text);
    await delay(10);
  }
}

test("an exit code is an outcome, with what was printed", async () => {
  const script = "process.stdin.pipe(process.stdout); process.stderr.write('said'); process.exitCode = 3;";
  const outcome = await runProcess(node(script), options({ input: Buffer.from("in") }));
  assert.deepEqual(outcome, { code: 3, stdout: Buffer.from("in"), stderr: "said" });
});

test("an abort ends a grandchild that ignores SIGTERM and holds the pipes", {
  timeout: 20_000,
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "orun-process-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "pid");
  const stay = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000);";
  const grandchild = `${stay} require('node:fs').writeFileSync(${JSON.stringify(file)}, process.pid + '\\n');`;
  const child = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(grandchild)}], { stdio: 'inherit' });`;
  const controller = new AbortController();
  const reason = new SourceError("timeout", "too long");
  const running = kindOf(runProcess(node(child + stay), options({ signal: controller.signal })));
  const pid = await pidIn(file);
  assert.equal(await runs(pid), true);
  controller.abort(reason);
  assert.equal(await running, "timeout");
  while (await runs(pid)) await delay(10);
});

test("output is capped, and the program ended", async () => {
  const endless = "const more = () => process.stdout.write('x'.repeat(65536), more); more();";
  assert.equal(await kindOf(runProcess(node(endless), options({ maxStdoutBytes: 100_000 }))), "too-large");
  const loud = "process.stderr.write('x'.repeat(1_000_000))";
  assert.equal((await runProcess(node(loud), options())).stderr.length, 64 * 1024);
});

test("a program that is not there, and one that does not read its input", async () => {
  const absent = { program: "orun-no-such-program", args: [], env };
  assert.equal(await kindOf(runProcess(absent, options())), "git-missing");
  const deaf = await runProcess(node(""), options({ input: Buffer.alloc(4_000_000) }));
  assert.equal(deaf.code, 0);
});

test("nothing is started for a signal that has aborted, and each start is told", async () => {
  const started: string[] = [];
  const onSpawn = (program: string, args: readonly string[]): void => {
    started.push([program, ...args].join(" "));
  };
  const signal = AbortSignal.abort(new SourceError("aborted", "no"));
  assert.equal(await kindOf(runProcess(node(""), options({ signal, onSpawn }))), "aborted");
  assert.deepEqual(started, []);
  await runProcess({ program: "true", args: ["; $(id)"], env }, options({ onSpawn }));
  assert.deepEqual(started, ["true ; $(id)"]);
});

test("only the environment that is given gets through", async () => {
  const outcome = await runProcess(
    { program: "env", args: [], env: { PATH: env.PATH, ONLY: "this" } },
    options(),
  );
  const names = outcome.stdout
    .toString()
    .trim()
    .split("\n")
    .map((line) => line.split("=")[0]);
  assert.deepEqual(names.sort(), ["ONLY", "PATH"]);
});
