import { fetchStatus } from "./fetch.ts";
import { renderStatus } from "./render.ts";
import { isWell, parseStatus } from "./shape.ts";
import type { View } from "./watch.ts";

/** The status of the agent on this host. */
export function localView(port: number): View {
  return async () => {
    const answer = await fetchStatus(port);
    const status = parseStatus(answer);
    const everything: unknown = JSON.parse(answer);
    return {
      json: everything,
      text: (terminal) => renderStatus(status, Date.now(), terminal),
      well: isWell(status),
    };
  };
}
