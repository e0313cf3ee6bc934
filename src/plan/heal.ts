/** Undoing what hands, crashes and accidents did to containers that are otherwise as they should be (SPEC 3). */
import { containerName } from "../state/labels.ts";
import type { DeploymentRevision } from "../state/memory.ts";
import { canReturn, hasAlias, isProven, revisionReady } from "./container.ts";
import type { Decision, DeploymentInput, TrackedContainer } from "./input.ts";
import { act, notLaterThan, wait } from "./step.ts";

/** A person's `docker restart` gets so long to finish before the agent acts (SPEC 3), ms. */
const PASSING_MS = 1000;
/** A container left paused is resumed after (SPEC 3), ms. */
const PAUSED_MS = 10_000;

/** Restores what hands or accidents changed about a container whatever its revision: pause, name. */
export function keepUp(input: DeploymentInput): Decision | null {
  let pending: Decision | null = null;
  for (const container of input.containers) {
    // What failed with one container of the deployment keeps nothing else from going on.
    if (container.busy !== null || isPutOff(input, container)) continue;
    const decision = restore(input, container);
    if (decision?.kind === "act") return decision;
    pending ??= decision;
  }
  return pending;
}

function restore(input: DeploymentInput, container: TrackedContainer): Decision | null {
  const { phase, since } = container;
  if (phase === "paused") {
    if (input.now < since + PAUSED_MS) return wait("a paused container", since + PAUSED_MS);
    return act("resume", container, "left paused");
  }
  if (phase === "removing") return null;
  if (phase === "dead") return act("remove", container, "the engine gave it up as dead");
  const name = containerName(input.environment, container.deployment, container.revision, container.replica);
  if (container.name === name || input.containers.some((other) => other.name === name)) return null;
  return {
    kind: "act",
    action: {
      kind: "rename",
      container: container.id,
      name: container.name,
      to: name,
      reason: `renamed by hand from ${name}`,
    },
  };
}

function isPutOff(input: DeploymentInput, container: TrackedContainer): boolean {
  return container.retryAt !== null && input.now < container.retryAt;
}

/** Heals proven containers: exited ones start again, disconnected ones return, hand-made limits go. */
export function healServing(
  input: DeploymentInput,
  revision: DeploymentRevision,
  containers: readonly TrackedContainer[],
): Decision | null {
  let pending: Decision | null = null;
  for (const container of containers) {
    if (container.busy !== null) continue;
    const decision = healOne(input, revision, container, containers);
    if (decision?.kind === "act" && !isPutOff(input, container)) return decision;
    if (decision === null) continue;
    const next =
      decision.kind === "wait" ? decision : wait(`the next try with ${container.name}`, container.retryAt);
    pending = pending === null ? next : notLaterThan(next, pending);
  }
  return pending;
}

function healOne(
  input: DeploymentInput,
  revision: DeploymentRevision,
  container: TrackedContainer,
  containers: readonly TrackedContainer[],
): Decision | null {
  if (container.phase === "exited" || container.phase === "created")
    return isProven(container) && canReturn(input, container) ? startAgain(input, container) : null;
  if (container.phase !== "running") return null;
  if (
    container.attachment.kind === "detached" &&
    revision.spec.network === "bridge" &&
    input.networkId !== null
  )
    return act("attach", container, "disconnected from its network by hand");
  if (container.revision !== revision.revision) return null;
  const { cpus, memory } = revision.spec.resources;
  if (container.cpus !== cpus || container.memory !== memory) {
    return {
      kind: "act",
      action: {
        kind: "set-resources",
        container: container.id,
        name: container.name,
        cpus,
        memory,
        reason: "its limits were changed by hand",
      },
    };
  }
  if (isProven(container) && container.attachment.kind === "attached" && !hasAlias(container))
    return act("promote", container, "it lost its name in the network");
  return restartUnlively(input, revision, container, containers);
}

/** The container that liveness has restarted next, of those; null: none is. */
export function nextRestart(
  input: DeploymentInput,
  revision: DeploymentRevision,
  containers: readonly TrackedContainer[],
): TrackedContainer | null {
  const isNext = (container: TrackedContainer): boolean =>
    container.busy === null &&
    container.revision === revision.revision &&
    restartUnlively(input, revision, container, containers) !== null;
  return containers.find(isNext) ?? null;
}

/**
 * Liveness: one at a time, and never the last one that serves (FAULTS 52). The next one is restarted only when the one before
 * is ready again, or has had its time.
 */
function restartUnlively(
  input: DeploymentInput,
  revision: DeploymentRevision,
  container: TrackedContainer,
  containers: readonly TrackedContainer[],
): Decision | null {
  if (container.alive || input.now < input.notBefore) return null;
  const others = containers.filter((other) => other !== container);
  const ready = (other: TrackedContainer): boolean => revisionReady(revision, other, input.now);
  const isComing = (other: TrackedContainer): boolean =>
    other.busy !== null ||
    (other.phase === "running" && !ready(other) && input.now < other.since + revision.spec.progressDeadline);
  if (others.some(isComing)) return null;
  if (others.length > 0 && ready(container) && !others.some(ready)) return null;
  return {
    kind: "act",
    action: {
      kind: "restart",
      // The only one that gets requests goes on getting them: there is nothing to wait for.
      drainMs: input.routing?.routed.has(container.id) === false ? revision.spec.stopGracePeriod : 0,
      container: container.id,
      name: container.name,
      graceMs: revision.spec.stopGracePeriod,
      reason: "its liveness probe failed",
    },
  };
}

/** Starts what exited, once it is clear that neither the engine nor a person is doing so. */
export function startAgain(input: DeploymentInput, container: TrackedContainer): Decision {
  const from = Math.max(container.since + PASSING_MS, input.notBefore);
  if (input.now < from) return wait(`${container.name} to come back by itself`, from);
  return act(
    "start",
    container,
    container.phase === "created"
      ? "created and never started"
      : `exited with code ${String(container.exitCode)} and not restarted by the engine`,
  );
}
