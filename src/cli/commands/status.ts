import { parseDuration } from "../../manifest/duration.ts";
import { createAsker } from "../fleet/ask.ts";
import { openHost } from "../fleet/host.ts";
import { fleetNodes } from "../fleet/nodes.ts";
import { fleetView, watchedFleet } from "../fleet/view.ts";
import { untilInterrupted } from "../interrupted.ts";
import { readSettings } from "../settings.ts";
import { localView } from "../status/local.ts";
import { showOnce, watch } from "../status/watch.ts";
import { agentChoice, agentPort } from "../status/which-agent.ts";

/**
 * `orun status`: a table of what the agent on this host does; with --node or --all, of the agents of a repository's nodes, over
 * ssh. Exit code 0 when all is well, 1 when not.
 */
export async function statusCommand(options: Record<string, unknown>): Promise<number> {
  const { json, watch: again, environment, agent, node, all, repo, timeout, ...rest } = options;
  if (node !== undefined || all === true) {
    if (rest["statusPort"] !== undefined)
      throw new Error(
        "--status-port is about this host: the agents of --node and --all are found by their names",
      );
    return await fleetStatus(options);
  }
  if (repo !== undefined || timeout !== undefined)
    throw new Error("--repo and --timeout go with --node or --all; without them, this host is asked");
  const settings = readSettings(rest);
  const choice = agentChoice(options, settings.statusPort);
  const view = localView(() => agentPort(choice, settings.statusPort), choice.agent);
  return await (again === true ? watch(view, json === true) : showOnce(view, json === true));
}

/** ms; the whole answer of a node, connecting included. */
const DEADLINE = 10_000;
/** When ssh may ask a person for a passphrase, or whether to trust a host's key. */
const INTERACTIVE_DEADLINE = 120_000;

async function fleetStatus(options: Record<string, unknown>): Promise<number> {
  const { json, watch: again, node, all, repo, timeout, environment } = options;
  if (node !== undefined && all === true) throw new Error("--node and --all: choose one");
  const given = typeof timeout === "string" ? parseDuration(timeout) : null;
  if (timeout !== undefined && (given === null || given < 1))
    throw new Error("--timeout: expected a duration such as 10s");
  const nodes = fleetNodes(typeof repo === "string" ? repo : ".", typeof node === "string" ? node : null);
  // Several ssh at a time would ask over each other.
  const interactive = nodes.length === 1 && again !== true && process.stdin.isTTY;
  return await untilInterrupted(async (signal) => {
    const askers = nodes.map((item) =>
      createAsker(item, {
        deadlineMs: given ?? (interactive ? INTERACTIVE_DEADLINE : DEADLINE),
        interactive,
        environment: typeof environment === "string" ? environment : null,
        open: openHost,
        signal,
      }),
    );
    try {
      return await (again === true
        ? watch(watchedFleet(askers, signal), json === true, signal)
        : showOnce(fleetView(askers), json === true));
    } finally {
      await Promise.all(askers.map((asker) => asker.close()));
    }
  });
}
