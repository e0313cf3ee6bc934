import { EngineError } from "../agent/errors.ts";
import { pauseFor } from "./pause.ts";
import type { Connection } from "./connection.ts";
import { demultiplexer } from "./demultiplex.ts";
import { execShape, idShape } from "./shapes.ts";

const MAX_OUTPUT = 4096;

/**
 * Runs a command in a container and waits for its end (Docker API, ContainerExec and ExecStart). After `timeoutMs` it
 * throws an EngineError `timeout`; the command is then left to itself, because the API has no way to end it.
 */
export async function runExec(
  connection: Connection,
  id: string,
  command: string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<{ exitCode: number; output: string }> {
  const end = performance.now() + timeoutMs;
  const left = (): number => Math.max(1, end - performance.now());
  try {
    const created = await connection.json(
      {
        method: "POST",
        path: `/containers/${encodeURIComponent(id)}/exec`,
        body: { Cmd: command, AttachStdout: true, AttachStderr: true },
        deadlineMs: timeoutMs,
        signal,
      },
      idShape,
    );
    const path = `/exec/${encodeURIComponent(created.Id)}`;
    const output = await readOutput(connection, `${path}/start`, left, signal);
    for (;;) {
      const call = { method: "GET" as const, path: `${path}/json`, deadlineMs: left(), signal };
      const state = await connection.json(call, execShape);
      // The output may end a moment before the engine has noted the exit.
      if (!state.Running) return { exitCode: state.ExitCode ?? -1, output };
      await pauseFor(Math.min(20, left()), signal);
      if (performance.now() >= end) throw new EngineError("timeout", "");
    }
  } catch (cause) {
    if (!(cause instanceof EngineError && cause.kind === "timeout")) throw cause;
    throw new EngineError(
      "timeout",
      `the command did not end within ${String(timeoutMs)} ms; it may still be running in the container`,
      { cause },
    );
  }
}

async function readOutput(
  connection: Connection,
  path: string,
  left: () => number,
  signal: AbortSignal,
): Promise<string> {
  const whole = new AbortController();
  const both = AbortSignal.any([signal, whole.signal]);
  const timer = setTimeout(() => whole.abort(), left());
  const chunks: Buffer[] = [];
  let size = 0;
  const read = demultiplexer((_, data) => {
    if (size >= MAX_OUTPUT) return;
    const piece = data.subarray(0, MAX_OUTPUT - size);
    size += piece.length;
    chunks.push(Buffer.from(piece));
  });
  try {
    const stream = await connection.stream({
      method: "POST",
      path,
      body: { Detach: false, Tty: false },
      signal: both,
    });
    await stream.read(read, null);
  } catch (cause) {
    // The deadline is for the whole command, however much it goes on printing.
    if (whole.signal.aborted && !signal.aborted)
      throw new EngineError("timeout", "the command took too long", { cause });
    throw cause;
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks).toString("utf8");
}
