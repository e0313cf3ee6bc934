/** An engine that dies, hangs, lies or forgets (FAULTS 13 to 22): workloads go on, and the agent finds its way back. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { fetchText, runAgent } from "../testbed/agent.ts";
import { mustApi } from "../testbed/engine-api.ts";
import { startEngineProxy, type EngineProxy } from "../testbed/engine-proxy.ts";
import { freePort } from "../testbed/free-port.ts";
import { web } from "../testbed/manifests.ts";
import { mended } from "../testbed/fault-report.ts";
import { openSandbox } from "../testbed/sandbox.ts";
import { openStage, type Stage } from "../testbed/stage.ts";
import { until } from "../testbed/wait.ts";

const app = "deployments/app.yaml";

describe("an engine that fails", () => {
  const box = openSandbox({ after });
  let stage: Stage;
  let proxy: EngineProxy;

  before(async () => {
    stage = await openStage(box, {
      engine: { config: { "live-restore": true } },
      socket: async (engine) => {
        const expectations = { node: "test", environment: "production", recreate: [], gone: [] };
        proxy = await startEngineProxy(engine.socket, expectations);
        box.defer(() => proxy.stop());
        return proxy.socket;
      },
    });
    await stage.push({ [app]: web("app", "1"), "deployments/other.yaml": web("other", "1") });
    stage.launch();
    await Promise.all(["app", "other"].map((name) => stage.serves(name, "1")));
  });

  const rest = async (): Promise<void> => {
    await until(
      "all is at rest",
      async () => {
        const status = await stage.seen();
        const states = Object.values(status?.deployments ?? {}).map((item) => item.state);
        return (
          status?.node.engine_error === null &&
          states.length > 0 &&
          states.every((state) => state === "running")
        );
      },
      60_000,
    );
  };

  it("hangs as a whole: the agent answers, says so, and goes on when the engine does", async () => {
    stage.engine.pause();
    try {
      const head = await stage.push({ [app]: web("app", "2") });
      await until("the push is seen", async () =>
        (await fetchText(stage.port, "/status")).body.includes(`"observed_head":"${head}"`),
      );
      for (let n = 0; n < 5; n += 1) assert.equal((await fetchText(stage.port, "/healthz")).status, 200);
    } finally {
      stage.engine.resume();
    }
    await mended("Engine", "hangs (SIGSTOP), with a push meanwhile", () => stage.serves("app", "2"));
  });

  it("does not answer for one container: the others are not held up", async () => {
    const [stuck] = await stage.of("app");
    const { Id: id } = stuck ?? { Id: "none" };
    await proxy.fault({ kind: "hang", match: ({ path }) => path === `/containers/${id}/json` });
    await stage.push({ [app]: web("app", "3"), "deployments/other.yaml": web("other", "2") });
    await stage.serves("other", "2");
    assert.ok(proxy.hits() > 0);
    assert.deepEqual(
      (await stage.of("app")).map((item) => item.Id),
      [id],
      "nothing is done to what cannot be read",
    );
    await proxy.fault(null);
    await mended("Engine", "does not answer for one container", () => stage.serves("app", "3"));
  });

  it("answers 500 to what changes something: tried again, the old one serves", async () => {
    const [old] = await stage.of("app");
    await proxy.fault({
      kind: "status",
      match: ({ method, path }) => method === "POST" && path === "/containers/create",
      status: 500,
      times: 3,
    });
    await stage.push({ [app]: web("app", "4") });
    await until("it has been refused three times", () => proxy.hits() === 3, 60_000);
    assert.ok((await stage.of("app")).some((item) => item.Id === old?.Id && item.State === "running"));
    await proxy.fault(null);
    await mended("Engine", "answers 500 three times", () => stage.serves("app", "4"));
  });

  it("loses answers: what was done is found, never done twice", async () => {
    proxy.forget();
    await proxy.fault({ kind: "drop-reply", at: 1 });
    await stage.push({ [app]: web("app", "5") });
    await stage.serves("app", "5");
    assert.equal(proxy.hits(), 1);
    const made = proxy.calls().filter((call) => call.path === "/containers/create" && call.status === 201);
    assert.equal(made.length, 1, "one container was made");
    await proxy.fault(null);
  });

  it("shows a list of containers that is old: each is looked at before it is stopped or removed", async () => {
    await proxy.fault({ kind: "stale-list" });
    const [old] = await stage.of("app");
    await mustApi(stage.engine.socket, "DELETE", `/containers/${old?.Id ?? ""}?force=true`);
    const other = await stage.of("other");
    await stage.push({ [app]: web("app", "6") });
    await until("the old list was read", () => proxy.hits() > 2, 60_000);
    await stage.inForce();
    await proxy.fault(null);
    await mended("Engine", "shows an old list", () => stage.serves("app", "6"));
    assert.equal((await stage.of("other"))[0]?.Id, other[0]?.Id);
  });

  it("is killed, and restarted, with live-restore: containers and agent go on without a call", async () => {
    await rest();
    const facts = async (): Promise<unknown[]> =>
      await Promise.all(
        (await stage.containers()).map(async ({ Id }) => {
          const { State } = await stage.inspect(Id);
          return [Id, typeof State === "object" && State !== null && "Pid" in State ? State.Pid : null];
        }),
      );
    const was = await facts();
    proxy.forget();
    await stage.engine.kill();
    await until(
      "the loss is in the status",
      async () => typeof (await stage.seen())?.node.engine_error === "string",
      60_000,
    );
    assert.equal(await stage.answer("app"), "version 6", "it serves without an engine");
    await stage.engine.start();
    await mended("Engine", "killed, with live-restore", rest);
    await stage.engine.restart();
    await mended("Engine", "restarted, with live-restore", rest);
    assert.deepEqual(await facts(), was);
    assert.deepEqual(proxy.calls(), []);
  });

  it("is no place for a second agent of the same environment", async () => {
    const folder = `${stage.dataDir}-second`;
    const second = runAgent({
      repo: stage.remote.path,
      socket: stage.engine.socket,
      dataDir: folder,
      port: await freePort(),
    });
    try {
      await until("the second one ends", () => second.process.exitCode !== null);
      assert.equal(second.process.exitCode, 3);
      assert.match(second.output(), /node 'test' \(pid \d+, .* already manages environment 'production'/);
    } finally {
      await second.end("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("is shared in peace with the environments of other branches", async () => {
    const main = await stage.of("app");
    const parent = await stage.remote.head();
    await stage.remote.commit({ [app]: web("app", "branch") }, "a feature", { branch: "feature/a", parent });
    const folder = `${stage.dataDir}-feature`;
    const other = runAgent({
      repo: stage.remote.path,
      socket: stage.engine.socket,
      dataDir: folder,
      port: await freePort(),
      branch: "feature/a",
    });
    try {
      await other.state("app", "running", 90_000);
      const names = (await stage.containers()).map((item) => item.Names[0] ?? "");
      assert.ok(
        names.some((name) => /^\/feature-a\.app-[0-9a-f]{8}-1$/.test(name)),
        names.join(" "),
      );
      assert.deepEqual(
        (await stage.of("app")).map((item) => item.Id),
        main.map((item) => item.Id),
      );
      assert.equal(await stage.answer("app"), "version 6");
      assert.equal(await other.end("SIGTERM"), 0);
    } finally {
      await other.end("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("forgets to tell of an event: the regular look finds out", async () => {
    await proxy.fault({ kind: "hang", match: ({ path }) => path === "/events" });
    await stage.agent().end("SIGKILL");
    stage.launch();
    await rest();
    const [item] = await stage.of("app");
    await mustApi(stage.engine.socket, "POST", `/containers/${item?.Id ?? ""}/stop?t=1`);
    await until("it runs again", async () => (await stage.of("app"))[0]?.State === "running", 120_000);
    assert.ok(proxy.hits() > 0);
    await proxy.fault(null);
    await stage.serves("app", "6");
  });

  it("has broken no invariant on the way", () => {
    assert.deepEqual(proxy.violations, []);
  });
});
