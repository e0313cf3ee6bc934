import { portText, samePort } from "../manifest/port.ts";
import { isUp } from "../plan/container.ts";
import type { Condition } from "../plan/condition.ts";
import type { DesiredDeployment, DesiredState } from "../state/desired.ts";
import type { ObservedState } from "../state/observed.ts";

const BUSY: readonly string[] = ["starting", "pulling", "pending", "building", "failed"];

/** Why no new container of a deployment may be created yet. */
export interface Blocked {
  reason: string;
  /** What it waits for waits itself, for a person, a commit or a retry. */
  lasting: boolean;
}

/** What a deployment's new containers have to wait for: a dependency, a host port that another of ours still holds; null: nothing. */
export function blockedBy(
  wanted: DesiredDeployment | null,
  desired: DesiredState,
  observed: ObservedState,
  conditionOf: (deployment: string) => Condition | null,
): Blocked | null {
  if (wanted?.kind !== "run") return null;
  for (const dependency of wanted.revision.spec.dependsOn) {
    if (!desired.deployments.has(dependency)) continue;
    const condition = conditionOf(dependency);
    if (condition === null || BUSY.includes(condition.state) || condition.readyReplicas === 0)
      return { reason: `'${dependency}' to be ready (dependsOn)`, lasting: condition?.settled ?? false };
  }
  for (const port of wanted.revision.spec.ports) {
    const holder = observed.containers.find(
      (container) =>
        container.deployment !== wanted.name &&
        isUp(container) &&
        container.ports.some((own) => samePort(own, port)),
    );
    if (holder !== undefined)
      return {
        reason: `host port ${portText(port)}, which '${holder.deployment}' still holds`,
        lasting: false,
      };
  }
  return null;
}
