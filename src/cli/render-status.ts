import { z } from "zod";

/** What of the status is shown; what a newer agent adds is passed over. */
export const statusShape = z.object({
  node: z.object({
    name: z.string(),
    environment: z.string(),
    version: z.string(),
    git_head: z.string().nullable(),
    git_branch: z.string(),
    observed_head: z.string().nullable(),
    sync_error: z.string().nullable(),
    engine_error: z.string().nullable().default(null),
    last_sync_time: z.string().nullable(),
  }),
  deployments: z.record(
    z.string(),
    z.object({
      name: z.string(),
      image: z.string().nullable(),
      state: z.string(),
      message: z.string(),
      commit: z.string().nullable(),
      ready_replicas: z.number(),
      replicas: z.number(),
      restarts: z.number(),
      since: z.string(),
      probes: z.array(z.string()).default([]),
      logs: z.array(z.string()).default([]),
      containers: z.array(z.object({ id: z.string(), name: z.string(), state: z.string() })),
    }),
  ),
  diagnostics: z.array(
    z.object({
      file: z.string(),
      line: z.number(),
      column: z.number(),
      severity: z.string(),
      message: z.string(),
    }),
  ),
});
export type ShownStatus = z.output<typeof statusShape>;

/** The status as a table for people. */
export function renderStatus(status: ShownStatus): string {
  const { node } = status;
  const lines = [
    `node ${node.name} (${node.environment}), branch ${node.git_branch} at ${node.git_head?.slice(0, 8) ?? "nothing yet"}, orun ${node.version}`,
  ];
  if (node.sync_error !== null) lines.push(`! ${node.sync_error}`);
  if (node.engine_error !== null) lines.push(`! ${node.engine_error}`);
  const rows = Object.values(status.deployments).map((item) => [
    item.name,
    item.state,
    `${String(item.ready_replicas)}/${String(item.replicas)}`,
    item.image ?? "-",
    item.commit?.slice(0, 8) ?? "-",
    age(item.since),
    String(item.restarts),
  ]);
  if (rows.length === 0) lines.push("no deployments");
  else
    lines.push(
      "",
      ...table([["DEPLOYMENT", "STATE", "READY", "IMAGE", "COMMIT", "SINCE", "RESTARTS"], ...rows]),
    );
  for (const item of Object.values(status.deployments)) {
    if (item.message === "") continue;
    lines.push(
      "",
      `${item.name}: ${item.message}`,
      ...item.probes.slice(-3).map((probe) => `  ${probe}`),
      ...item.logs.slice(-5).map((line) => `  | ${line}`),
    );
  }
  for (const item of status.diagnostics)
    lines.push(`${item.file}:${String(item.line)}:${String(item.column)}: ${item.severity}: ${item.message}`);
  return `${lines.join("\n")}\n`;
}

function table(rows: string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

function age(since: string): string {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(since)) / 1000));
  if (seconds < 120) return `${String(seconds)}s`;
  if (seconds < 7200) return `${String(Math.round(seconds / 60))}m`;
  return seconds < 172_800
    ? `${String(Math.round(seconds / 3600))}h`
    : `${String(Math.round(seconds / 86_400))}d`;
}
