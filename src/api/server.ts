import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { StatusStore } from "../agent/status.ts";
import { ingressFamilies, renderMetrics } from "./metrics.ts";

interface Facts extends Pick<StatusStore, "ready" | "snapshot"> {
  /** The ingress's own metrics, Prometheus text; null while it does not run. */
  ingressMetrics(): Promise<string | null>;
}

/**
 * The read-only status API (SPEC 5) on 127.0.0.1. GET and POST alike; a foreign `Host` or `Origin` gets 403 (DNS
 * rebinding); bodies are thrown away; slow clients are cut off and never hold the agent up.
 */
export function createStatusServer(status: Facts): Server {
  const server = createServer(
    { headersTimeout: 5000, requestTimeout: 10_000, keepAliveTimeout: 5000, maxHeaderSize: 8192 },
    (request, response) => {
      answer(request, response, status);
    },
  );
  server.maxConnections = 64;
  server.on("clientError", (_, socket) => socket.destroy());
  return server;
}

function answer(request: IncomingMessage, response: ServerResponse, status: Facts): void {
  let size = 0;
  request.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > 64 * 1024) request.destroy();
  });
  request.on("error", () => undefined);
  const host = request.headers.host ?? "";
  const { origin } = request.headers;
  if (
    !/^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i.test(host) ||
    (origin !== undefined && origin !== `http://${host}`)
  ) {
    send(response, 403, {
      error:
        "Host must be localhost, 127.0.0.1 or [::1], and Origin the same: reach this port through an SSH tunnel",
    });
    return;
  }
  if (request.method !== "GET" && request.method !== "POST" && request.method !== "HEAD") {
    response.setHeader("allow", "GET, POST");
    send(response, 405, { error: "this API only reads: use GET" });
    return;
  }
  switch ((request.url ?? "/").split("?")[0]) {
    case "/healthz":
      send(response, 200, { status: "ok" });
      return;
    case "/readyz":
      send(response, status.ready() ? 200 : 503, {
        status: status.ready() ? "ok" : "waiting for every deployment to settle once",
      });
      return;
    case "/status":
      send(response, 200, status.snapshot());
      return;
    case "/metrics":
      void status
        .ingressMetrics()
        // An ingress in trouble hides nothing of the agent's own.
        .catch(() => null)
        .then((ingress) =>
          response
            .writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" })
            .end(renderMetrics(status.snapshot()) + (ingress === null ? "" : ingressFamilies(ingress))),
        );
      return;
    default:
      send(response, 404, { error: "there is /healthz, /readyz, /status and /metrics" });
  }
}

function send(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, {
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  response.end(`${JSON.stringify(body)}\n`);
}
