import { dependencyCycles } from "./dependency-cycles.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { hostPortClaims } from "./host-port-claims.ts";
import type { ParsedManifests } from "./parsed.ts";
import type { ReferenceFinding } from "./reference-finding.ts";
import type { DeploymentResource, Kind, NodeResource, ServiceResource } from "./resource.ts";
import { runsOn } from "./runs-on.ts";
import { suggest } from "./suggest.ts";
import { positionOf } from "./field-position.ts";

export { runsOn } from "./runs-on.ts";

/** A resource that must not be acted on, and why. */
export interface HeldResource {
  kind: Kind;
  name: string;
  message: string;
}

/** The documents of a commit by name, invalid ones included: what a reference can point at. */
interface Known {
  deployments: ReadonlyMap<string, DeploymentResource>;
  nodes: readonly NodeResource[];
  invalid: ReadonlySet<string>;
}

/**
 * Checks what reaches over documents (SPEC 2): absent references, cycles, a host port or host name claimed twice. Each error
 * holds its own resource; a reference to an invalid document is none, since that one may be right again soon. Pure.
 */
export function checkReferences(parsed: ParsedManifests): {
  diagnostics: Diagnostic[];
  held: HeldResource[];
} {
  const deployments = new Map<string, DeploymentResource>();
  const nodes: NodeResource[] = [];
  const services: ServiceResource[] = [];
  for (const item of parsed.resources) {
    if (item.kind === "Deployment") deployments.set(item.name, item);
    else if (item.kind === "Node") nodes.push(item);
    else services.push(item);
  }
  const known: Known = {
    deployments,
    nodes,
    invalid: new Set(parsed.invalid.map((item) => `${item.kind}/${item.name}`)),
  };
  const all = [...deployments.values()];
  const found: ReferenceFinding[] = [
    ...all.flatMap((item) => deploymentFindings(item, known)),
    ...dependencyCycles(deployments),
    ...hostPortClaims(all, nodes),
    ...services.flatMap((item) => serviceFindings(item, known)),
    ...hostNameClaims(services),
  ];
  return {
    diagnostics: found.map(({ resource, path, severity, message }) => ({
      ...positionOf(resource, path),
      severity,
      message,
      resource: { kind: resource.kind, name: resource.name },
    })),
    held: found.flatMap(({ resource: { kind, name }, severity, message }) =>
      severity === "error" ? [{ kind, name, message }] : [],
    ),
  };
}

function deploymentFindings(item: DeploymentResource, known: Known): ReferenceFinding[] {
  const found: ReferenceFinding[] = [];
  item.spec.dependsOn.forEach((name, index) => {
    if (known.deployments.has(name) || known.invalid.has(`Deployment/${name}`)) return;
    const message = `dependsOn: no Deployment is called '${name}'${meant(name, known.deployments.keys())}`;
    found.push({ resource: item, path: ["spec", "dependsOn", index], severity: "error", message });
  });
  const names = known.nodes.map((node) => node.name);
  (item.spec.nodes ?? []).forEach((name, index) => {
    if (names.includes(name) || known.invalid.has(`Node/${name}`)) return;
    const message = `nodes: no Node is called '${name}'${meant(name, names)}`;
    found.push({ resource: item, path: ["spec", "nodes", index], severity: "warning", message });
  });
  if (item.spec.volumes.some((volume) => !volume.readOnly)) {
    const running = known.nodes.filter((node) => runsOn(item, node.name, node.labels));
    if (running.length > 1) {
      const where = running
        .map((node) => node.name)
        .slice(0, 5)
        .join(", ");
      const message = `it has a writable volume and runs on ${String(running.length)} nodes (${where}${running.length > 5 ? ", …" : ""}), each with data of its own; name one in nodes if that is not meant`;
      found.push({ resource: item, path: ["metadata", "name"], severity: "warning", message });
    }
  }
  return found;
}

function serviceFindings(item: ServiceResource, known: Known): ReferenceFinding[] {
  const { deployment, port } = item.spec;
  const target = known.deployments.get(deployment);
  const error = (path: string[], message: string): ReferenceFinding[] => [
    { resource: item, path, severity: "error", message },
  ];
  if (target === undefined) {
    if (known.invalid.has(`Deployment/${deployment}`)) return [];
    const hint = meant(deployment, known.deployments.keys());
    return error(["spec", "deployment"], `deployment: no Deployment is called '${deployment}'${hint}`);
  }
  const ports = target.spec.ports.filter((each) => each.protocol === "tcp").map((each) => each.containerPort);
  if (ports.length === 0)
    return error(
      ["spec", "deployment"],
      `Deployment '${target.name}' has no TCP port to send requests to: give it ports[].containerPort`,
    );
  if (port === undefined || ports.includes(port)) return [];
  const message = `port: Deployment '${target.name}' has no TCP containerPort ${String(port)}; it has ${ports.join(", ")}`;
  return error(["spec", "port"], message);
}

/** Two services that claim one host name: which of them is the older is the agent's knowledge (SPEC 6). */
function hostNameClaims(services: readonly ServiceResource[]): ReferenceFinding[] {
  const found: ReferenceFinding[] = [];
  for (const field of ["default", "environment"] as const) {
    const owners = new Map<string, ServiceResource>();
    for (const item of services) {
      const name = item.spec.ingress.domain[field];
      if (name === undefined) continue;
      const owner = owners.get(name);
      if (owner === undefined) {
        owners.set(name, item);
        continue;
      }
      const place = `${owner.source.file}:${String(owner.source.line)}`;
      const message = `Service '${owner.name}' (${place}) claims the host name '${name}' too: the older one keeps it, the other is held`;
      const path = ["spec", "ingress", "domain", field];
      found.push({ resource: item, path, severity: "warning", message });
    }
  }
  return found;
}

function meant(name: string, candidates: Iterable<string>): string {
  const best = suggest(name, [...candidates].slice(0, 1000));
  return best === null ? "" : `; did you mean '${best}'?`;
}
