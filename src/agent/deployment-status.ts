import { decodeCanonical } from "../state/canonical.ts";
import type { DeploymentRevision } from "../state/memory.ts";
import type { ImageState } from "../plan/target.ts";
import type { MemoryStore } from "./memory.ts";
import type { DeploymentReport } from "./reconcile.ts";

/** A deployment as the status shows it (SPEC 5). */
export interface DeploymentStatus {
  name: string;
  image: string | null;
  image_digest: string | null;
  container_id: string | null;
  state: string;
  reason: string;
  message: string;
  revision: string | null;
  commit: string | null;
  ready_replicas: number;
  replicas: number;
  /** By the engine, of the containers that there are now. */
  restarts: number;
  /** By the agent since it started, because liveness failed. */
  liveness_restarts: number;
  health: { readiness: string | null; liveness: string | null };
  started_at: string | null;
  since: string;
  /** The probe history and last log lines of the release that failed, or the last log lines of what crashed; empty else. */
  probes: string[];
  logs: string[];
  containers: {
    id: string;
    name: string;
    revision: string;
    state: string;
    exit_code: number;
    restarts: number;
    started_at: string | null;
    readiness: string;
    address: string | null;
  }[];
}

/** From the last report, which is of observation, and from memory. */
export function deploymentStatus(
  name: string,
  report: DeploymentReport,
  since: number,
  memory: MemoryStore,
): DeploymentStatus {
  const { condition, target, wanted, containers } = report;
  const revision = target.kind === "run" ? target.revision : null;
  const shown =
    containers.find(
      (container) => container.revision === revision?.revision && container.phase === "running",
    ) ??
    containers.find((container) => container.phase === "running") ??
    containers[0] ??
    null;
  const remembered = memory.deployment(name);
  const id = revision?.revision ?? shown?.revision ?? null;
  const label = shown === null ? null : decodeCanonical(shown.specLabel)["image"];
  const image =
    revision?.spec.image ?? (label === undefined || label === null ? null : label.replace(/^"|"$/g, ""));
  const pin = id === null ? undefined : remembered.pins[id];
  const quarantine =
    wanted?.kind === "run" && remembered.quarantine?.specHash === wanted.revision.specHash
      ? remembered.quarantine
      : null;
  return {
    name,
    image,
    image_digest: pin?.digest ?? pin?.id ?? shown?.imageId ?? null,
    container_id: shown?.id ?? null,
    state: condition.state,
    reason: condition.reason,
    message: condition.message,
    revision: id,
    commit: shown?.commit ?? revision?.commit ?? null,
    ready_replicas: condition.readyReplicas,
    replicas: condition.replicas,
    restarts: containers.reduce((sum, container) => sum + container.restarts, 0),
    liveness_restarts: report.livenessRestarts,
    health: {
      readiness: shown === null ? null : word(shown.readiness),
      liveness:
        shown === null || (revision?.spec.health.liveness ?? null) === null
          ? null
          : shown.alive
            ? "healthy"
            : "unhealthy",
    },
    started_at: isoOrNull(shown?.startedAt ?? null),
    since: iso(since),
    probes: quarantine?.probes ?? [],
    logs: quarantine?.logs ?? [...(report.crash?.logs ?? [])],
    containers: containers.map((container) => ({
      id: container.id,
      name: container.name,
      revision: container.revision,
      state: container.phase,
      exit_code: container.exitCode,
      restarts: container.restarts,
      started_at: isoOrNull(container.startedAt),
      readiness: container.readiness,
      address:
        container.attachment.kind === "attached"
          ? (container.attachment.address ?? container.attachment.staticAddress)
          : null,
    })),
  };
}

/** Pulling takes minutes with nothing to decide: how far it is does not wait for the next look at the deployment. */
export function pulling(
  name: string,
  { condition, wanted }: DeploymentReport,
  imageOf: (deployment: string, revision: DeploymentRevision) => ImageState,
): { message?: string } {
  if (condition.state !== "pulling" || wanted?.kind !== "run") return {};
  const image = imageOf(name, wanted.revision);
  if (image.kind !== "pulling" || image.progress === null) return {};
  const { current, total } = image.progress;
  return { message: `${condition.message}: ${megabytes(current)} of ${megabytes(total)} MB` };
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function word(readiness: "unknown" | "passing" | "failing"): string | null {
  return readiness === "unknown" ? null : readiness === "passing" ? "healthy" : "unhealthy";
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

export function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : iso(ms);
}
