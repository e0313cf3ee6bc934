import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { EngineError, type EngineErrorKind } from "../../src/agent/errors.ts";
import type { Engine, PullProgress } from "../../src/agent/ports.ts";
import { connectEngine } from "../../src/docker/engine.ts";
import { type Dockerd, startDockerd } from "../testbed/dockerd.ts";
import { api } from "../testbed/engine-api.ts";
import { demoImage } from "../testbed/images.ts";
import { until } from "../testbed/wait.ts";

const quiet = new AbortController().signal;

describe("pulling from a real registry", () => {
  const folder = mkdtempSync(join(tmpdir(), "orun-registry-"));
  let dockerd: Dockerd;
  let registry: ChildProcess;
  let engine: Engine & { close(): void };
  let host: string;
  const refusing = createServer((_, response) => {
    response.writeHead(401, { "www-authenticate": 'Basic realm="test"' });
    response.end('{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}');
  });

  before(async () => {
    host = `127.0.0.1:${String(await freePort())}`;
    const config = join(folder, "config.yml");
    writeFileSync(
      config,
      `version: 0.1\nstorage: {filesystem: {rootdirectory: ${folder}/data}}\nhttp: {addr: "${host}"}\n`,
    );
    registry = spawn("docker-registry", ["serve", config], { stdio: "ignore" });
    dockerd = await startDockerd();
    engine = connectEngine({
      socketPath: dockerd.socket,
      owner: { node: "n", environment: "production" },
      branch: "main",
      isKnown: () => false,
    });
    await until("the registry answers", () =>
      fetch(`http://${host}/v2/`).then(
        (answer) => answer.ok,
        () => false,
      ),
    );
    refusing.listen(0, "127.0.0.1");
    await once(refusing, "listening");
  });
  after(async () => {
    refusing.close();
    engine.close();
    const ended = once(registry, "exit");
    registry.kill("SIGTERM");
    await ended;
    await dockerd.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("brings the image, its digest and progress; again by that digest", async () => {
    const tag = `${host}/demo:1`;
    await demoImage(dockerd.socket, { tag });
    const built = await engine.image(tag, quiet);
    assert.ok(built !== null);
    const pushed = await api(dockerd.socket, "POST", `/images/${host}/demo/push?tag=1`, undefined, "", {
      "x-registry-auth": "e30=",
    });
    assert.doesNotMatch(pushed.body, /"error"/);
    assert.equal(await engine.removeImage(tag, quiet), "removed");
    assert.equal(await engine.image(tag, quiet), null);
    const progress: PullProgress[] = [];
    const pulled = await engine.pull(tag, (step) => progress.push(step), quiet);
    assert.equal(pulled.id, built.id);
    assert.ok(progress.length > 0);
    const digest = pulled.digests[0];
    assert.ok(digest?.startsWith(`${host}/demo@sha256:`) === true);
    assert.equal((await engine.pull(digest, () => undefined, quiet)).id, built.id);
  });

  it("tells an image that is not there, a login that is missing, and a registry that is away", async () => {
    await rejects(
      engine.pull(`${host}/demo:absent`, () => undefined, quiet),
      "image-not-found",
    );
    const address = refusing.address();
    assert.ok(typeof address === "object" && address !== null);
    const locked = `127.0.0.1:${String(address.port)}/private:1`;
    await rejects(
      engine.pull(locked, () => undefined, quiet),
      "registry-auth",
    );
    const away = `127.0.0.1:${String(await freePort())}/a:1`;
    await rejects(
      engine.pull(away, () => undefined, quiet),
      "registry-unreachable",
    );
    await rejects(
      engine.pull(away, () => undefined, AbortSignal.abort()),
      "aborted",
    );
  });
});

async function freePort(): Promise<number> {
  const server = createSocket().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  assert.ok(typeof address === "object" && address !== null);
  return address.port;
}

async function rejects(work: Promise<unknown>, kind: EngineErrorKind): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof EngineError, String(error));
    assert.equal(error.kind, kind, error.message);
    return true;
  });
}
