import type { Status } from "../agent/status.ts";

const STATES = [
  "pending",
  "pulling",
  "building",
  "starting",
  "running",
  "degraded",
  "rolled_back",
  "held",
  "suspended",
  "failed",
  "removing",
];

const SERVICE_STATES = ["active", "pending", "held", "rejected", "inactive"];

/**
 * What the ingress tells of requests, configurations and its admin API. What it tells of its process has the names of ours,
 * and its proxy's upstreams have the names of slots: they are left out.
 */
export function ingressFamilies(text: string): string {
  return text
    .split("\n")
    .filter((line) => /^(# (HELP|TYPE) )?caddy_(?!reverse_proxy_upstreams)/.test(line))
    .map((line) => `${line}\n`)
    .join("");
}

/** The status in Prometheus' text format (version 0.0.4). */
export function renderMetrics(status: Status): string {
  const lines: string[] = [];
  const family = (name: string, type: "gauge" | "counter", help: string): void => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
  };
  const sample = (name: string, labels: Record<string, string>, value: number): void => {
    const text = Object.entries(labels).map(
      ([key, label]) => `${key}="${label.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n")}"`,
    );
    lines.push(`${name}${text.length === 0 ? "" : `{${text.join(",")}}`} ${String(value)}`);
  };
  const { node } = status;
  family("orun_info", "gauge", "The agent.");
  sample(
    "orun_info",
    { node: node.name, environment: node.environment, version: node.version, branch: node.git_branch },
    1,
  );
  family("orun_sync_ok", "gauge", "1 while the last poll of Git succeeded and its commit is followed.");
  sample("orun_sync_ok", {}, node.sync_error === null ? 1 : 0);
  family("orun_last_sync_timestamp_seconds", "gauge", "When Git last answered.");
  sample(
    "orun_last_sync_timestamp_seconds",
    {},
    node.last_sync_time === null ? 0 : Date.parse(node.last_sync_time) / 1000,
  );
  family("orun_engine_ok", "gauge", "1 while the engine answers.");
  sample("orun_engine_ok", {}, node.engine_error === null ? 1 : 0);
  family("orun_commit_in_force", "gauge", "1 while the commit in force is the branch's head.");
  sample("orun_commit_in_force", {}, node.git_head !== null && node.git_head === node.observed_head ? 1 : 0);
  family("orun_deployment_state", "gauge", "1 for the state that a deployment is in.");
  for (const deployment of Object.values(status.deployments)) {
    for (const state of STATES)
      sample(
        "orun_deployment_state",
        { deployment: deployment.name, state },
        deployment.state === state ? 1 : 0,
      );
  }
  family("orun_deployment_replicas", "gauge", "Replicas asked for.");
  for (const deployment of Object.values(status.deployments))
    sample("orun_deployment_replicas", { deployment: deployment.name }, deployment.replicas);
  family("orun_deployment_ready_replicas", "gauge", "Replicas ready.");
  for (const deployment of Object.values(status.deployments))
    sample("orun_deployment_ready_replicas", { deployment: deployment.name }, deployment.ready_replicas);
  family(
    "orun_deployment_restarts_total",
    "counter",
    "Restarts by the engine of the containers that run now.",
  );
  for (const deployment of Object.values(status.deployments))
    sample("orun_deployment_restarts_total", { deployment: deployment.name }, deployment.restarts);
  family("orun_ingress_ok", "gauge", "1 while the ingress is as it should be, or not needed.");
  sample("orun_ingress_ok", {}, node.ingress_error === null ? 1 : 0);
  family("orun_service_state", "gauge", "1 for the state that a Service is in.");
  for (const service of Object.values(status.services)) {
    for (const state of SERVICE_STATES)
      sample("orun_service_state", { service: service.name, state }, service.state === state ? 1 : 0);
  }
  family("orun_service_upstreams", "gauge", "Containers that requests of a Service are sent to.");
  for (const service of Object.values(status.services))
    sample("orun_service_upstreams", { service: service.name }, service.upstreams.length);
  family("orun_certificate_expiry_timestamp_seconds", "gauge", "When the certificate of a Service expires.");
  for (const service of Object.values(status.services)) {
    if (service.certificate !== null)
      sample(
        "orun_certificate_expiry_timestamp_seconds",
        { service: service.name, domain: service.domain ?? "" },
        Date.parse(service.certificate.expires) / 1000,
      );
  }
  family("orun_diagnostics", "gauge", "Findings about the manifests in force.");
  for (const severity of ["error", "warning"])
    sample(
      "orun_diagnostics",
      { severity },
      status.diagnostics.filter((item) => item.severity === severity).length,
    );
  family("process_resident_memory_bytes", "gauge", "Resident memory.");
  sample("process_resident_memory_bytes", {}, process.memoryUsage.rss());
  const cpu = process.cpuUsage();
  family("process_cpu_seconds_total", "counter", "CPU time.");
  sample("process_cpu_seconds_total", {}, (cpu.user + cpu.system) / 1e6);
  return `${lines.join("\n")}\n`;
}
