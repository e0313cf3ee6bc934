import type { DeploymentRevision } from "../state/memory.ts";
import { arrange } from "./arrange.ts";
import { isProven, isUp } from "./container.ts";
import { healServing } from "./heal.ts";
import type { Decision, DeploymentInput } from "./input.ts";
import { cannotCreate, create, prove } from "./prove.ts";
import { drop, notLaterThan, reasonAgainst, retire, stop, wait } from "./step.ts";

/** `Recreate` (SPEC 2): all is created beforehand, the old one stopped, and kept aside until the new one is proven. */
export function decideRecreate(input: DeploymentInput, revision: DeploymentRevision): Decision {
  const { slots, surplus, old, leaving } = arrange(input, revision);
  const grace = revision.spec.stopGracePeriod;
  const missing = slots.find((slot) => slot.container === null);
  const mine = slots.flatMap(({ container }) => (container === null ? [] : [container]));
  const superseded = old.find(
    (container) =>
      container.phase !== "running" &&
      !isProven(container) &&
      input.lastGood !== null &&
      input.lastGood !== revision.revision &&
      container.revision !== input.lastGood,
  );
  if (superseded !== undefined) return drop(input, superseded, grace, "superseded before it was proven");

  if (missing !== undefined) {
    const healing = healServing(input, revision, [...mine.filter(isProven), ...old.filter(isProven)]);
    if (healing !== null && healing.kind === "act") return healing;
    const next = cannotCreate(input, revision) ?? create(input, revision, missing.replica, []);
    return notLaterThan(healing, next);
  }
  if (leaving.length > 0) return wait("older containers to end", null);
  const unproven = mine.filter((container) => !isProven(container));
  if (unproven.length > 0) {
    if (input.blocked !== null && unproven.every((container) => container.phase === "created")) {
      const healing = healServing(input, revision, old.filter(isProven));
      return healing?.kind === "act" ? healing : notLaterThan(healing, wait(input.blocked, null));
    }
    // One that exited goes as well: under `always` the engine's next start would bring it back beside the new one.
    const restarting = old.find((container) => container.busy === "restart");
    if (restarting !== undefined) return wait(`the restart of ${restarting.name} to end`, null);
    const holder = old.find((container) => isUp(container) || container.restartPolicy !== "no");
    if (holder !== undefined) {
      const reason = reasonAgainst(holder, revision);
      // Not drained: requests keep coming to it until the new one takes over.
      return holder.restartPolicy === "no" ? stop(holder, grace, reason) : retire(holder, 0, reason);
    }
    let pending: Decision | null = null;
    for (const container of unproven) {
      const decision = prove(input, revision, container);
      if (decision.kind === "act") return decision;
      pending ??= decision;
    }
    if (pending !== null) return pending;
  }
  const healing = healServing(input, revision, mine.filter(isProven));
  if (healing !== null) return healing;
  const last = old[0];
  if (last !== undefined) return drop(input, last, grace, reasonAgainst(last, revision));
  const extra = surplus[0];
  if (extra !== undefined) return drop(input, extra, grace, "more replicas than asked for");
  return { kind: "done" };
}
