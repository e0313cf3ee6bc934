import { EngineError } from "../agent/errors.ts";
import type { LogLine, LogQuery } from "../agent/ports.ts";
import type { Connection } from "./connection.ts";
import { demultiplexer } from "./demultiplex.ts";
import { lineSplitter } from "./lines.ts";

/** Without `follow` the engine has nothing to wait for (ms). */
const IDLE_MS = 30_000;

/**
 * The log of a container (Docker API, ContainerLogs); resolves at its end or, while following, when the signal aborts.
 * A line is cut at 16 KiB.
 */
export async function readLogs(
  connection: Connection,
  id: string,
  query: LogQuery,
  onLine: (line: LogLine) => void,
  signal: AbortSignal,
): Promise<void> {
  const splitters = { stdout: lines("stdout", onLine), stderr: lines("stderr", onLine) };
  try {
    const stream = await connection.stream({
      method: "GET",
      path: `/containers/${encodeURIComponent(id)}/logs`,
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
    const read = demultiplexer((name, data) => splitters[name].push(data));
    await stream.read(read, query.follow ? null : IDLE_MS);
  } catch (error) {
    if (!(query.follow && error instanceof EngineError && error.kind === "aborted")) throw error;
  }
  splitters.stdout.end();
  splitters.stderr.end();
}

/** The engine puts a time and a space before each line. */
function lines(stream: LogLine["stream"], onLine: (line: LogLine) => void) {
  let last = 0;
  return lineSplitter((raw) => {
    const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
    const space = line.indexOf(" ");
    const time = Date.parse(space === -1 ? line : line.slice(0, space));
    const timed = !Number.isNaN(time);
    if (timed) last = time;
    onLine({ stream, time: last, text: !timed ? line : space === -1 ? "" : line.slice(space + 1) });
  });
}
