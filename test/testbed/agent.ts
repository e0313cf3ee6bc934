import { spawn, type ChildProcess } from "node:child_process";
import { request } from "node:http";
import { join } from "node:path";
import { z } from "zod";
import { until } from "./wait.ts";

const root = join(import.meta.dirname, "..", "..");

const statusShape = z.object({
  node: z.object({
    environment: z.string(),
    git_head: z.string().nullable(),
    sync_error: z.string().nullable(),
    engine_error: z.string().nullable(),
    ingress_error: z.string().nullable(),
  }),
  deployments: z.record(
    z.string(),
    z.object({
      state: z.string(),
      message: z.string(),
      revision: z.string().nullable(),
      ready_replicas: z.number(),
      container_id: z.string().nullable(),
      logs: z.array(z.string()),
      containers: z.array(z.object({ name: z.string(), address: z.string().nullable() })),
    }),
  ),
  services: z.record(
    z.string(),
    z.object({
      state: z.string(),
      message: z.string(),
      domain: z.string().nullable(),
      upstreams: z.array(z.string()),
      certificate: z.object({ issuer: z.string(), expires: z.string() }).nullable(),
    }),
  ),
  diagnostics: z.array(z.object({ file: z.string(), message: z.string() })),
});
export type SeenStatus = z.output<typeof statusShape>;

export interface RunningAgent {
  process: ChildProcess;
  port: number;
  output(): string;
  status(): Promise<SeenStatus>;
  /** Waits until a deployment is in a state. */
  state(name: string, state: string, timeoutMs?: number): Promise<SeenStatus["deployments"][string]>;
  end(signal: "SIGTERM" | "SIGKILL"): Promise<number | string | null>;
}

/** Runs `orun start` as a process of its own. */
export function runAgent(options: {
  repo: string;
  socket: string;
  dataDir: string;
  port: number;
  branch?: string;
  node?: string;
  /** Default: `bin/orun` of this checkout. */
  program?: string;
  /** Default: 500ms, the shortest. */
  pollInterval?: string;
  /** More flags of `orun start`. */
  flags?: readonly string[];
  /** Over this process's own environment. */
  env?: Record<string, string>;
}): RunningAgent {
  const args = [
    "start",
    "--repo",
    options.repo,
    "--node",
    options.node ?? "test",
    "--branch",
    options.branch ?? "main",
    "--data-dir",
    options.dataDir,
    "--docker-host",
    `unix://${options.socket}`,
    "--status-port",
    String(options.port),
    "--poll-interval",
    options.pollInterval ?? "500ms",
    ...(options.flags ?? []),
  ];
  const child = spawn(options.program ?? join(root, "bin", "orun"), args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
  });
  let output = "";
  const keep = (chunk: Buffer): void => {
    output += chunk.toString("utf8");
    // For who looks into a failing test.
    if (process.env["ORUN_TEST_LOG"] !== undefined) process.stderr.write(chunk);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const status = async (): Promise<SeenStatus> =>
    statusShape.parse(JSON.parse((await fetchText(options.port, "/status")).body));
  return {
    process: child,
    port: options.port,
    output: () => output,
    status,
    state: async (name, state, timeoutMs = 40_000) => {
      let seen: SeenStatus | null = null;
      try {
        return await until(
          `${name} is ${state}`,
          async () => {
            seen = await status().catch(() => null);
            const deployment = seen?.deployments[name];
            return deployment?.state === state ? deployment : null;
          },
          timeoutMs,
        );
      } catch (cause) {
        throw new Error(
          `${name} never was ${state}; status: ${JSON.stringify(seen)}; log: ${output.slice(-4000)}`,
          { cause },
        );
      }
    },
    async end(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? child.signalCode;
      const ended = new Promise<number | string | null>((resolve) => {
        child.once("exit", (code, by) => resolve(code ?? by));
      });
      child.kill(signal);
      // One that a test has stopped would never hear of it.
      child.kill("SIGCONT");
      return await ended;
    },
  };
}

/** A plain request without a body, on loopback or on a container's address when `host` is given. */
export function fetchText(
  port: number,
  path: string,
  headers: Record<string, string> = {},
  host = "127.0.0.1",
  method = "GET",
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host, port, path, method, headers, agent: false, timeout: 5000 },
      (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          body += chunk;
        });
        response.once("error", reject);
        response.once("end", () => resolve({ status: response.statusCode ?? 0, body }));
      },
    );
    outgoing.once("timeout", () => outgoing.destroy(new Error("no answer within 5 s")));
    outgoing.once("error", reject);
    outgoing.end();
  });
}
