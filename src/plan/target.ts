import type { DesiredDeployment } from "../state/desired.ts";
import type { DeploymentMemory } from "../state/memory.ts";
import type { TrackedContainer, Target } from "./input.ts";

/** Whether the image of the wanted revision can be used. */
export type ImageState =
  | { kind: "unknown" }
  /** Bytes over all layers, as far as known; null: nothing is known yet. */
  | { kind: "pulling"; progress: { current: number; total: number } | null }
  | { kind: "ready" }
  | { kind: "failed"; message: string; retryAt: number };

/**
 * What a deployment should become now (SPEC 3): what the commit wants; its last good form while that is held, quarantined, or
 * not yet to be begun because its image is not in hand or something else has to come first (`blocked`); nothing when it is
 * gone and pruning is allowed.
 */
export function resolveTarget(
  wanted: DesiredDeployment | null,
  memory: DeploymentMemory,
  containers: readonly TrackedContainer[],
  context: { prunable: boolean; image: ImageState; blocked: boolean },
): Target {
  const asBefore = (drop: string | null): Target =>
    memory.lastGood === null
      ? { kind: "keep", drop, unproven: Object.keys(memory.pins) }
      : { kind: "run", revision: memory.lastGood };
  if (wanted === null) {
    if (!context.prunable) return asBefore(null);
    return { kind: "absent", graceMs: memory.lastGood?.spec.stopGracePeriod ?? 10_000 };
  }
  switch (wanted.kind) {
    case "suspended":
      return { kind: "leave" };
    case "held":
      return asBefore(null);
    case "run": {
      const { revision } = wanted;
      if (memory.quarantine?.specHash === revision.specHash) return asBefore(revision.revision);
      const begun = containers.some((container) => container.revision === revision.revision);
      if (begun || (context.image.kind === "ready" && !context.blocked)) return { kind: "run", revision };
      if (memory.lastGood !== null && memory.lastGood.revision !== revision.revision) return asBefore(null);
      return containers.length > 0 && memory.lastGood === null ? asBefore(null) : { kind: "run", revision };
    }
  }
}
