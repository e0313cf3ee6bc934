import type { ImageState } from "../plan/target.ts";
import type { DeploymentRevision } from "../state/memory.ts";
import type { DesiredService, DesiredState } from "../state/desired.ts";
import type { RouteReport } from "./ingress-port.ts";
import type { MemoryStore } from "./memory.ts";
import { deploymentStatus, iso, isoOrNull, pulling, type DeploymentStatus } from "./deployment-status.ts";
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
  /** What is known now of an image that is pulled. */
  image: (deployment: string, revision: DeploymentRevision) => ImageState;
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
              {
                ...deploymentStatus(name, report, since, context.memory),
                ...pulling(name, report, context.image),
              },
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
