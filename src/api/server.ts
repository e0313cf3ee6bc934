import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { StatusStore } from "../agent/status.ts";
import { limitConnections } from "./connections.ts";
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
    {
      headersTimeout: 5000,
      requestTimeout: 10_000,
      keepAliveTimeout: 5000,
      maxHeaderSize: 8192,
      // Only so often are those limits looked at.
      connectionsCheckingInterval: 1000,
    },
    (request, response) => {
      receive(request, response, status);
    },
  );
  // Also one that reads its answer slowly.
  server.timeout = 10_000;
  limitConnections(server);
  server.on("clientError", (_, socket) => socket.destroy());
  return server;
}

/** The most that is read of a body, which is thrown away. */
const MAX_BODY = 64 * 1024;

/** Answers once the whole request is there: what comes after an answer would be read without any limit. */
function receive(request: IncomingMessage, response: ServerResponse, status: Facts): void {
  let size = 0;
  request.on("error", () => undefined);
  request.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAX_BODY) request.socket.destroy();
  });
  request.once("end", () => answer(request, response, status));
}

function answer(request: IncomingMessage, response: ServerResponse, status: Facts): void {
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
        )
        .catch(() => response.destroy());
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
