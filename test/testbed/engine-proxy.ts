/**
 * PX: a recording, faulting proxy in front of an engine's socket (FAULTS, "Harness"). It writes down every call that changes
 * something, judges each by the invariants, and breaks what a test asks it to break.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Expectations, violationsOf } from "./engine-invariants.ts";

/** A call that changes something, as it came. */
export interface MutatingCall {
  method: string;
  /** Without the version: "/containers/<id>/start". */
  path: string;
  query: URLSearchParams;
  body: unknown;
  /** The engine's answer; null: none came, or none was asked for. */
  status: number | null;
}

/** Which calls a fault is for. */
type Match = (call: Pick<MutatingCall, "method" | "path">) => boolean;

export type ProxyFault =
  /** At the n-th mutating call from now on (1-based): `kill` ends the agent before the engine sees the call, or after it has answered and before the agent hears of it. */
  | { kind: "kill"; at: number; when: "before" | "after"; kill: () => Promise<unknown> }
  /** The n-th mutating call is carried out, and its answer lost. */
  | { kind: "drop-reply"; at: number }
  /** The first such call waits until `meanwhile` is done before it reaches the engine. */
  | { kind: "interrupt"; match: Match; meanwhile: () => Promise<unknown> }
  /** An answer of the proxy's own, so many times. */
  | { kind: "status"; match: Match; status: number; times: number }
  /** No answer at all. */
  | { kind: "hang"; match: Match }
  /** The list of containers stays as it is at this moment. */
  | { kind: "stale-list" };

export interface EngineProxy {
  socket: string;
  /** Mutating calls since the start or the last `forget`, in the order in which they came. */
  calls(): readonly MutatingCall[];
  /** What went against an invariant, in words; a test asserts that there is nothing. */
  violations: readonly string[];
  /** How often the fault in force was hit. */
  hits(): number;
  /** Sets the fault in force; null heals: calls that hang are cut. */
  fault(fault: ProxyFault | null): Promise<void>;
  /** Other manifests are in force now. */
  expect(change: Partial<Expectations>): void;
  /** Counts from one again. */
  forget(): void;
  stop(): Promise<void>;
}

/** Starts it in front of the engine's socket. */
export async function startEngineProxy(engineSocket: string, expected: Expectations): Promise<EngineProxy> {
  const folder = mkdtempSync(join(tmpdir(), "orun-proxy-"));
  const socket = join(folder, "engine.sock");
  const log: MutatingCall[] = [];
  let from = 0;
  const violations: string[] = [];
  const held = new Set<ServerResponse>();
  let fault: ProxyFault | null = null;
  let hits = 0;
  let seen = 0;
  let frozen: string | null = null;
  let expectations = expected;

  const record = async (incoming: IncomingMessage, url: URL, body: Buffer): Promise<MutatingCall> => {
    const call = {
      method: incoming.method ?? "GET",
      path: url.pathname,
      query: url.searchParams,
      body: parse(body),
      status: null,
    };
    violations.push(...(await violationsOf(call, log, engineSocket, expectations)));
    log.push(call);
    return call;
  };

  const handle = async (incoming: IncomingMessage, answer: ServerResponse): Promise<void> => {
    const url = new URL((incoming.url ?? "/").replace(/^\/v[0-9.]+(?=\/)/, ""), "http://docker");
    const method = incoming.method ?? "GET";
    const body = await read(incoming);
    const call = changes(method, url.pathname) ? await record(incoming, url, body) : null;
    if (call !== null) seen += 1;
    const current = fault;
    switch (current?.kind) {
      case "kill":
      case "drop-reply":
        if (call === null || seen !== current.at) break;
        hits += 1;
        if (current.kind === "kill" && current.when === "before") {
          await current.kill();
          answer.destroy();
          return;
        }
        call.status = (await ask(engineSocket, incoming, body)).status;
        if (current.kind === "kill") await current.kill();
        answer.destroy();
        return;
      case "interrupt":
        if (hits > 0 || !current.match({ method, path: url.pathname })) break;
        hits += 1;
        await current.meanwhile();
        break;
      case "status":
        if (!current.match({ method, path: url.pathname }) || hits >= current.times) break;
        hits += 1;
        answer.writeHead(current.status, { "content-type": "application/json" });
        answer.end(JSON.stringify({ message: `the test bed answers ${String(current.status)}` }));
        return;
      case "hang":
        if (!current.match({ method, path: url.pathname })) break;
        hits += 1;
        held.add(answer);
        answer.once("close", () => held.delete(answer));
        return;
      case "stale-list":
        if (frozen === null || method !== "GET" || url.pathname !== "/containers/json") break;
        hits += 1;
        answer.writeHead(200, { "content-type": "application/json" });
        answer.end(frozen);
        return;
      case undefined:
        break;
    }
    forward(engineSocket, incoming, body, answer, (status) => {
      if (call !== null) call.status = status;
    });
  };

  const server = createServer((incoming, answer) => {
    handle(incoming, answer).catch(() => answer.destroy());
  });
  // Waiting for an exec or an event takes as long as it takes.
  server.requestTimeout = 0;
  // As the engine: idle connections stay.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    socket,
    calls: () => log.slice(from),
    violations,
    hits: () => hits,
    async fault(next) {
      frozen = next?.kind === "stale-list" ? await list(engineSocket) : null;
      hits = 0;
      seen = 0;
      fault = next;
      for (const answer of held) answer.destroy();
    },
    expect(change) {
      expectations = { ...expectations, ...change };
    },
    forget() {
      from = log.length;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Whether a call changes anything. Probes run commands in containers (exec), which changes none (SPEC 3). */
function changes(method: string, path: string): boolean {
  if (method === "GET" || method === "HEAD") return false;
  return !/^\/(containers\/[^/]+\/(exec|wait)|exec\/.*|auth)$/.test(path);
}

function forward(
  socketPath: string,
  incoming: IncomingMessage,
  body: Buffer,
  answer: ServerResponse,
  onStatus: (status: number) => void,
): void {
  const { method, url, headers } = incoming;
  const outgoing = request({ socketPath, method, path: url, headers, agent: false }, (reply) => {
    onStatus(reply.statusCode ?? 0);
    answer.writeHead(reply.statusCode ?? 502, reply.headers);
    // A stream of events begins with silence.
    answer.flushHeaders();
    reply.pipe(answer);
    reply.once("error", () => answer.destroy());
    reply.once("close", () => {
      if (!reply.complete) answer.destroy();
    });
  });
  outgoing.once("error", () => answer.destroy());
  answer.once("close", () => outgoing.destroy());
  outgoing.end(body);
}

/** Carries a call out to its end, whoever listens. */
function ask(
  socketPath: string,
  incoming: IncomingMessage,
  body: Buffer,
): Promise<{ status: number; body: string }> {
  const { method, url, headers } = incoming;
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path: url, headers, agent: false }, (reply) => {
      read(reply).then(
        (bytes) => resolve({ status: reply.statusCode ?? 0, body: bytes.toString("utf8") }),
        reject,
      );
    });
    outgoing.once("error", reject);
    outgoing.end(body);
  });
}

async function list(socketPath: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path: "/containers/json?all=true", agent: false }, (reply) => {
      read(reply).then((bytes) => resolve(bytes.toString("utf8")), reject);
    });
    outgoing.once("error", reject);
    outgoing.end();
  });
}

async function read(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) if (chunk instanceof Buffer) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function parse(body: Buffer): unknown {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return value;
  } catch {
    return null;
  }
}
