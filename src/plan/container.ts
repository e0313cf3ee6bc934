/** What a single container's facts mean: proven, serving, ready. */
import type { DeploymentRevision } from "../state/memory.ts";
import type { ObservedContainer } from "../state/observed.ts";
import type { DeploymentInput, TrackedContainer } from "./input.ts";

/** Without any probe: ready after running so long (SPEC 2), ms. */
const SETTLE_MS = 1000;

/** The restart policy is the mark of proof (SPEC 3). */
export function isProven(container: TrackedContainer): boolean {
  return container.restartPolicy === "always";
}

/** Whether its process runs, or comes back by itself. */
export function isUp(container: ObservedContainer): boolean {
  return container.phase === "running" || container.phase === "restarting" || container.phase === "paused";
}

/** Whether it answers to the deployment's name in the environment's network. */
export function hasAlias(container: TrackedContainer): boolean {
  return (
    container.attachment.kind === "attached" && container.attachment.aliases.includes(container.deployment)
  );
}

/** Whether requests may be going to it: up, and reachable by the deployment's name or marked as proven. */
export function isServing(container: TrackedContainer): boolean {
  return (
    container.phase === "running" &&
    (isProven(container) || hasAlias(container)) &&
    container.readiness !== "failing"
  );
}

/** Whether the engine could start it: its network has not been removed since. */
export function canReturn(input: DeploymentInput, container: TrackedContainer): boolean {
  const { attachment } = container;
  return attachment.kind !== "attached" || attachment.networkId === input.networkId;
}

function hasProbe(revision: DeploymentRevision): boolean {
  return revision.spec.health.readiness !== null || revision.servicePort !== null;
}

/** ms: when waiting for a container to become ready has to be looked at again. */
export function readyBy(revision: DeploymentRevision, container: TrackedContainer): number {
  const deadline = container.since + revision.spec.progressDeadline;
  return hasProbe(revision) ? deadline : Math.min(deadline, container.since + SETTLE_MS);
}

/** Ready by its probe; without one by having run for a second (SPEC 2). */
export function revisionReady(
  revision: DeploymentRevision,
  container: TrackedContainer,
  now: number,
): boolean {
  if (container.phase !== "running") return false;
  return hasProbe(revision) ? container.readiness === "passing" : now >= container.since + SETTLE_MS;
}

/** Ready as far as can be told without its spec. */
export function isReady(container: TrackedContainer, now: number): boolean {
  return (
    container.readiness === "passing" ||
    (container.readiness === "unknown" && now >= container.since + SETTLE_MS)
  );
}
