import { decodeCanonical } from "../state/canonical.ts";
import type { DesiredService, DesiredState } from "../state/desired.ts";
import type { RouteReport } from "./ingress-port.ts";
import type { MemoryStore } from "./memory.ts";
import type { DeploymentReport } from "./reconcile.ts";
import { syncError, type SyncFacts } from "./sync.ts";

/** What the status API, the metrics and `orun status` show (SPEC 5). Keys never disappear; unknown is null. */
export interface Status {
  node: {
    name: string;
    environment: string;
    version: string;
    started_at: string;
    last_sync_time: string | null;
    git_head: string | null;
    git_branch: string;
    sync_error: string | null;
    next_poll_time: string | null;
    observed_head: string | null;
    engine_error: string | null;
    /** Why the ingress could not be led to where it should be; null: it is there, or not needed. */
    ingress_error: string | null;
    /** This node's own manifest: in the commit, an earlier one because that one's is missing or wrong, or never found. */
    manifest: "found" | "last_good" | "missing";
  };
  deployments: Record<string, DeploymentStatus>;
  services: Record<string, ServiceStatus>;
  diagnostics: { file: string; line: number; column: number; severity: string; message: string }[];
}

interface DeploymentStatus {
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

interface ServiceStatus {
  name: string;
  deployment: string | null;
  domain: string | null;
  ssl: boolean;
  /** `active`, `pending`, `held`, `rejected`, or `inactive`: this environment does not serve it. */
  state: string;
  upstreams: string[];
  message: string;
  certificate: { issuer: string; expires: string } | null;
}

/** What the status shows of the ingress. */
interface IngressFacts {
  report(service: string): RouteReport | null;
  directed(): ReadonlyMap<string, readonly string[]> | null;
  error(): string | null;
}

export interface StatusStore {
  publish(name: string, report: DeploymentReport | null, now: number): void;
  desired(state: DesiredState): void;
  engineError(message: string | null): void;
  /** Whether every deployment has settled once. */
  ready(): boolean;
  isSettled(name: string): boolean;
  hasDesired(): boolean;
  snapshot(): Status;
}

/** Keeps the last report of every deployment and puts the status together on demand. */
export function createStatusStore(context: {
  node: string;
  environment: string;
  branch: string;
  version: string;
  startedAt: number;
  memory: MemoryStore;
  sync: () => SyncFacts | null;
  ingress: IngressFacts;
}): StatusStore {
  const reports = new Map<string, { report: DeploymentReport; since: number }>();
  const settledOnce = new Set<string>();
  let desired: DesiredState | null = null;
  let engineError: string | null = null;

  return {
    publish(name, report, now) {
      if (report === null) {
        reports.delete(name);
        return;
      }
      const before = reports.get(name);
      const since = before?.report.condition.state === report.condition.state ? before.since : now;
      reports.set(name, { report, since });
      const { state, settled } = report.condition;
      if (
        settled &&
        (state === "running" || state === "held" || state === "rolled_back" || state === "suspended")
      )
        settledOnce.add(name);
    },
    desired(state) {
      desired = state;
    },
    engineError(message) {
      engineError = message;
    },
    ready: () => desired !== null && [...desired.deployments.keys()].every((name) => settledOnce.has(name)),
    hasDesired: () => desired !== null,
    isSettled: (name) => reports.get(name)?.report.condition.settled ?? false,
    snapshot() {
      const sync = context.sync();
      return {
        node: {
          name: context.node,
          environment: context.environment,
          version: context.version,
          started_at: iso(context.startedAt),
          last_sync_time: isoOrNull(sync?.lastSyncAt ?? null),
          git_head: sync?.commit?.id ?? null,
          git_branch: context.branch,
          sync_error: sync === null ? null : syncError(sync),
          next_poll_time: isoOrNull(sync?.nextPollAt ?? null),
          observed_head: sync?.observedHead ?? null,
          engine_error: engineError,
          ingress_error: context.ingress.error(),
          manifest: desired?.nodeSource ?? (context.memory.get().node === null ? "missing" : "last_good"),
        },
        deployments: Object.fromEntries(
          [...reports]
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([name, { report, since }]) => [
              name,
              deploymentStatus(name, report, since, context.memory),
            ]),
        ),
        services: Object.fromEntries(
          [...(desired?.services.values() ?? [])].map((service) => [
            service.name,
            serviceStatus(service, context.ingress),
          ]),
        ),
        diagnostics: (desired?.diagnostics ?? []).map(({ file, line, column, severity, message }) => ({
          file,
          line,
          column,
          severity,
          message,
        })),
      };
    },
  };
}

function serviceStatus(service: DesiredService, ingress: IngressFacts): ServiceStatus {
  const { name, deployment, route, held } = service;
  const report = ingress.report(name);
  const upstreams = [...(ingress.directed()?.get(name) ?? [])];
  const shown = { name, deployment, domain: route?.host ?? null, ssl: route?.ssl ?? false, upstreams };
  const certificate =
    report?.certificate === null || report === null
      ? null
      : { issuer: report.certificate.issuer, expires: iso(report.certificate.expires) };
  if (held !== null) return { ...shown, state: "held", message: held, certificate };
  if (route === null) return { ...shown, state: "inactive", message: service.message, certificate };
  if (report === null) return { ...shown, state: "pending", message: ingress.error() ?? "", certificate };
  if (report.state !== "active")
    return { ...shown, state: report.state, message: report.message, certificate };
  return upstreams.length === 0
    ? {
        ...shown,
        state: "pending",
        message: `no container of '${route.deployment}' is ready yet`,
        certificate,
      }
    : { ...shown, state: "active", message: report.message, certificate };
}

function deploymentStatus(
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

function word(readiness: "unknown" | "passing" | "failing"): string | null {
  return readiness === "unknown" ? null : readiness === "passing" ? "healthy" : "unhealthy";
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : iso(ms);
}
