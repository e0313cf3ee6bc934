import { request } from "node:http";
import { connect } from "node:net";
import type { Engine, ProbeResult, ProbeRunner } from "../agent/ports.ts";

/** So much of an answer's body is read and thrown away; more changes no verdict (bytes). */
const BODY_CAP = 64 * 1024;

/** Probes a container on its own address (SPEC 2, `health`): no redirects, no kept connections, one deadline for everything. */
export function createProbeRunner(exec: Engine["exec"]): ProbeRunner {
  return async (target, probe, signal) => {
    switch (probe.type) {
      case "http":
        return await probeHttp(target.address, probe.port, probe.path, probe.timeout, signal);
      case "tcp":
        return await probeTcp(target.address, probe.port, probe.timeout, signal);
      case "exec":
        try {
          const result = await exec(target.containerId, probe.command, probe.timeout, signal);
          const words = result.output.trim().split("\n").at(-1) ?? "";
          return {
            ok: result.exitCode === 0,
            detail: `exit code ${String(result.exitCode)}${words === "" ? "" : `: ${words.slice(0, 200)}`}`,
          };
        } catch (error) {
          return { ok: false, detail: error instanceof Error ? error.message : String(error) };
        }
    }
  };
}

function probeHttp(
  host: string,
  port: number,
  path: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const deadline = AbortSignal.timeout(timeoutMs);
    const outgoing = request({
      host,
      port,
      path,
      method: "GET",
      agent: false,
      headers: { host: `localhost:${String(port)}`, "user-agent": "orun-probe", connection: "close" },
      signal: AbortSignal.any([signal, deadline]),
    });
    outgoing.once("response", (response) => {
      const status = response.statusCode ?? 0;
      let size = 0;
      const verdict = { ok: status >= 200 && status < 400, detail: String(status) };
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > BODY_CAP) outgoing.destroy();
      });
      response.once("close", () => resolve(verdict));
      response.once("error", () => resolve(verdict));
    });
    outgoing.once("error", (error) => resolve({ ok: false, detail: reason(error, deadline, timeoutMs) }));
    outgoing.end();
  });
}

function probeTcp(host: string, port: number, timeoutMs: number, signal: AbortSignal): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const deadline = AbortSignal.timeout(timeoutMs);
    const both = AbortSignal.any([signal, deadline]);
    const socket = connect({ host, port });
    const stop = (): void => {
      socket.destroy(new Error("stopped"));
    };
    both.addEventListener("abort", stop, { once: true });
    const end = (result: ProbeResult): void => {
      both.removeEventListener("abort", stop);
      socket.destroy();
      resolve(result);
    };
    socket.once("connect", () => end({ ok: true, detail: "connected" }));
    socket.once("error", (error) => end({ ok: false, detail: reason(error, deadline, timeoutMs) }));
    if (both.aborted) stop();
  });
}

function reason(error: Error, deadline: AbortSignal, timeoutMs: number): string {
  if (deadline.aborted) return `no answer within ${String(timeoutMs)} ms`;
  const code = "code" in error ? String(error.code) : "";
  const words: Record<string, string> = {
    ECONNREFUSED: "connection refused",
    ECONNRESET: "connection reset",
    EHOSTUNREACH: "host unreachable",
  };
  return words[code] ?? error.message;
}
