import { dependencyCycles } from "./dependency-cycles.ts";
import type { Diagnostic } from "./diagnostic.ts";
import type { ParsedManifests } from "./parse.ts";
import type { DeploymentResource, Kind, NodeResource, Resource } from "./resource.ts";

/** A resource that must not be acted on, and why. */
export interface HeldResource {
  kind: Kind;
  name: string;
  message: string;
}

/** Checks that reach over documents (SPEC 2): absent references, cycles, host ports claimed twice on one node. */
export function checkReferences(parsed: ParsedManifests): {
  diagnostics: Diagnostic[];
  held: HeldResource[];
} {
  const diagnostics: Diagnostic[] = [];
  const held: HeldResource[] = [];
  const say = (resource: Resource, severity: "error" | "warning", message: string): void => {
    const { kind, name, source } = resource;
    diagnostics.push({ ...source, severity, message, sourceLine: null, resource: { kind, name } });
    if (severity === "error") held.push({ kind, name, message });
  };
  const deployments = new Map<string, DeploymentResource>();
  const nodes: NodeResource[] = [];
  for (const item of parsed.resources) {
    if (item.kind === "Deployment") deployments.set(item.name, item);
    if (item.kind === "Node") nodes.push(item);
  }
  const invalid = new Set(
    parsed.invalid.filter((item) => item.kind === "Deployment").map((item) => item.name),
  );
  const nodeNames = new Set([
    ...nodes.map((node) => node.name),
    ...parsed.invalid.filter((item) => item.kind === "Node").map((item) => item.name),
  ]);

  const cycles = dependencyCycles(
    new Map([...deployments.values()].map((item) => [item.name, item.spec.dependsOn])),
  );
  for (const item of deployments.values()) {
    const absent = item.spec.dependsOn.filter((name) => !deployments.has(name) && !invalid.has(name));
    if (absent.length > 0) say(item, "error", `dependsOn: no Deployment is called '${absent.join("', '")}'`);
    const cycle = cycles.get(item.name);
    if (cycle !== undefined)
      say(item, "error", `dependsOn: ${cycle} is a cycle: none of them could ever start`);
    const unknown = (item.spec.nodes ?? []).filter((name) => !nodeNames.has(name));
    if (unknown.length > 0) say(item, "warning", `nodes: no Node is called '${unknown.join("', '")}'`);
    const writable = item.spec.volumes.some((volume) => !volume.readOnly);
    const running = nodes.filter((node) => runsOn(item, node.name, node.labels));
    if (writable && running.length > 1) {
      say(
        item,
        "warning",
        `it runs on ${String(running.length)} nodes, and each has a writable volume of its own`,
      );
    }
  }
  for (const item of parsed.resources) {
    if (item.kind !== "Service") continue;
    const target = deployments.get(item.spec.deployment);
    if (target === undefined) {
      if (!invalid.has(item.spec.deployment))
        say(item, "error", `deployment: no Deployment is called '${item.spec.deployment}'`);
      continue;
    }
    const ports = target.spec.ports.map((port) => port.containerPort);
    if (item.spec.port === undefined && ports.length === 0) {
      say(item, "error", `Deployment '${target.name}' has no ports: give it ports[].containerPort`);
    }
    if (item.spec.port !== undefined && !ports.includes(item.spec.port)) {
      say(item, "error", `port: Deployment '${target.name}' has no containerPort ${String(item.spec.port)}`);
    }
  }
  claimHostNames(parsed.resources, say);
  claimPorts([...deployments.values()], nodes, say);
  return { diagnostics, held };
}

/** Whether a deployment is meant for a node (SPEC 2, `nodes` and `nodeSelector`). */
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

function claimPorts(
  deployments: readonly DeploymentResource[],
  nodes: readonly NodeResource[],
  say: (resource: Resource, severity: "error", message: string) => void,
): void {
  const claims = new Map<string, { item: DeploymentResource; hostIP: string }[]>();
  const refused = new Set<string>();
  const places = nodes.length === 0 ? [{ name: "", labels: {} }] : nodes;
  for (const place of places) {
    for (const item of deployments) {
      if (!runsOn(item, place.name, place.labels) && place.name !== "") continue;
      for (const port of item.spec.ports) {
        if (port.port === null) continue;
        const text = `${String(port.port)}/${port.protocol}`;
        const hostIP = port.hostIP === null || port.hostIP === "::" ? "0.0.0.0" : port.hostIP;
        const key = `${place.name} ${text}`;
        const others = claims.get(key) ?? [];
        const owner = others.find(
          (other) =>
            other.item !== item &&
            (other.hostIP === hostIP || other.hostIP === "0.0.0.0" || hostIP === "0.0.0.0"),
        )?.item;
        if (owner === undefined) claims.set(key, [...others, { item, hostIP }]);
        else if (!refused.has(item.name)) {
          refused.add(item.name);
          say(
            item,
            "error",
            `host port ${text} is already used by Deployment '${owner.name}' (${owner.source.file}:${String(owner.source.line)})`,
          );
        }
      }
    }
  }
}

function claimHostNames(
  resources: readonly Resource[],
  say: (resource: Resource, severity: "warning", message: string) => void,
): void {
  const owners = new Map<string, Resource>();
  for (const item of resources) {
    if (item.kind !== "Service") continue;
    const { domain } = item.spec.ingress;
    for (const name of [domain.default, domain.environment]) {
      if (name === undefined) continue;
      const owner = owners.get(name);
      if (owner === undefined) owners.set(name, item);
      else if (owner !== item)
        say(
          item,
          "warning",
          `Service '${owner.name}' (${owner.source.file}:${String(owner.source.line)}) claims the host name '${name}' too: the older one keeps it`,
        );
    }
  }
}
