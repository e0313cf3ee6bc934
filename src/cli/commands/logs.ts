import { parseDuration } from "../../manifest/duration.ts";
import { connectEngine } from "../../docker/engine.ts";
import { followLogs, type LoggedContainer } from "../logs/follow.ts";
import { safeLogLine } from "../logs/safe-line.ts";
import { readSettings } from "../settings.ts";
import { fetchStatus } from "../status/fetch.ts";
import { parseStatus, type ShownStatus } from "../status/shape.ts";
import { terminalOf } from "../terminal.ts";
import type { LogLine } from "../../agent/ports.ts";

/** `orun logs NAME`: the log of a deployment's containers, by way of the agent's status and the engine. */
export async function logs(name: string, options: Record<string, unknown>): Promise<number> {
  const { follow, previous, since, ...rest } = options;
  if (follow === true && previous === true)
    throw new Error("--follow and --previous: the container before the present one says nothing more");
  const age = typeof since === "string" ? parseDuration(since) : null;
  if (typeof since === "string" && age === null) throw new Error("--since: expected a duration such as 10m");
  const settings = readSettings(rest);
  const status = parseStatus(await fetchStatus(settings.statusPort));
  const chosen = choose(status, name, previous === true);
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  process.once("SIGTERM", () => stop.abort());
  const engine = connectEngine({
    socketPath: settings.socketPath,
    owner: { node: status.node.name, environment: status.node.environment },
    branch: status.node.git_branch,
    isKnown: () => true,
  });
  const show = printer(chosen.length > 1);
  const from = age === null ? null : Date.now() - age;
  try {
    if (follow === true)
      await followLogs(
        chosen,
        from,
        {
          running: async () =>
            runningOf(
              parseStatus(await fetchStatus(settings.statusPort)).deployments[name]?.containers ?? [],
            ),
          read: (id, query, onLine, signal) => engine.logs(id, query, onLine, signal),
          onLine: show,
        },
        stop.signal,
      );
    else
      for (const container of chosen)
        await engine.logs(
          container.id,
          { tail: null, since: from, follow: false },
          (line) => show(container, line),
          stop.signal,
        );
  } finally {
    engine.close();
  }
  return 0;
}

/** The containers whose log is asked for: those that run, or the last one that did. Throws when there is none, and says what there is. */
function choose(status: ShownStatus, name: string, previous: boolean): LoggedContainer[] {
  const deployment = status.deployments[name];
  if (deployment === undefined) {
    const known = Object.keys(status.deployments).join(", ");
    throw new Error(`no deployment is called '${name}' here${known === "" ? "" : `; there is ${known}`}`);
  }
  const running = runningOf(deployment.containers);
  const stopped = deployment.containers.filter((container) => container.state !== "running").slice(-1);
  const chosen = previous || running.length === 0 ? stopped : running;
  if (chosen.length === 0)
    throw new Error(
      previous
        ? `'${name}' has no earlier container any more: one is kept only while a release is under way. The last lines of a release that failed are in 'orun status'`
        : `'${name}' has no container yet: 'orun status' says why`,
    );
  return chosen;
}

function runningOf(containers: ShownStatus["deployments"][string]["containers"]): LoggedContainer[] {
  return containers.filter((container) => container.state === "running");
}

/** Writes lines to where the container wrote them, with its name as soon as there is more than one. */
function printer(several: boolean): (container: LoggedContainer, line: LogLine) => void {
  const names = new Set<string>();
  return ({ name }, line) => {
    names.add(name);
    const output = line.stream === "stdout" ? process.stdout : process.stderr;
    const text = safeLogLine(line.text, terminalOf(output).colours);
    output.write(`${several || names.size > 1 ? `${name} | ` : ""}${text}\n`);
  };
}
