import type { Condition } from "../plan/condition.ts";
import type { DesiredDeployment, DesiredState } from "../state/desired.ts";
import type { ObservedState } from "../state/observed.ts";

const BUSY: readonly string[] = ["starting", "pulling", "pending", "building", "failed"];

/** What a deployment's new containers have to wait for: a dependency, a host port that another of ours still holds; null: nothing. */
export function blockedBy(
  wanted: DesiredDeployment | null,
  desired: DesiredState,
  observed: ObservedState,
  conditionOf: (deployment: string) => Condition | null,
): string | null {
  if (wanted?.kind !== "run") return null;
  for (const dependency of wanted.revision.spec.dependsOn) {
    if (!desired.deployments.has(dependency)) continue;
    const condition = conditionOf(dependency);
    if (condition === null || BUSY.includes(condition.state) || condition.readyReplicas === 0)
      return `'${dependency}' to be ready (dependsOn)`;
  }
  for (const { port, protocol } of wanted.revision.spec.ports) {
    if (port === null) continue;
    const holder = observed.containers.find(
      (container) =>
        container.deployment !== wanted.name &&
        container.phase === "running" &&
        container.ports.some((own) => own.port === port && own.protocol === protocol),
    );
    if (holder !== undefined)
      return `host port ${String(port)}/${protocol}, which '${holder.deployment}' still holds`;
  }
  return null;
}
