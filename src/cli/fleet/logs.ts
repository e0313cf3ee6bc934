import { PassThrough } from "node:stream";
import { z } from "zod";
import type { LogLine } from "../../agent/ports.ts";
import { agentArguments } from "./ask.ts";
import { type OpenHost, remoteFailure } from "./host.ts";
import type { FleetNode } from "./nodes.ts";

const lineShape = z.object({
  container: z.string(),
  stream: z.enum(["stdout", "stderr"]),
  time: z.string().nullable(),
  text: z.string(),
});

export interface RemoteLogs {
  deployment: string;
  follow: boolean;
  previous: boolean;
  since: string | null;
  environment: string | null;
}

/**
 * A deployment's log on a node, line by line, until its end or until the signal aborts; the far process ends then too, because
 * its standard input ends with the connection. Throws an error that says why there is none.
 */
export async function remoteLogs(
  node: FleetNode,
  query: RemoteLogs,
  open: OpenHost,
  onLine: (container: { name: string }, line: LogLine) => void,
  options: { interactive: boolean; signal: AbortSignal },
): Promise<void> {
  if (node.problem !== null) throw new Error(node.problem);
  const host = await open(node, options);
  // Never written to: it is open for as long as we are there.
  const input = new PassThrough();
  let rest = "";
  try {
    const args = [
      "logs",
      query.deployment,
      "--json",
      "--while-stdin",
      ...(query.follow ? ["--follow"] : []),
      ...(query.previous ? ["--previous"] : []),
      ...(query.since === null ? [] : ["--since", query.since]),
      ...agentArguments(node.name, query.environment),
    ];
    const decoder = new TextDecoder();
    const outcome = await host.orun(args, {
      signal: options.signal,
      input,
      onStdout(chunk) {
        const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
        rest = lines.pop() ?? "";
        for (const text of lines) readLine(text, onLine);
      },
    });
    if (outcome.code !== 0) throw new Error(`${node.name}: ${remoteFailure(node.name, outcome)}`);
  } catch (error) {
    if (!options.signal.aborted) throw error;
  } finally {
    input.destroy();
    await host.close();
  }
}

function readLine(text: string, onLine: (container: { name: string }, line: LogLine) => void): void {
  let value: unknown = null;
  try {
    value = JSON.parse(text);
  } catch {
    // Not ours: a message of the login shell, say.
  }
  const parsed = lineShape.safeParse(value);
  if (!parsed.success) return;
  const { container, stream, time, text: said } = parsed.data;
  onLine({ name: container }, { stream, time: time === null ? 0 : Date.parse(time), text: said });
}
