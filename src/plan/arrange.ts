import type { DeploymentRevision } from "../state/memory.ts";
import { isProven } from "./container.ts";
import type { DeploymentInput, TrackedContainer } from "./input.ts";

export interface Arrangement {
  slots: { replica: number; container: TrackedContainer | null }[];
  surplus: TrackedContainer[];
  /** In the order in which they go. */
  old: TrackedContainer[];
  /** On their way out already: nothing is decided about them any more. */
  leaving: TrackedContainer[];
}

/** Puts the containers of the target's revision into its replicas; what is left is surplus, the rest is old. */
export function arrange(input: DeploymentInput, revision: DeploymentRevision): Arrangement {
  const leaving = input.containers.filter(isLeaving);
  const here = input.containers.filter((container) => !isLeaving(container) && !isGone(container));
  const current = here.filter(
    (container) => container.revision === revision.revision && onNetwork(input, revision, container),
  );
  const old = here
    .filter((container) => !current.includes(container))
    .sort((a, b) => a.replica - b.replica || (a.id < b.id ? -1 : 1));
  const chosen = new Set<TrackedContainer>();
  const slots = Array.from({ length: revision.spec.replicas }, (_, index) => {
    const candidates = current
      .filter((container) => container.replica === index + 1)
      .sort((a, b) => rank(b) - rank(a) || (a.id < b.id ? -1 : 1));
    const container = candidates[0] ?? null;
    if (container !== null) chosen.add(container);
    return { replica: index + 1, container };
  });
  return { slots, surplus: current.filter((container) => !chosen.has(container)), old, leaving };
}

/** Being retired or stopped at this moment. */
export function isLeaving(container: TrackedContainer): boolean {
  return container.busy === "retire" || container.busy === "stop";
}

/** Nothing can be done with it any more but to remove it; how long that takes is the engine's matter. */
export function isGone(container: TrackedContainer): boolean {
  return container.phase === "dead" || container.phase === "removing";
}

function rank(container: TrackedContainer): number {
  return (isProven(container) ? 2 : 0) + (container.phase === "running" ? 1 : 0);
}

/** A container whose network is gone has to be made anew (ARCHITECTURE, "Containers"). */
function onNetwork(
  input: DeploymentInput,
  revision: DeploymentRevision,
  container: TrackedContainer,
): boolean {
  const { attachment } = container;
  if (revision.spec.network === "host") return attachment.kind === "host";
  if (attachment.kind === "detached") return input.networkId !== null && container.phase === "running";
  return attachment.kind === "attached" && attachment.networkId === input.networkId;
}
