import type { Diagnostic } from "../manifest/diagnostic.ts";
import { sortDiagnostics } from "../manifest/diagnostic.ts";
import type { NodeSpec } from "../manifest/node.ts";
import type { ParsedManifests } from "../manifest/parse.ts";
import { checkReferences, runsOn } from "../manifest/references.ts";
import type { DeploymentResource, NodeResource, ServiceResource } from "../manifest/resource.ts";
import { canonicalSpec, revisionOf, specHashOf } from "./canonical.ts";
import { parseEnvFile } from "./env-file.ts";
import type { DeploymentRevision, RememberedNode } from "./memory.ts";
import { nodeFindings, type Followed } from "./node-findings.ts";
import { ingressSettings, type IngressSettings, type Route } from "./route.ts";

export type DesiredDeployment =
  | { kind: "run"; name: string; revision: DeploymentRevision }
  | { kind: "suspended"; name: string }
  /** In the repository, but not to be acted on: its manifest is wrong, or asks for what this version cannot do. */
  | { kind: "held"; name: string; message: string };

export interface DesiredService {
  name: string;
  deployment: string | null;
  /** null: this environment does not serve it, or what it wants cannot be told. */
  route: Route | null;
  /** Why its manifest is not followed; null: it is. */
  held: string | null;
  /** Why it is not served although nothing is wrong with it, or "". */
  message: string;
}

/** What one commit wants on this node. */
export interface DesiredState {
  commit: string;
  deployments: Map<string, DesiredDeployment>;
  services: Map<string, DesiredService>;
  node: NodeSpec | null;
  /** Where `node` comes from: this commit, an earlier one because this one's is missing or wrong, or there never was one. */
  nodeSource: "found" | "last_good" | "missing";
  nodeLabels: Readonly<Record<string, string>>;
  ingress: IngressSettings;
  diagnostics: Diagnostic[];
  /** false while any document's kind and name cannot be read (SPEC 2). */
  prunable: boolean;
  documents: number;
}

/** The environment files of this node by path: their content, or why they cannot be read. */
export type EnvFileContents = ReadonlyMap<string, { content: string } | { error: string }>;

/** The paths that `desired` will want from the node. */
export function envFilePaths(parsed: ParsedManifests): string[] {
  return [
    ...new Set(parsed.resources.flatMap((item) => (item.kind === "Deployment" ? item.spec.envFiles : []))),
  ];
}

/** What is known beside the commit. */
export interface DesiredContext {
  commit: string;
  /** The node's name. */
  node: string;
  environment: string;
  envFiles: EnvFileContents;
  /** The last good form of this node's manifest. */
  lastNode: RememberedNode | null;
  /** The routes last served, by Service. */
  routes: Readonly<Record<string, Route>>;
  /** null: no agent runs by it. */
  followed: Followed | null;
}

/** Reduces the manifests of a commit to what this node and environment should run (SPEC 2, 7). Pure. */
export function desiredState(parsed: ParsedManifests, context: DesiredContext): DesiredState {
  const { followed, environment } = context;
  const references = checkReferences(parsed);
  const heldBy = new Map(references.held.map((item) => [`${item.kind}/${item.name}`, item.message]));
  const deployments = new Map<string, DesiredDeployment>();
  const services = new Map<string, DesiredService>();
  const node = parsed.resources.find(
    (item): item is NodeResource => item.kind === "Node" && item.name === context.node,
  );
  const inForce: RememberedNode | null = node ?? context.lastNode;
  const labels = inForce?.labels ?? {};
  const firstPorts = firstPortsOf(parsed);
  const isHeld = (service: string): boolean => heldBy.has(`Service/${service}`);
  const ports = servicePorts(parsed, firstPorts, context.routes, isHeld);

  for (const item of parsed.resources) {
    if (item.kind === "Deployment" && runsOn(item, context.node, labels)) {
      const message = heldBy.get(`Deployment/${item.name}`);
      deployments.set(
        item.name,
        message === undefined
          ? desiredDeployment(item, ports.get(item.name) ?? null, context)
          : { kind: "held", name: item.name, message },
      );
    }
  }
  for (const item of parsed.resources) {
    if (item.kind !== "Service") continue;
    const held = heldBy.get(`Service/${item.name}`) ?? null;
    // One that leads to a deployment of other nodes is theirs.
    if (held === null && !deployments.has(item.spec.deployment)) continue;
    services.set(item.name, desiredService(item, portOf(item, firstPorts), context.environment, held));
  }
  for (const item of parsed.invalid) {
    const message = `${item.file}:${String(item.line)}: ${item.message}`;
    if (item.kind === "Deployment") deployments.set(item.name, { kind: "held", name: item.name, message });
    if (item.kind === "Service")
      services.set(item.name, { name: item.name, deployment: null, route: null, held: message, message: "" });
  }
  return {
    commit: context.commit,
    deployments,
    services,
    node: inForce?.spec ?? null,
    nodeSource: node !== undefined ? "found" : inForce === null ? "missing" : "last_good",
    nodeLabels: labels,
    ingress: ingressSettings(inForce?.spec.ingress ?? null),
    diagnostics: sortDiagnostics([
      ...parsed.diagnostics,
      ...references.diagnostics,
      ...(node === undefined || followed === null ? [] : nodeFindings(node, { followed, environment })),
    ]),
    prunable: !parsed.unidentified,
    documents: parsed.documents,
  };
}

function desiredDeployment(
  item: DeploymentResource,
  servicePort: number | null,
  context: { commit: string; envFiles: EnvFileContents },
): DesiredDeployment {
  const { name, spec, source } = item;
  if (spec.suspend) return { kind: "suspended", name };
  if (spec.image === null) {
    return {
      kind: "held",
      name,
      message: `${source.file}:${String(source.line)}: build: this version of orun cannot build images yet; use image`,
    };
  }
  const env: Record<string, string> = {};
  const contents: Record<string, string> = {};
  for (const path of spec.envFiles) {
    const file = context.envFiles.get(path);
    if (file === undefined || "error" in file)
      return { kind: "held", name, message: `envFiles: ${file?.error ?? `${path} was not read`}` };
    const parsed = parseEnvFile(file.content);
    if ("error" in parsed)
      return { kind: "held", name, message: `envFiles: ${path}:${String(parsed.line)}: ${parsed.error}` };
    Object.assign(env, parsed.values);
    contents[path] = file.content;
  }
  Object.assign(env, spec.env);
  const restartedAt = item.annotations["run.orcra.dev/restartedAt"] ?? null;
  const canonical = canonicalSpec(name, spec, { restartedAt, envFiles: contents });
  const revision = revisionOf(canonical);
  return {
    kind: "run",
    name,
    revision: {
      revision,
      specHash: specHashOf(revision, spec),
      spec,
      canonical,
      env,
      servicePort,
      commit: context.commit,
      file: source.file,
      line: source.line,
    },
  };
}

/** The first TCP port of every Deployment. */
function firstPortsOf(parsed: ParsedManifests): Map<string, number> {
  const firstPorts = new Map<string, number>();
  for (const item of parsed.resources) {
    const first =
      item.kind === "Deployment" ? item.spec.ports.find((port) => port.protocol === "tcp") : undefined;
    if (first !== undefined) firstPorts.set(item.name, first.containerPort);
  }
  return firstPorts;
}

function portOf(item: ServiceResource, firstPorts: ReadonlyMap<string, number>): number | null {
  return item.spec.port ?? firstPorts.get(item.spec.deployment) ?? null;
}

/** The container port that a Service makes the readiness of its Deployment (SPEC 2, `health`). */
function servicePorts(
  parsed: ParsedManifests,
  firstPorts: ReadonlyMap<string, number>,
  remembered: Readonly<Record<string, Route>>,
  isHeld: (service: string) => boolean,
): Map<string, number> {
  const ports = new Map<string, number>();
  const followed = new Set<string>();
  for (const item of parsed.resources) {
    if (item.kind !== "Service" || isHeld(item.name)) continue;
    followed.add(item.name);
    const port = portOf(item, firstPorts);
    if (port !== null && !ports.has(item.spec.deployment)) ports.set(item.spec.deployment, port);
  }
  // A route that stays in force although its manifest is held goes on being what readiness is about.
  const kept = new Set([
    ...parsed.invalid.flatMap((item) => (item.kind === "Service" ? [item.name] : [])),
    ...parsed.resources.flatMap((item) => (item.kind === "Service" && isHeld(item.name) ? [item.name] : [])),
  ]);
  for (const { service, deployment, port } of Object.values(remembered)) {
    if (followed.has(service) || ports.has(deployment)) continue;
    if (kept.has(service) || parsed.unidentified) ports.set(deployment, port);
  }
  return ports;
}

function desiredService(
  item: ServiceResource,
  port: number | null,
  environment: string,
  held: string | null,
): DesiredService {
  const { domain, ssl } = item.spec.ingress;
  const { name } = item;
  const { deployment } = item.spec;
  const template = environment === "production" ? domain.default : domain.environment;
  if (template === undefined) {
    const message = "it has no ingress.domain.environment, so it is served on production only";
    return { name, deployment, route: null, held, message };
  }
  if (port === null) {
    const message = `${item.source.file}:${String(item.source.line)}: deployment '${deployment}' has no containerPort: give the service a port`;
    return { name, deployment, route: null, held: held ?? message, message: "" };
  }
  const host = template.replaceAll("$ENV", environment);
  return {
    name,
    deployment,
    route: { service: name, environment, deployment, host, ssl, port },
    held,
    message: "",
  };
}
