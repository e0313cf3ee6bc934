/** Decisions as they are built: one action on one container, or a wait. */
import { isUp } from "./container.ts";
import { canonicalReason } from "./diff.ts";
import type { DeploymentRevision } from "../state/memory.ts";
import type { Action } from "./action.ts";
import type { Decision, DeploymentInput, TrackedContainer } from "./input.ts";

type Plain = Extract<Action["kind"], "start" | "promote" | "remove" | "resume" | "attach">;

export function act(kind: Plain, container: TrackedContainer, reason: string): Decision {
  return { kind: "act", action: { kind, container: container.id, name: container.name, reason } };
}

/** `until`: ms; null: until an event tells. */
export function wait(reason: string, until: number | null): Decision {
  return { kind: "wait", for: reason, until, container: null, late: false };
}

/** `decision`, but looked at again when `other` wants that, too: no wait may make another one be forgotten. */
export function notLaterThan(other: Decision | null, decision: Decision): Decision {
  if (other?.kind !== "wait" || decision.kind !== "wait" || other.until === null) return decision;
  return { ...decision, until: Math.min(other.until, decision.until ?? other.until) };
}

export function stop(container: TrackedContainer, graceMs: number, reason: string): Decision {
  return {
    kind: "act",
    action: { kind: "stop", container: container.id, name: container.name, graceMs, reason },
  };
}

/**
 * Takes a container out of service before its stop (SPEC 3, 6): its requests in flight finish, up to `drainMs`, then it loses
 * its name and its restart policy.
 */
export function retire(container: TrackedContainer, drainMs: number, reason: string): Decision {
  return {
    kind: "act",
    action: { kind: "retire", container: container.id, name: container.name, drainMs, reason },
  };
}

/** One step towards a container being gone. `graceMs` is for its requests, and again for its own end. */
export function drop(
  input: DeploymentInput,
  container: TrackedContainer,
  graceMs: number,
  reason: string,
): Decision {
  if (container.restartPolicy !== "no") {
    const drained = input.routing !== null && container.phase === "running";
    return retire(container, drained ? graceMs : 0, reason);
  }
  return isUp(container) ? stop(container, graceMs, reason) : act("remove", container, reason);
}

export function fail(container: TrackedContainer, cause: "exited" | "not-ready", reason: string): Decision {
  return {
    kind: "act",
    action: { kind: "fail", container: container.id, name: container.name, cause, reason },
  };
}

/** Why a container of another revision, or without its network, has to go. */
export function reasonAgainst(container: TrackedContainer, revision: DeploymentRevision): string {
  return container.revision === revision.revision
    ? "its network is gone"
    : canonicalReason(container.specLabel, revision.canonical);
}
