import { setTimeout as delay } from "node:timers/promises";
import pLimit from "p-limit";
import { renderFleet } from "../status/render.ts";
import { isWell } from "../status/shape.ts";
import type { View } from "../status/watch.ts";
import type { Asker, FullAnswer } from "./ask.ts";

/** ssh starts two processes for each node. */
const AT_ONCE = 16;
const INTERVAL_MS = 1000;

/** Asks all nodes once, side by side. */
export function fleetView(askers: readonly Asker[]): View {
  const limit = pLimit(AT_ONCE);
  return async () => shown(await Promise.all(askers.map((asker) => limit(() => asker.ask()))));
}

/**
 * Asks all nodes again and again, each at its own pace, so that one that does not answer delays no other. What is shown is each
 * node's last answer. Runs until the signal aborts.
 */
export function watchedFleet(askers: readonly Asker[], signal: AbortSignal): View {
  const limit = pLimit(AT_ONCE);
  const last = new Map<string, FullAnswer>();
  const follow = async (asker: Asker): Promise<void> => {
    while (!signal.aborted) {
      last.set(asker.node, await limit(() => asker.ask()));
      await delay(INTERVAL_MS, undefined, { signal }).catch(() => undefined);
    }
  };
  for (const asker of askers) void follow(asker);
  return () =>
    Promise.resolve(
      shown(
        askers.map(
          ({ node }) =>
            last.get(node) ?? { node, status: null, error: "asked, not answered yet", everything: null },
        ),
      ),
    );
}

function shown(answers: readonly FullAnswer[]): Awaited<ReturnType<View>> {
  return {
    json: {
      nodes: Object.fromEntries(
        answers.map(({ node, everything, error }) => [node, { status: everything, error }]),
      ),
    },
    text: (terminal) => renderFleet(answers, Date.now(), terminal),
    well: answers.every(({ status }) => status !== null && isWell(status)),
  };
}
