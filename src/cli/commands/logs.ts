import { parseDuration } from "../../manifest/duration.ts";
import { connectEngine } from "../../docker/engine.ts";
import { statusShape } from "../render-status.ts";
import { readSettings } from "../settings.ts";
import { fetchStatus } from "./status.ts";

/** `orun logs NAME`: the log of a deployment's containers, by way of the agent's status and the engine. */
export async function logs(name: string, options: Record<string, unknown>): Promise<number> {
  const { follow, previous, since, ...rest } = options;
  const settings = readSettings(rest);
  const status = statusShape.parse(JSON.parse(await fetchStatus(settings.statusPort)));
  const deployment = status.deployments[name];
  if (deployment === undefined) {
    const known = Object.keys(status.deployments).join(", ");
    throw new Error(`no deployment is called '${name}' here${known === "" ? "" : `; there is ${known}`}`);
  }
  const running = deployment.containers.filter((container) => container.state === "running");
  const stopped = deployment.containers.filter((container) => container.state !== "running");
  const chosen = previous === true ? stopped.slice(-1) : running.length > 0 ? running : stopped.slice(-1);
  if (chosen.length === 0)
    throw new Error(`'${name}' has no ${previous === true ? "earlier container any more" : "container yet"}`);
  const age = typeof since === "string" ? parseDuration(since) : null;
  if (typeof since === "string" && age === null) throw new Error("--since: expected a duration such as 10m");
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  const owner = { node: status.node.name, environment: status.node.environment };
  const engine = connectEngine({
    socketPath: settings.socketPath,
    owner,
    branch: status.node.git_branch,
    isKnown: () => true,
  });
  try {
    const query = { tail: null, since: age === null ? null : Date.now() - age, follow: follow === true };
    await Promise.all(
      chosen.map((container) => {
        const prefix = chosen.length > 1 ? `${container.name} | ` : "";
        return engine.logs(
          container.id,
          query,
          (line) =>
            (line.stream === "stdout" ? process.stdout : process.stderr).write(`${prefix}${line.text}\n`),
          stop.signal,
        );
      }),
    );
  } finally {
    engine.close();
  }
  return 0;
}
