import type { DeploymentResource } from "./resource.ts";

/** Whether a deployment is meant for a node with these labels (SPEC 2, `nodes` and `nodeSelector`). */
export function runsOn(
  item: DeploymentResource,
  node: string,
  labels: Readonly<Record<string, string>>,
): boolean {
  const { nodes, nodeSelector } = item.spec;
  return (
    (nodes === null || nodes.includes(node)) &&
    Object.entries(nodeSelector).every(([key, value]) => labels[key] === value)
  );
}
