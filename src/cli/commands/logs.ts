import type { LogLine } from "../../agent/ports.ts";
import { connectEngine } from "../../docker/engine.ts";
import { parseDuration } from "../../manifest/duration.ts";
import { openHost } from "../fleet/host.ts";
import { remoteLogs } from "../fleet/logs.ts";
import { fleetNodes } from "../fleet/nodes.ts";
import { untilInterrupted } from "../interrupted.ts";
import { chooseContainers, runningOf } from "../logs/choose.ts";
import { followLogs } from "../logs/follow.ts";
import { createPrinter, type Printer } from "../logs/print.ts";
import { readSettings } from "../settings.ts";
import { fetchStatus } from "../status/fetch.ts";
import { parseStatus } from "../status/shape.ts";
import { agentChoice, agentPort } from "../status/which-agent.ts";

interface Query {
  follow: boolean;
  previous: boolean;
  /** As it was given; null: from the start. */
  since: string | null;
}

/** `orun logs NAME`: the log of a deployment's containers, here or on a node. Exit code 0, 130 when interrupted. */
export async function logs(name: string, options: Record<string, unknown>): Promise<number> {
  const { follow, previous, since, json, node, repo, environment, agent, whileStdin, ...rest } = options;
  const query: Query = {
    follow: follow === true,
    previous: previous === true,
    since: typeof since === "string" ? since : null,
  };
  if (query.follow && query.previous)
    throw new Error("--follow and --previous: the container before the present one says nothing more");
  if (query.since !== null && parseDuration(query.since) === null)
    throw new Error("--since: expected a duration such as 10m");
  const print = createPrinter(json === true);
  return await untilInterrupted(async (signal) => {
    if (typeof node !== "string") {
      if (repo !== undefined) throw new Error("--repo goes with --node; without it, this host is asked");
      const input = whileStdin === true ? watchStandardInput() : null;
      const ended = input === null ? signal : AbortSignal.any([signal, input.ended]);
      try {
        return await localLogs(name, query, { options, rest }, print, ended);
      } finally {
        input?.release();
      }
    }
    const [found] = fleetNodes(typeof repo === "string" ? repo : ".", node);
    if (found === undefined) return 1;
    const deployment = { ...query, deployment: name };
    await remoteLogs(
      found,
      { ...deployment, environment: typeof environment === "string" ? environment : null },
      openHost,
      (container, line) => print.line(container, line),
      { interactive: process.stdin.isTTY, signal },
    );
    return 0;
  });
}

async function localLogs(
  name: string,
  query: Query,
  { options, rest }: { options: Record<string, unknown>; rest: Record<string, unknown> },
  print: Printer,
  signal: AbortSignal,
): Promise<number> {
  const settings = readSettings(rest);
  const port = agentPort(agentChoice(options, settings.statusPort), settings.statusPort);
  const status = parseStatus(await fetchStatus(port));
  const chosen = chooseContainers(status, name, query.previous);
  print.expect(chosen);
  const age = query.since === null ? null : parseDuration(query.since);
  const since = age === null ? null : Date.now() - age;
  const engine = connectEngine({
    socketPath: settings.socketPath,
    owner: { node: status.node.name, environment: status.node.environment },
    branch: status.node.git_branch,
    isKnown: () => true,
  });
  try {
    if (query.follow)
      await followLogs(
        chosen,
        since,
        {
          running: async () =>
            runningOf(parseStatus(await fetchStatus(port)).deployments[name]?.containers ?? []),
          read: (id, lines, onLine, stop) => engine.logs(id, lines, onLine, stop),
          onLine: (container, line) => print.line(container, line),
        },
        signal,
      );
    else
      for (const container of chosen)
        await engine.logs(
          container.id,
          { tail: null, since, follow: false },
          (line: LogLine) => print.line(container, line),
          signal,
        );
  } finally {
    engine.close();
  }
  return 0;
}

/** `ended` aborts at the end of standard input: whoever started this over ssh is gone. Until released it keeps this process alive. */
function watchStandardInput(): { ended: AbortSignal; release: () => void } {
  const ended = new AbortController();
  for (const event of ["end", "close", "error"] as const) process.stdin.once(event, () => ended.abort());
  process.stdin.resume();
  return { ended: ended.signal, release: () => process.stdin.destroy() };
}
