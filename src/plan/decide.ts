import { isProven, isReady } from "./container.ts";
import { isGone, isLeaving } from "./arrange.ts";
import { keepUp, startAgain } from "./heal.ts";
import type { Decision, DeploymentInput, Target } from "./input.ts";
import { decideRecreate } from "./recreate.ts";
import { decideRolling } from "./rolling.ts";
import { reroute } from "./route.ts";
import { act, drop, wait } from "./step.ts";

/**
 * The next step of one deployment (SPEC 3): total, synchronous, deterministic. It never plans further than one action,
 * because after anything at all the agent observes and decides again; `forecast` strings decisions to a whole plan.
 */
export function decide(listed: DeploymentInput): Decision {
  // The engine lists containers in an order of its own, which must not decide anything.
  const input = { ...listed, containers: listed.containers.toSorted((a, b) => (a.id < b.id ? -1 : 1)) };
  const { target } = input;
  if (target.kind === "leave") return { kind: "done" };
  const first = keepUp(input) ?? reroute(input);
  if (first !== null) return first;
  switch (target.kind) {
    case "absent":
      return decideAbsent(input, target.graceMs);
    case "keep":
      return decideKeep(input, target);
    case "run":
      return target.revision.spec.strategy === "Recreate"
        ? decideRecreate(input, target.revision)
        : decideRolling(input, target.revision);
  }
}

function decideAbsent(input: DeploymentInput, graceMs: number): Decision {
  const here = input.containers.filter((container) => !isLeaving(container) && !isGone(container));
  // One that cannot be removed now keeps none of the others.
  const next =
    here.find((container) => container.retryAt === null || input.now >= container.retryAt) ?? here[0];
  if (next !== undefined) return drop(input, next, graceMs, "the deployment is gone from the repository");
  if (input.containers.length === 0) return { kind: "done" };
  return wait("its containers to end", input.containers.some(isGone) ? input.now + 1000 : null);
}

/** A deployment whose spec is not known: what was proven is kept alive, and what failed goes. */
function decideKeep(
  input: DeploymentInput,
  { drop: dropRevision, unproven }: Extract<Target, { kind: "keep" }>,
): Decision {
  const here = input.containers.filter((container) => container.busy === null && !isGone(container));
  const dropped = here.find((container) => container.revision === dropRevision);
  const kept = here.filter((container) => container.revision !== dropRevision);
  if (dropped !== undefined && kept.length > 0) return drop(input, dropped, 10_000, "its revision failed");
  const serving = kept.some((container) => container.phase === "running");
  for (const container of kept) {
    if (!isProven(container) && unproven.includes(container.revision)) continue;
    if (
      container.phase === "running" &&
      container.restartPolicy !== "always" &&
      isReady(container, input.now)
    ) {
      if (container.tried) return act("promote", container, "running again in its last good form");
    }
    if (container.phase !== "exited" && container.phase !== "created") continue;
    if (isProven(container) || !serving) return startAgain(input, container);
  }
  return { kind: "done" };
}
