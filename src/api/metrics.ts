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
