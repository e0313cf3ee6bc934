import type { TrackedContainer } from "../plan/input.ts";
import type { DeploymentRevision } from "../state/memory.ts";
import type { Emit } from "./events.ts";
import type { Gaps } from "./gaps.ts";
import type { MemoryStore } from "./memory.ts";

/** What a deployment returns to when a release fails (SPEC 3, "When a container fails"). */
export interface LastGood {
  /** The revision is proven on every replica: what the deployment returns to from now on. `now`: ms. */
  remember(name: string, revision: DeploymentRevision, now: number): void;
}

export function createLastGood(memory: MemoryStore, gaps: Gaps, emit: Emit): LastGood {
  return {
    remember(name, revision, now) {
      gaps.ended(name, revision.revision, now);
      const gapMs = gaps.of(name, revision.revision, now);
      if (gapMs === null) gaps.none(name);
      const { lastGood, pins } = memory.deployment(name);
      if (lastGood?.specHash === revision.specHash && lastGood.revision === revision.revision) {
        // A Service that came or went changes nothing but what readiness is about.
        if (lastGood.servicePort !== revision.servicePort)
          memory.updateDeployment(name, (current) => ({ ...current, lastGood: revision }));
        return;
      }
      emit({
        type: "deployment.ready",
        deployment: name,
        revision: revision.revision,
        commit: revision.commit,
        gapMs,
      });
      memory.updateDeployment(name, (current) => {
        const oldPin = lastGood === null ? undefined : pins[lastGood.revision];
        const previousGood =
          lastGood !== null && oldPin !== undefined && lastGood.revision !== revision.revision
            ? { revision: lastGood.revision, image: oldPin }
            : current.previousGood;
        const kept = Object.entries(pins).filter(
          ([id]) => id === revision.revision || id === previousGood?.revision,
        );
        return {
          ...current,
          lastGood: revision,
          previousGood,
          pins: Object.fromEntries(kept),
          quarantine: null,
        };
      });
    },
  };
}

/** Whether there is anything to return to when `aim` fails; null as `aim`: nothing is aimed at. */
export function hasFallback(
  lastGood: DeploymentRevision | null,
  aim: DeploymentRevision | null,
  containers: readonly TrackedContainer[],
): boolean {
  if (aim === null) return false;
  if (lastGood !== null) return lastGood.specHash !== aim.specHash && lastGood.revision !== aim.revision;
  return containers.some((container) => container.revision !== aim.revision);
}
