import { createHash } from "node:crypto";
import type { DeploymentSpec } from "../manifest/deployment.ts";

/**
 * The part of a spec that makes a container, as a flat, sorted map of field to text: what the revision hashes, what the
 * spec label carries, and what a diff compares. Fields at their default are left out, so that a field added by a newer
 * orun leaves the revision of an old manifest as it was (SPEC 4). What the agent alone acts on (replicas, probes,
 * strategy, deadlines, node selection, order) is not part of it: changing those restarts nothing.
 */
export type CanonicalSpec = Record<string, string>;

/** Canonical form of `spec`, with env values and the content of environment files as hashes (SPEC 4: never the values). */
export function canonicalSpec(
  deployment: string,
  spec: DeploymentSpec,
  extra: { restartedAt: string | null; envFiles: Record<string, string> },
): CanonicalSpec {
  const fields: CanonicalSpec = {};
  const put = (field: string, value: unknown, fallback: unknown): void => {
    const text = JSON.stringify(value);
    if (text !== JSON.stringify(fallback)) fields[field] = text;
  };
  put("image", spec.image, null);
  put("build", spec.build, null);
  put("imagePullPolicy", spec.image === null ? "IfNotPresent" : spec.imagePullPolicy, "IfNotPresent");
  put("ports", spec.ports, []);
  put("volumes", spec.volumes, []);
  put("logging", spec.logging, { driver: "json-file", options: { "max-file": "3", "max-size": "10m" } });
  put("command", spec.command, null);
  put("args", spec.args, null);
  put("workingDir", spec.workingDir, null);
  put("user", spec.user, null);
  put("resources.cpus", spec.resources.cpus, null);
  put("resources.memory", spec.resources.memory, null);
  put("stopGracePeriod", spec.stopGracePeriod, 10_000);
  put("network", spec.network, "bridge");
  put("readOnlyRootFilesystem", spec.readOnlyRootFilesystem, false);
  put("extraHosts", spec.extraHosts, []);
  put("tmpfs", spec.tmpfs, []);
  put("devices", spec.devices, []);
  put("restartedAt", extra.restartedAt, null);
  for (const [key, value] of Object.entries(spec.env))
    fields[`env ${key}`] = secretHash(deployment, key, value);
  for (const [path, content] of Object.entries(extra.envFiles)) {
    fields[`envFiles ${path}`] = secretHash(deployment, path, content);
  }
  return sorted(fields);
}

/** The text of the spec label. */
export function encodeCanonical(canonical: CanonicalSpec): string {
  return JSON.stringify(canonical);
}

/** The reverse of {@link encodeCanonical}; an unreadable label is an empty spec: everything then counts as changed. */
export function decodeCanonical(label: string): CanonicalSpec {
  let parsed: unknown;
  try {
    parsed = JSON.parse(label);
  } catch {
    return {};
  }
  const fields: CanonicalSpec = {};
  if (typeof parsed !== "object" || parsed === null) return fields;
  for (const [key, value] of Object.entries(parsed)) if (typeof value === "string") fields[key] = value;
  return fields;
}

/** The revision id (SPEC 4): SHA-256 of the canonical form, in hex. */
export function revisionOf(canonical: CanonicalSpec): string {
  return createHash("sha256").update(encodeCanonical(canonical)).digest("hex");
}

/** A hash over the whole spec, agent-side fields included: what quarantine is keyed by ("until the manifest changes"). */
export function specHashOf(revision: string, spec: DeploymentSpec): string {
  const { replicas, health, strategy, progressDeadline, dependsOn, nodes, nodeSelector } = spec;
  const agentSide = JSON.stringify([
    replicas,
    health,
    strategy,
    progressDeadline,
    dependsOn,
    nodes,
    nodeSelector,
  ]);
  return createHash("sha256").update(revision).update(agentSide).digest("hex");
}

function secretHash(deployment: string, key: string, value: string): string {
  return `#${createHash("sha256").update(`${deployment}\0${key}\0${value}`).digest("hex").slice(0, 16)}`;
}

function sorted(fields: CanonicalSpec): CanonicalSpec {
  return Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
