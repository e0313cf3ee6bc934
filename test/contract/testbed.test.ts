/** The test bed itself: what every other test on a real engine stands on. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { it } from "node:test";
import { fetchText } from "../testbed/agent.ts";
import { type CaddyVersion, caddyImage } from "../testbed/caddy.ts";
import { api, mustApi } from "../testbed/engine-api.ts";
import { engineMounts, engineProcesses } from "../testbed/engine-remains.ts";
import { demoImage, pushImage } from "../testbed/images.ts";
import { openSandbox } from "../testbed/sandbox.ts";
import { until } from "../testbed/wait.ts";

/** Creates and starts a container of the demonstration image; answers its id. */
async function run(socket: string, env: string[], host: Record<string, unknown> = {}): Promise<string> {
  const body = { Image: "demo:1", Env: env, ExposedPorts: { "80/tcp": {} }, HostConfig: host };
  const created = await api(socket, "POST", "/containers/create", body);
  const id = /"Id":"([0-9a-f]{64})"/.exec(created.body)?.[1];
  assert.ok(id !== undefined, created.body);
  const started = await api(socket, "POST", `/containers/${id}/start`);
  assert.equal(started.status, 204, started.body);
  return id;
}

async function state(socket: string, id: string): Promise<string> {
  const { body } = await api(socket, "GET", `/containers/${id}/json`);
  return /"Status":"(\w+)"/.exec(body)?.[1] ?? body;
}

const published = (port: number, network: string): Record<string, unknown> => ({
  NetworkMode: network,
  PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: String(port) }] },
});

async function answers(port: number, path: string): Promise<string | null> {
  const answer = await fetchText(port, path).catch(() => null);
  return answer?.status === 200 ? answer.body.trim() : null;
}

function bridges(): string[] {
  return execFileSync("ip", ["-o", "-4", "addr"], { encoding: "utf8" })
    .split("\n")
    .filter((line) => / 10\.192\./.test(line));
}

it("runs two engines at once, and leaves nothing behind, killed or not", async (t) => {
  const box = openSandbox(t);
  const first = await box.dockerd();
  const second = await box.dockerd();
  const bridgesBefore = bridges();
  const ports = [await box.freePort(), await box.freePort()];
  for (const [index, engine] of [first, second].entries()) {
    await demoImage(engine.socket, { tag: "demo:1" });
    assert.equal((await api(engine.socket, "POST", "/networks/create", { Name: "n" })).status, 201);
    await run(engine.socket, [`VERSION=${index}`], published(ports[index] ?? 0, "n"));
  }
  for (const [index, port] of ports.entries())
    await until(`engine ${index} serves`, async () => (await answers(port, "/")) === `version ${index}`);

  assert.equal(bridges().length, bridgesBefore.length + 2);
  await second.kill();
  const folders = [dirname(first.dataRoot), dirname(second.dataRoot)];
  for (const engine of [first, second]) await engine.stop();
  for (const folder of folders) {
    assert.deepEqual(engineProcesses(folder), []);
    assert.deepEqual(engineMounts(folder), []);
    assert.equal(existsSync(folder), false);
  }
  assert.deepEqual(bridges(), bridgesBefore);
  const rules = execFileSync("iptables", ["-S", "FORWARD"], { encoding: "utf8" });
  for (const folder of folders) assert.equal(rules.includes(folder.split("/").at(-1) ?? ""), false);
});

it("lets an engine be paused, killed and restarted on the same data", async (t) => {
  const engine = await openSandbox(t).dockerd();
  await demoImage(engine.socket, { tag: "demo:1" });
  const id = await run(engine.socket, [], { NetworkMode: "none", RestartPolicy: { Name: "always" } });
  engine.pause();
  const waiting = api(engine.socket, "GET", "/_ping");
  const first = await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 300, "silence"))]);
  assert.equal(first, "silence");
  engine.resume();
  assert.equal((await waiting).status, 200);
  await engine.kill();
  await assert.rejects(api(engine.socket, "GET", "/_ping"));
  await engine.start();
  await until("it runs", async () => (await state(engine.socket, id)) === "running");
  await engine.restart();
  await until("it runs again", async () => (await state(engine.socket, id)) === "running");
  await engine.removeAll();
  assert.equal((await api(engine.socket, "GET", "/containers/json?all=true")).body.trim(), "[]");
});

it("makes images that do what their environment says, and lets them find each other by name", async (t) => {
  const box = openSandbox(t);
  const socket = await box.sharedEngine();
  const network = `images-${process.pid}`;
  for (const tag of ["demo:1", "demo:2"]) await demoImage(socket, { tag });
  await api(socket, "POST", "/networks/create", { Name: network });
  const containers: string[] = [];
  box.defer(async () => {
    for (const id of containers) await api(socket, "DELETE", `/containers/${id}?force=true`);
    await api(socket, "DELETE", `/networks/${network}`);
  });
  const start = async (env: string[], port = 0): Promise<string> => {
    const id = await run(socket, env, published(port, network));
    containers.push(id);
    return id;
  };
  const ids = await Promise.all(
    ["demo:1", "demo:2"].map(
      async (tag) => /"Id":"(\S+?)"/.exec((await api(socket, "GET", `/images/${tag}/json`)).body)?.[1],
    ),
  );
  assert.notEqual(ids[0], ids[1]);

  const [slowPort, neverPort] = [await box.freePort(), await box.freePort()];
  await start(["VERSION=7", "READY_AFTER=1"], slowPort);
  await start(["VERSION=8", "NEVER_READY=1"], neverPort);
  await until("it serves", async () => (await answers(slowPort, "/")) === "version 7");
  await until("it is ready", async () => (await answers(slowPort, "/health")) === "ok");
  await until("it serves", async () => (await answers(neverPort, "/")) === "version 8");
  assert.equal(await answers(neverPort, "/health"), null);

  const ends = async (env: string[], code: number, words: RegExp): Promise<void> => {
    const id = await start(env);
    const waited = await api(socket, "POST", `/containers/${id}/wait`);
    assert.match(waited.body, new RegExp(`"StatusCode":${code}\\b`));
    assert.match((await api(socket, "GET", `/containers/${id}/logs?stdout=1`)).body, words);
  };
  await ends(["EXIT_CODE=7"], 7, /cannot start/);
  await ends(["EXIT_AFTER=1", "EXIT_CODE=3"], 3, /crashes/);
  await ends(["EXIT_AFTER=0"], 1, /crashes/);

  const stubborn = await start(["IGNORE_TERM=1"]);
  const polite = await start([]);
  await until("both run", async () => {
    const logs = [stubborn, polite].map((id) => api(socket, "GET", `/containers/${id}/logs?stdout=1`));
    return (await Promise.all(logs)).every(({ body }) => body.includes("starting version"));
  });
  for (const id of [stubborn, polite]) await api(socket, "POST", `/containers/${id}/stop?t=1`);
  assert.match((await api(socket, "GET", `/containers/${stubborn}/json`)).body, /"ExitCode":137/);
  assert.match((await api(socket, "GET", `/containers/${polite}/json`)).body, /"ExitCode":0/);

  const [server, client] = [await start(["VERSION=9"]), await start([])];
  const name = server.slice(0, 12);
  const body = {
    // Without -T: Debian 12's static busybox (1.35.0) ends in a segmentation fault on it.
    Cmd: ["wget", "-q", "-O", "-", `http://${name}/`],
    AttachStdout: true,
    AttachStderr: true,
  };
  await until("a peer answers by its name", async () => {
    const { body: made } = await api(socket, "POST", `/containers/${client}/exec`, body);
    const exec = /"Id":"([0-9a-f]{64})"/.exec(made)?.[1] ?? "";
    return (await api(socket, "POST", `/exec/${exec}/start`, { Detach: false })).body.includes("version 9");
  });
});

it("runs a registry with a login, and with faults", async (t) => {
  const box = openSandbox(t);
  const socket = await box.sharedEngine();
  const registry = await box.registry({ auth: true });
  await demoImage(socket, { tag: "demo:1" });
  const target = `${registry.host}/team/demo:1`;
  await assert.rejects(pushImage(socket, "demo:1", target), /could not push|engine said/);
  assert.match(await pushImage(socket, "demo:1", target, registry.auth), /^sha256:[0-9a-f]{64}$/);

  // The layer must not be there already, else nothing of it is fetched: an engine of its own pulls.
  const puller = await box.dockerd();
  const query = new URLSearchParams({ fromImage: `${registry.host}/team/demo`, tag: "1" }).toString();
  const login = JSON.stringify({ username: registry.auth?.user, password: registry.auth?.password });
  const pulled = await api(puller.socket, "POST", `/images/create?${query}`, undefined, "", {
    "x-registry-auth": Buffer.from(login).toString("base64"),
  });
  assert.doesNotMatch(pulled.body, /"error"/);
  assert.equal((await api(puller.socket, "GET", `/images/${target}/json`)).status, 200);
});

it("has images of both Caddys", async (t) => {
  const { socket } = await openSandbox(t).dockerd();
  const versions: CaddyVersion[] = ["2.6", "2.11"];
  for (const version of versions) {
    const image = `caddy-test:${version}`;
    await caddyImage(socket, image, version);
    const created = await mustApi(socket, "POST", "/containers/create", {
      Image: image,
      Cmd: ["caddy", "version"],
    });
    const id = /"Id":"([0-9a-f]{64})"/.exec(created)?.[1] ?? "";
    await mustApi(socket, "POST", `/containers/${id}/start`);
    await mustApi(socket, "POST", `/containers/${id}/wait`);
    const said = await mustApi(socket, "GET", `/containers/${id}/logs?stdout=1&stderr=1`);
    assert.ok(said.includes(`${version}.`), said);
  }
});
