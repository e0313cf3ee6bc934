/** The status API of a running agent against those who should not get at it (FAULTS, attacks 25 to 27). */
import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { fetchText, runAgent, type RunningAgent } from "../testbed/agent.ts";
import { freePort } from "../testbed/free-port.ts";
import { createGitRemote } from "../testbed/git-remote.ts";
import { openSandbox } from "../testbed/sandbox.ts";
import { until } from "../testbed/wait.ts";

describe("the status API", () => {
  const sandbox = openSandbox({ after });
  let agent: RunningAgent;

  before(async () => {
    const remote = await createGitRemote();
    sandbox.defer(() => remote.remove());
    await remote.commit({ "README.md": "no manifests" }, "begin");
    const folder = sandbox.folder();
    agent = runAgent({
      repo: remote.path,
      // No engine: the agent lives and answers all the same.
      socket: join(folder, "no-engine.sock"),
      dataDir: join(folder, "data"),
      port: await freePort(),
    });
    sandbox.defer(() => agent.end("SIGKILL"));
    await until("the agent answers", () => healthy());
  });

  const healthy = async (): Promise<boolean> =>
    (await fetchText(agent.port, "/healthz").catch(() => null))?.status === 200;
  const send = (
    method: string,
    headers: Record<string, string>,
    body = "",
  ): Promise<{ status: number; text: string }> =>
    new Promise((resolve, reject) => {
      const outgoing = request(
        { port: agent.port, path: "/status", method, headers, agent: false },
        (response) => {
          let text = "";
          response.setEncoding("utf8");
          response.on("data", (chunk: string) => {
            text += chunk;
          });
          response.once("error", reject);
          response.once("end", () => resolve({ status: response.statusCode ?? 0, text }));
        },
      );
      outgoing.once("error", reject);
      outgoing.end(body);
    });
  const raw = async (text: string): Promise<Socket> => {
    const socket = connect(agent.port, "127.0.0.1");
    sandbox.defer(() => socket.destroy());
    socket.on("error", () => undefined);
    await once(socket, "connect");
    socket.write(text);
    return socket;
  };

  it("answers GET and POST alike, with every key there and null for what is not known", async () => {
    const seen = await send("GET", {});
    const posted = await send("POST", {}, "anything");
    assert.equal(seen.status, 200);
    assert.equal(posted.status, 200);
    const shape = z.strictObject({
      node: z.object({
        name: z.string(),
        environment: z.string(),
        version: z.string(),
        started_at: z.iso.datetime(),
        last_sync_time: z.null(),
        git_head: z.null(),
        git_branch: z.literal("main"),
        sync_error: z.null(),
        next_poll_time: z.null(),
        observed_head: z.null(),
        engine_error: z.string(),
      }),
      deployments: z.strictObject({}),
      services: z.strictObject({}),
      diagnostics: z.array(z.never()),
    });
    for (const { text } of [seen, posted]) shape.parse(JSON.parse(text));
    assert.equal((await send("DELETE", {})).status, 405);
  });

  it("lets nobody in by another name: any port of localhost, and an Origin that is the same", async () => {
    for (const host of ["localhost", "localhost:9100", "127.0.0.1:80", "[::1]:8080", "LOCALHOST:1"])
      assert.equal((await send("GET", { host })).status, 200, host);
    for (const host of [
      "evil.example.com",
      "127.0.0.1.nip.io",
      "localhost.evil.example.com:9100",
      "localhost:9100@evil",
      "127.0.0.2",
      "localhost:999999",
      "[::1].evil",
    ])
      assert.equal((await send("GET", { host })).status, 403, host);
    const host = "localhost:9200";
    assert.equal((await send("POST", { host, origin: "http://localhost:9200" })).status, 200);
    for (const origin of [
      "http://evil.example.com",
      "null",
      "http://localhost:9201",
      "https://localhost:9200",
    ])
      assert.equal((await send("POST", { host, origin })).status, 403, origin);
    const answer = await send("GET", { host: "evil.example.com" });
    assert.doesNotMatch(answer.text, /deployments|git_head/);
  });

  it("listens on loopback only", async () => {
    const others = Object.values(networkInterfaces())
      .flat()
      .filter((item) => item !== undefined)
      .filter((item) => !item.internal && item.family === "IPv4");
    for (const { address } of others) {
      const socket = connect(agent.port, address);
      const [error] = z.tuple([z.instanceof(Error)]).parse(await once(socket, "error"));
      assert.match(String(error), /ECONNREFUSED/);
    }
  });

  it("discards bodies, and cuts a large one off", async () => {
    assert.equal((await send("POST", {}, "x".repeat(60_000))).status, 200);
    const socket = await raw(
      "POST /status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n",
    );
    let sent = 0;
    const chunk = Buffer.alloc(65_536);
    // More than any buffer on the way takes; each piece only when the one before has left.
    for (; !socket.destroyed && sent < 50_000_000; sent += chunk.length) {
      await new Promise<void>((resolve) => socket.write(chunk, () => resolve()));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(sent < 50_000_000, `${String(sent)} bytes`);
  });

  it("serves a newcomer while hundreds dawdle, and cuts them off", async () => {
    const sockets: Socket[] = [];
    for (let count = 0; count < 300; count++) {
      const kind = count % 3;
      sockets.push(
        await raw(
          kind === 0
            ? "GET /status HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
            : kind === 1
              ? ""
              : "POST /status HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n",
        ),
      );
    }
    // They go on, byte by byte.
    const drip = setInterval(() => {
      for (const socket of sockets) if (!socket.destroyed) socket.write("a");
    }, 200);
    try {
      for (let round = 0; round < 20; round++) assert.ok(await healthy(), `round ${String(round)}`);
      await until("all of them are cut off", () => sockets.every((socket) => socket.destroyed), 60_000);
    } finally {
      clearInterval(drip);
    }
    assert.ok(await healthy());
  });

  it("shrugs at what is no HTTP", async () => {
    for (const text of [
      "\u0000\u0001\u0002",
      "GET / HTTP/9.9\r\n\r\n",
      `GET /${"a".repeat(20_000)} HTTP/1.1\r\n\r\n`,
    ]) {
      const socket = await raw(text);
      socket.resume();
      await until("it is cut off", () => socket.destroyed);
    }
    assert.ok(await healthy());
    assert.equal(agent.process.exitCode, null);
  });
});
