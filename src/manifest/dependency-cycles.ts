import type { ReferenceFinding } from "./reference-finding.ts";
import type { DeploymentResource } from "./resource.ts";
import { stronglyConnected } from "./strongly-connected.ts";

/** Above this size of a knot only its names are shown: a way through it would cost more than it tells. */
const MAX_TRACED = 100;
const MAX_SHOWN = 8;

/** Every deployment that waits for itself by `dependsOn` (SPEC 2): none of them could ever start. */
export function dependencyCycles(deployments: ReadonlyMap<string, DeploymentResource>): ReferenceFinding[] {
  const needs = (name: string): readonly string[] =>
    (deployments.get(name)?.spec.dependsOn ?? []).filter((other) => deployments.has(other));
  const found: ReferenceFinding[] = [];
  for (const knot of stronglyConnected([...deployments.keys()], needs)) {
    const members = new Set(knot);
    for (const name of knot) {
      const resource = deployments.get(name);
      if (resource === undefined || (knot.length === 1 && !needs(name).includes(name))) continue;
      const within = (from: string): string[] => needs(from).filter((other) => members.has(other));
      const ring =
        knot.length > MAX_TRACED ? [name, ...within(name).slice(0, 1), "…", name] : ringFrom(name, within);
      const shown = ring.length > MAX_SHOWN ? [...ring.slice(0, MAX_SHOWN - 2), "…", name] : ring;
      found.push({
        resource,
        path: ["spec", "dependsOn", Math.max(0, resource.spec.dependsOn.indexOf(ring[1] ?? ""))],
        severity: "error",
        message: `dependsOn: ${shown.join(" -> ")} is a cycle: none of them could ever start`,
      });
    }
  }
  return found;
}

/** The shortest way from a name back to itself, both ends included. */
function ringFrom(start: string, within: (name: string) => string[]): string[] {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const name of queue) {
    for (const next of within(name)) {
      if (next === start) {
        const ring = [start];
        for (let at: string | undefined = name; at !== undefined; at = cameFrom.get(at)) ring.unshift(at);
        return ring;
      }
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, name);
      queue.push(next);
    }
  }
  return [start];
}
