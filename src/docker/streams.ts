import type { IncomingMessage } from "node:http";
import { EngineError } from "../agent/errors.ts";
import type { EngineEvent, LogLine, LogQuery } from "../agent/ports.ts";
import { label } from "../state/labels.ts";
import type { Connection } from "./connection.ts";
import { demultiplexer, lineSplitter } from "./lines.ts";
import { eventShape, execShape, idShape } from "./shapes.ts";

/** Follows container events (Docker API, SystemEvents) until the stream ends or the signal aborts; throws when it breaks. */
export async function followEvents(
  connection: Connection,
  onOpen: () => void,
  onEvent: (event: EngineEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const response = await connection.stream({
    method: "GET",
    path: "/events",
    query: { filters: JSON.stringify({ type: ["container", "network"] }) },
    signal,
  });
  onOpen();
  const splitter = lineSplitter((line) => {
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch {
      return; // The last line of a broken stream.
    }
    const event = eventShape.safeParse(json);
    if (!event.success) return;
    const { Action, Actor } = event.data;
    onEvent({
      action: Action,
      containerId: Actor.Attributes?.["container"] ?? Actor.ID,
      deployment: Actor.Attributes?.[label.deployment] ?? null,
    });
  });
  await readToEnd(response, (chunk) => splitter.push(chunk), signal, "event stream");
}

/** The log of a container; resolves at its end or, while following, when the signal aborts. */
export async function readLogs(
  connection: Connection,
  id: string,
  query: LogQuery,
  onLine: (line: LogLine) => void,
  signal: AbortSignal,
): Promise<void> {
  const response = await connection.stream({
    method: "GET",
    path: `/containers/${id}/logs`,
    query: {
      stdout: "true",
      stderr: "true",
      timestamps: "true",
      follow: String(query.follow),
      ...(query.tail === null ? {} : { tail: String(query.tail) }),
      ...(query.since === null ? {} : { since: String(query.since / 1000) }),
    },
    signal,
  });
  const line = (stream: LogLine["stream"]) =>
    lineSplitter((text) => {
      const space = text.indexOf(" ");
      onLine({ stream, time: Date.parse(text.slice(0, space)), text: text.slice(space + 1) });
    });
  const splitters = { stdout: line("stdout"), stderr: line("stderr") };
  await readToEnd(
    response,
    demultiplexer((stream, data) => splitters[stream].push(data)),
    signal,
    "log",
  );
  splitters.stdout.end();
  splitters.stderr.end();
}

/** Runs a command in a container. On a timeout the command is left to itself: the API has no way to end it. */
export async function runExec(
  connection: Connection,
  id: string,
  command: string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<{ exitCode: number; output: string }> {
  const created = idShape.parse(
    await connection.json({
      method: "POST",
      path: `/containers/${id}/exec`,
      body: { Cmd: command, AttachStdout: true, AttachStderr: true },
      deadlineMs: timeoutMs,
      signal,
    }),
  );
  const deadline = AbortSignal.timeout(timeoutMs);
  const both = AbortSignal.any([signal, deadline]);
  const response = await connection.stream({
    method: "POST",
    path: `/exec/${created.Id}/start`,
    body: { Detach: false, Tty: false },
    deadlineMs: timeoutMs,
    signal: both,
  });
  let output = "";
  const read = demultiplexer((_, data) => {
    if (output.length < 4096) output += data.toString("utf8").slice(0, 4096 - output.length);
  });
  await readToEnd(response, read, both, "exec");
  if (deadline.aborted)
    throw new EngineError("timeout", `the command did not end within ${String(timeoutMs)} ms`);
  const state = execShape.parse(
    await connection.json({ method: "GET", path: `/exec/${created.Id}/json`, signal }),
  );
  return { exitCode: state.ExitCode ?? -1, output };
}

function readToEnd(
  response: IncomingMessage,
  onChunk: (chunk: Buffer) => void,
  signal: AbortSignal,
  what: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (cause?: unknown): void => {
      if (cause === undefined || signal.aborted) resolve();
      else reject(new EngineError("unreachable", `the ${what} of the engine broke off`, { cause }));
    };
    response.on("data", onChunk);
    response.once("end", () => end());
    response.once("error", end);
    response.once("close", () => end(response.complete ? undefined : new Error("cut off")));
  });
}
