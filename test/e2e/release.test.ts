/** From a push to a proven container and back again: releases, over HTTP, on a real engine, with the real command. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { fetchText } from "../testbed/agent.ts";
import { mustApi } from "../testbed/engine-api.ts";
import { startGitHttp, type GitHttp } from "../testbed/git-http.ts";
import { freePort } from "../testbed/free-port.ts";
import { ported, web } from "../testbed/manifests.ts";
import { openSandbox } from "../testbed/sandbox.ts";
import { openStage, type Stage } from "../testbed/stage.ts";
import { until } from "../testbed/wait.ts";

const hello = "deployments/hello.yaml";

describe("a release", () => {
  const box = openSandbox({ after });
  let stage: Stage;
  let git: GitHttp;

  before(async () => {
    stage = await openStage(box, {
      flags: async (remote) => {
        git = await startGitHttp({ repository: remote.path });
        box.defer(() => git.stop());
        return { repo: git.url };
      },
    });
    await stage.push({ [hello]: web("hello", "1") }, "first deploy");
    stage.launch();
  });

  it("runs after the push, under a name that tells what it is", async () => {
    const container = await stage.serves("hello", "1");
    assert.match(container.Names[0] ?? "", /^\/hello-[0-9a-f]{8}-1$/);
    assert.equal((await fetchText(stage.port, "/healthz")).body.trim(), '{"status":"ok"}');
    await until("the agent is ready", async () => (await fetchText(stage.port, "/readyz")).status === 200);
  });

  it("changes nothing when nothing changed, by the engine's own record, across a restart too", async () => {
    const [first] = await stage.of("hello");
    const since = Math.floor(Date.now() / 1000) + 1;
    await until("a whole second has begun", () => Date.now() / 1000 > since);
    assert.equal(await stage.agent().end("SIGTERM"), 0);
    stage.launch();
    await stage.agent().state("hello", "running");
    await stage.push({ "README.md": "nothing for the agent" });
    await stage.inForce();
    assert.equal(await stage.agent().end("SIGKILL"), "SIGKILL");
    stage.launch();
    await stage.agent().state("hello", "running");
    await stage.inForce();
    assert.deepEqual(await stage.events(since), []);
    assert.equal((await stage.of("hello"))[0]?.Id, first?.Id);
  });

  it("starts the new version first, and says which fields changed", async () => {
    await stage.push({ [hello]: web("hello", "2", { env: { LOG_FORMAT: "json" } }) }, "version 2");
    await stage.serves("hello", "2");
    assert.match(stage.agent().output(), /env LOG_FORMAT added, env VERSION changed/);
  });

  it("leaves the old version serving when the new one never becomes ready, and tries that one once", async () => {
    const [good] = await stage.of("hello");
    await stage.push({ [hello]: web("hello", "3", { env: { NEVER_READY: "1" }, deadline: "3s" }) });
    await stage.told("hello", "rolled_back", /not ready within 3 s/);
    await until("only the good one is left", async () => (await stage.of("hello")).length === 1);
    const since = Math.floor(Date.now() / 1000) + 1;
    await stage.push({ "README.md": "another commit" });
    await stage.inForce();
    await until("a whole second is over", () => Date.now() / 1000 > since + 1);
    assert.deepEqual(await stage.events(since), []);
    assert.equal((await stage.of("hello"))[0]?.Id, good?.Id);
    assert.equal(await stage.answer("hello"), "version 2");
  });

  it("returns from a version that exits, and tells its exit code and last words", async () => {
    await stage.push({ [hello]: web("hello", "4", { env: { EXIT_CODE: "7" } }) });
    const state = await stage.told("hello", "rolled_back", /code 7/);
    assert.ok(state.logs.some((line) => line.includes("boom: this version cannot start")));
    assert.equal(await stage.answer("hello"), "version 2");
  });

  it("heals the last good version of what was rolled back, also after a restart of the agent", async () => {
    const good = await stage.serves("hello", "2");
    await stage.agent().end("SIGTERM");
    await mustApi(stage.engine.socket, "DELETE", `/containers/${good.Id}?force=true`);
    stage.launch();
    const healed = await stage.serves("hello", "2");
    assert.notEqual(healed.Id, good.Id);
    await stage.agent().state("hello", "rolled_back");
  });

  it("follows a revert", async () => {
    await stage.push({ [hello]: web("hello", "1") }, "revert to version 1");
    await stage.serves("hello", "1");
  });

  it("lets the newest of several pushes win, also in the middle of a rollout", async () => {
    await stage.push({ [hello]: web("hello", "slow", { env: { READY_AFTER: "60" }, deadline: "2m" }) });
    await until("the rollout has begun", async () => (await stage.of("hello")).length === 2);
    for (const version of ["5", "6", "7"]) await stage.push({ [hello]: web("hello", version) });
    await stage.serves("hello", "7");
  });

  it("keeps the old version when the image of the new one does not exist, and says so", async () => {
    const [good] = await stage.of("hello");
    await stage.push({ [hello]: web("hello", "8", { image: "127.0.0.1:1/nothing:8" }) });
    await stage.told("hello", "held", /127\.0\.0\.1:1\/nothing:8/);
    assert.equal((await stage.of("hello"))[0]?.Id, good?.Id);
    await stage.push({ [hello]: web("hello", "9") });
    await stage.serves("hello", "9");
  });

  it("takes the old name away when a deployment is renamed, and all when it is deleted", async () => {
    await stage.push({ [hello]: null, "deployments/hallo.yaml": web("hallo", "1") }, "a better name");
    await stage.serves("hallo", "1");
    await stage.gone("hello");
    await stage.push({ "deployments/hallo.yaml": null, [hello]: web("hello", "1") }, "and back");
    await stage.serves("hello", "1");
    await stage.gone("hallo");
  });

  it("starts the old container again when the new one fails under Recreate", async () => {
    const port = await freePort();
    await stage.push({ "deployments/db.yaml": ported("db", "1", port) });
    const good = await stage.serves("db", "1");
    const never = { env: { NEVER_READY: "1" }, deadline: "3s" };
    await stage.push({ "deployments/db.yaml": ported("db", "2", port, never) });
    await stage.agent().state("db", "rolled_back");
    const back = await stage.serves("db", "1");
    assert.equal(back.Id, good.Id);
    assert.equal((await fetchText(port, "/")).body.trim(), "version 1");
    await stage.push({ "deployments/db.yaml": ported("db", "3", port, { env: { EXIT_CODE: "3" } }) });
    await stage.told("db", "rolled_back", /code 3/);
    assert.equal((await stage.serves("db", "1")).Id, good.Id);
  });

  it("leaves a first start alone that takes longer than its deadline: there is nothing to return to", async () => {
    const slow = web("slow", "1", { env: { READY_AFTER: "5" }, deadline: "2s" });
    await stage.push({ "deployments/slow.yaml": slow }, "a database that takes its time");
    await until("it is created", async () => (await stage.of("slow")).length === 1);
    const [first] = await stage.of("slow");
    assert.equal((await stage.serves("slow", "1")).Id, first?.Id);
  });

  it("tells a crash after it was ready, and leaves the restart to the engine", async () => {
    const crashing = { env: { EXIT_CODE: "9", EXIT_AFTER: "2" } };
    await stage.push({ "deployments/crash.yaml": web("crash", "1", crashing) });
    await stage.told("crash", "degraded", /code 9/);
    const [item, second] = await stage.of("crash");
    assert.equal(second, undefined);
    const { RestartCount } = await stage.inspect(item?.Id ?? "");
    assert.ok(typeof RestartCount === "number" && RestartCount > 0, "the engine restarted it");
    await stage.push({ "deployments/crash.yaml": null });
    await stage.gone("crash");
  });

  it("never shows a secret", async () => {
    const secret = { env: { PASSWORD: "planted-canary-4711" } };
    await stage.push({ "deployments/secret.yaml": web("secret", "1", secret) });
    await stage.serves("secret", "1");
    const broken = web("secret", "1", secret).replace("PASSWORD: ", "PASSWORD: !!binary ");
    await stage.push({ "deployments/secret.yaml": broken }, "an error on the secret's own line");
    await stage.agent().state("secret", "held");
    const shown =
      (await fetchText(stage.port, "/status")).body +
      (await fetchText(stage.port, "/metrics")).body +
      stage.agent().output() +
      JSON.stringify((await stage.of("secret")).map((item) => item.Labels));
    assert.ok(shown.includes("PASSWORD"), "the diagnostic is among what was looked through");
    assert.equal(shown.includes("planted-canary-4711"), false);
  });

  it("answers nobody but this host", async () => {
    assert.equal((await fetchText(stage.port, "/status", { host: "evil.example.com" })).status, 403);
    assert.equal((await fetchText(stage.port, "/status", { origin: "http://evil.example.com" })).status, 403);
  });
});
