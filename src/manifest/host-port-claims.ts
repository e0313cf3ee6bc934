import { portText, samePort, type Port } from "./port.ts";
import type { ReferenceFinding } from "./reference-finding.ts";
import type { DeploymentResource, NodeResource } from "./resource.ts";
import { runsOn } from "./runs-on.ts";

interface Claim {
  owner: DeploymentResource;
  port: Port;
}

/**
 * Deployments that claim a host port which an earlier one (by file and line) already claims on the same node. A deployment
 * that is refused for one port still holds its others: it may be running with them.
 */
export function hostPortClaims(
  deployments: readonly DeploymentResource[],
  nodes: readonly NodeResource[],
): ReferenceFinding[] {
  const found: ReferenceFinding[] = [];
  const claiming = deployments.filter((item) => item.spec.ports.some((port) => port.port !== null));
  const refused = new Set<string>();
  for (const place of places(claiming, nodes)) {
    const claims = new Map<string, Claim[]>();
    for (const item of claiming) {
      if (!runsOn(item, place.name, place.labels)) continue;
      item.spec.ports.forEach((port, index) => {
        if (port.port === null) return;
        const key = `${String(port.port)}/${port.protocol}`;
        const others = claims.get(key) ?? [];
        claims.set(key, others);
        const path = ["spec", "ports", index, "port"];
        const other = others.find((claim) => claim.owner !== item && samePort(claim.port, port));
        const once = `${item.name} ${String(index)}`;
        if (other !== undefined && !refused.has(once)) {
          refused.add(once);
          const where = `${other.owner.source.file}:${String(other.owner.source.line)}`;
          const message = `host port ${portText(port)} is already claimed by Deployment '${other.owner.name}' (${where}): choose another one, or run them on different nodes`;
          found.push({ resource: item, path, severity: "error", message });
        }
        others.push({ owner: item, port });
      });
    }
  }
  return found;
}

/** The nodes to look at: those with a manifest, those that deployments name, and one that is known by nothing. */
function places(
  deployments: readonly DeploymentResource[],
  nodes: readonly NodeResource[],
): { name: string; labels: Readonly<Record<string, string>> }[] {
  const known = new Map<string, Readonly<Record<string, string>>>([["", {}]]);
  for (const item of deployments) for (const name of item.spec.nodes ?? []) known.set(name, {});
  for (const node of nodes) known.set(node.name, node.labels);
  return [...known].map(([name, labels]) => ({ name, labels }));
}
