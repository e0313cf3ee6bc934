/** Constant load on one host name, counted from outside: every request that a client would call failed. */
import { fork } from "node:child_process";
import { join } from "node:path";
import { z } from "zod";

export const optionsShape = z.object({
  address: z.string(),
  port: z.number(),
  /** The `Host` header. */
  host: z.string(),
  /** Half of them keep their connection, the other half make one per request; half GET, half POST with a body. */
  connections: z.number(),
  /** Between an answer and the next request of a connection, ms. */
  paceMs: z.number(),
  /** So many requests at most, whatever happens. */
  limit: z.number(),
});
type LoadOptions = z.output<typeof optionsShape>;

const reportShape = z.object({
  requests: z.number(),
  failed: z.number(),
  /** How often by what the client saw. */
  reasons: z.record(z.string(), z.number()),
  /** When and what, up to ten. */
  firstFailures: z.array(z.string()),
  /** How often by the body of a GET's answer. */
  answers: z.record(z.string(), z.number()),
  /** ms. */
  p50: z.number(),
  p99: z.number(),
  slowest: z.number(),
});
export type LoadReport = z.output<typeof reportShape>;

export interface Load {
  /** What has been counted so far. */
  report(): Promise<LoadReport>;
  /** Lets the requests under way finish, and tells everything. */
  stop(): Promise<LoadReport>;
}

/** Starts the load in a process of its own; it ends with {@link Load.stop}, and with this process. */
export function startLoad(options: { port: number; host: string } & Partial<LoadOptions>): Load {
  const all: LoadOptions = {
    address: "127.0.0.1",
    connections: 32,
    paceMs: 25,
    limit: 2_000_000,
    ...options,
  };
  const child = fork(join(import.meta.dirname, "load-process.ts"), [JSON.stringify(all)]);
  const ask = (message: "report" | "stop"): Promise<LoadReport> =>
    new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error("the load generator ended"));
      child.once("exit", ended);
      child.once("message", (answer) => {
        child.off("exit", ended);
        resolve(reportShape.parse(answer));
      });
      child.send(message);
    });
  let last: Promise<LoadReport> | null = null;
  return {
    report: () => ask("report"),
    stop: () => (last ??= ask("stop")),
  };
}
