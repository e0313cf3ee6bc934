import { fetchStatus } from "./fetch.ts";
import { renderStatus } from "./render.ts";
import { isWell, parseStatus } from "./shape.ts";
import type { View } from "./watch.ts";

/** The status of an agent on this host. `agent`: the node that it has to run as; null: any. */
export function localView(port: () => number, agent: string | null): View {
  return async () => {
    const answer = await fetchStatus(port());
    const status = parseStatus(answer);
    if (agent !== null && status.node.name !== agent)
      throw new Error(
        `the agent on this host runs as node '${status.node.name}', not as '${agent}': is 'host' in the Node's manifest right?`,
      );
    const everything: unknown = JSON.parse(answer);
    return {
      json: everything,
      text: (terminal) => renderStatus(status, Date.now(), terminal),
      well: isWell(status),
    };
  };
}
