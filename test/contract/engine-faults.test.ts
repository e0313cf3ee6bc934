import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { EngineError, type EngineErrorKind } from "../../src/agent/errors.ts";
import { connect } from "../../src/docker/connection.ts";
import { connectEngine } from "../../src/docker/engine.ts";
import { encodeLabels } from "../../src/state/labels.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
const quiet = new AbortController().signal;
const owner = { node: "n", environment: "production" };

describe("the client over a socket that misbehaves", () => {
  const folder = mkdtempSync(join(tmpdir(), "orun-faults-"));
  const socketPath = join(folder, "engine.sock");
  const asked: string[] = [];
  let apiVersion = "1.43";
  let handler: Handler = (_, response) => void response.end("{}");
  const server = createServer((request, response) => {
    asked.push(`${request.method ?? ""} ${request.url ?? ""}`);
    if (request.url === "/_ping") response.setHeader("api-version", apiVersion).end("OK");
    else handler(request, response);
  });
  before(async () => {
    server.listen(socketPath);
    await once(server, "listening");
  });
  after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const get = (deadlineMs = 5000, signal = quiet) => ({
    method: "GET" as const,
    path: "/thing",
    deadlineMs,
    signal,
  });

  it("speaks the lower of both versions, and not below the floor", async () => {
    const connection = connect(socketPath);
    assert.equal(await connection.version(quiet), "1.43");
    apiVersion = "1.99";
    assert.equal(await connect(socketPath).version(quiet), "1.47");
    apiVersion = "1.40";
    await rejects(connect(socketPath).version(quiet), "api-version", /upgrade the engine/);
    apiVersion = "1.43";
  });

  it("negotiates again when the engine has become another one", async () => {
    const connection = connect(socketPath);
    await connection.version(quiet);
    apiVersion = "1.42";
    handler = (request, response) => {
      if (request.url?.startsWith("/v1.42/") === true) response.end('{"ok":true}');
      else
        response
          .writeHead(400)
          .end('{"message":"client version 1.43 is too new. Maximum supported API version is 1.42"}');
    };
    assert.deepEqual(await connection.json(get(), z.unknown()), { ok: true });
    apiVersion = "1.43";
  });

  it("settles when an answer is cut off in its middle", async () => {
    handler = (_, response) => {
      response.writeHead(200, { "content-length": 1000 });
      response.write('{"half":', () => response.destroy());
    };
    await rejects(connect(socketPath).json(get(), z.unknown()), "unreachable", /cut off/);
  });

  it("keeps its deadline before the head, in the body, and while a stream is silent", async () => {
    handler = () => undefined;
    await rejects(connect(socketPath).json(get(100), z.unknown()), "timeout");
    handler = (_, response) => void response.writeHead(200, { "content-length": 10 }).write("{");
    await rejects(connect(socketPath).json(get(100), z.unknown()), "timeout");
    const stream = await connect(socketPath).stream(get());
    await rejects(
      stream.read(() => undefined, 100),
      "timeout",
    );
  });

  it("calls an abort an abort, before and after the head", async () => {
    handler = () => undefined;
    const early = new AbortController();
    const waiting = connect(socketPath).json(get(5000, early.signal), z.unknown());
    setImmediate(() => early.abort());
    await rejects(waiting, "aborted");
    handler = (_, response) => void response.writeHead(200, { "content-length": 10 }).write("{");
    const late = new AbortController();
    const stream = await connect(socketPath).stream(get(5000, late.signal));
    await rejects(
      stream.read(() => late.abort(), null),
      "aborted",
    );
  });

  it("asks a GET again on a kept-alive connection that was closed, and never a POST", async () => {
    for (const [method, expected] of [
      ["GET", 2],
      ["POST", 1],
    ] as const) {
      const connection = connect(socketPath);
      handler = (_, response) => void response.end("{}");
      await connection.json(get(), z.unknown());
      asked.length = 0;
      let first = true;
      handler = (request, response) => {
        if (first) request.socket.destroy();
        else response.end("{}");
        first = false;
      };
      const work = connection.run({ method, path: "/thing", signal: quiet });
      if (method === "GET") await work;
      else await rejects(work, "unreachable");
      assert.equal(asked.filter((line) => line.endsWith("/thing")).length, expected);
      connection.close();
    }
  });

  it("refuses an answer of another shape, and what is not JSON", async () => {
    handler = (_, response) => void response.end("<html>");
    await rejects(connect(socketPath).json(get(), z.object({ Id: z.string() })), "engine", /shape/);
  });

  it("isolates a container that cannot be inspected", async () => {
    const labels = encodeLabels(owner, {
      deployment: "hello",
      revision: "0123456789abcdef",
      replica: 1,
      commit: "c",
      file: "f",
      spec: "{}",
      instance: "i",
    });
    handler = (request, response) => {
      if (request.url?.includes("/containers/json") === true)
        response.end(
          JSON.stringify([{ Id: "abc", Names: ["/x"], ImageID: "i", State: "running", Labels: labels }]),
        );
      else if (request.url?.includes("/networks") === true) response.end("[]");
      else response.writeHead(500).end('{"message":"input/output\\nerror"}');
    };
    const engine = connectEngine({ socketPath, owner, branch: "main", isKnown: () => false });
    const seen = await engine.observe(null, quiet);
    assert.deepEqual(seen.containers, []);
    assert.equal(seen.unreadable[0]?.deployment, "hello");
    assert.doesNotMatch(seen.unreadable[0].message, /\n/);
    engine.close();
  });

  it("says where no engine answers", async () => {
    await rejects(
      connect(join(folder, "absent.sock")).version(quiet),
      "unreachable",
      /absent\.sock.*systemctl/,
    );
  });
});

async function rejects(work: Promise<unknown>, kind: EngineErrorKind, message = /./): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof EngineError, String(error));
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, message);
    return true;
  });
}
