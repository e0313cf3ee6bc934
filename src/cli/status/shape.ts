import { z } from "zod";

const text = z.string().nullable().default(null);

/**
 * What of a status is shown (SPEC 5). The agents of a fleet may be older or newer than this command: what a newer one adds is
 * passed over, what an older one lacks is unknown.
 */
const statusShape = z.object({
  node: z.object({
    name: z.string(),
    environment: z.string(),
    version: z.string(),
    git_head: text,
    git_branch: z.string(),
    observed_head: text,
    sync_error: text,
    engine_error: text,
    ingress_error: text,
    last_sync_time: text,
    manifest: z.string().default("found"),
  }),
  deployments: z.record(
    z.string(),
    z.object({
      name: z.string(),
      image: text,
      state: z.string(),
      message: z.string().default(""),
      commit: text,
      ready_replicas: z.number().nullable().default(null),
      replicas: z.number().nullable().default(null),
      restarts: z.number().nullable().default(null),
      since: text,
      probes: z.array(z.string()).default([]),
      logs: z.array(z.string()).default([]),
      containers: z.array(z.object({ id: z.string(), name: z.string(), state: z.string() })).default([]),
    }),
  ),
  services: z
    .record(
      z.string(),
      z.object({
        name: z.string(),
        deployment: text,
        domain: text,
        ssl: z.boolean().default(false),
        state: z.string(),
        upstreams: z.array(z.string()).default([]),
        message: z.string().default(""),
        certificate: z.object({ issuer: z.string(), expires: z.string() }).nullable().default(null),
      }),
    )
    .default({}),
  diagnostics: z
    .array(
      z.object({
        file: z.string(),
        line: z.number(),
        column: z.number(),
        severity: z.string(),
        message: z.string(),
      }),
    )
    .default([]),
});
export type ShownStatus = z.output<typeof statusShape>;

/** Reads a status API's answer. Throws an error that says what is wrong with it. */
export function parseStatus(answer: string): ShownStatus {
  let value: unknown;
  try {
    value = JSON.parse(answer);
  } catch (cause) {
    throw new Error("what answers there is no orun agent: its answer is not JSON", { cause });
  }
  const parsed = statusShape.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Error(`what answers there is no orun agent: ${z.prettifyError(parsed.error)}`);
}

/** Whether all is well (exit code 0): in sync, everything runs or is suspended, every service is served, no mistake in a manifest. */
export function isWell(status: ShownStatus): boolean {
  const { node } = status;
  return (
    node.sync_error === null &&
    node.engine_error === null &&
    node.ingress_error === null &&
    Object.values(status.deployments).every(({ state }) => state === "running" || state === "suspended") &&
    Object.values(status.services).every(({ state }) => state === "active" || state === "inactive") &&
    status.diagnostics.every(({ severity }) => severity !== "error")
  );
}
