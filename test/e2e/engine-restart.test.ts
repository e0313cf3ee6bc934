/** An engine without live-restore (FAULTS 13, 14, 41): its restart is the restart of every container. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { web, ported } from "../testbed/manifests.ts";
import { freePort } from "../testbed/free-port.ts";
import { mended } from "../testbed/fault-report.ts";
import { openSandbox } from "../testbed/sandbox.ts";
import { openStage, type Stage } from "../testbed/stage.ts";
import { startGitHttp, type GitHttp } from "../testbed/git-http.ts";
import { until } from "../testbed/wait.ts";
import { fetchText } from "../testbed/agent.ts";

const names = ["app", "db"];

describe("an engine without live-restore", () => {
  const box = openSandbox({ after });
  let stage: Stage;
  let git: GitHttp;
  let port = 0;

  before(async () => {
    port = await freePort();
    stage = await openStage(box, {
      flags: async (remote) => {
        git = await startGitHttp({ repository: remote.path });
        box.defer(() => git.stop());
        return { repo: git.url };
      },
    });
    await stage.push({
      "deployments/app.yaml": web("app", "1"),
      "deployments/db.yaml": ported("db", "1", port),
    });
    stage.launch();
    for (const name of names) await stage.serves(name, "1");
  });

  const all = async (): Promise<void> => {
    for (const name of names) await stage.serves(name, "1");
  };
  const ids = async (): Promise<string[]> => (await stage.containers()).map((item) => item.Id).sort();
  const address = async (name: string): Promise<string | null | undefined> =>
    (await stage.agent().status()).deployments[name]?.containers[0]?.address;

  it("restarts: the same containers come back, at the same addresses", async () => {
    const was = await ids();
    const at = await address("app");
    await stage.engine.restart();
    await mended("Engine", "restarted, without live-restore", all);
    assert.deepEqual(await ids(), was);
    assert.equal(await address("app"), at);
    assert.equal((await fetchText(port, "/")).body.trim(), "version 1");
  });

  it("is killed: nothing is lost, nothing is there twice", async () => {
    const was = await ids();
    await stage.engine.kill();
    await until(
      "the loss is in the status",
      async () => typeof (await stage.seen())?.node.engine_error === "string",
      60_000,
    );
    await stage.engine.start();
    await mended("Engine", "killed, without live-restore", all);
    assert.deepEqual(await ids(), was);
  });

  it("comes back without an agent: what was proven runs, what was kept aside does not", async () => {
    await stage.agent().end("SIGKILL");
    await stage.engine.kill();
    await stage.engine.start();
    await until("all run", async () => (await stage.containers()).every((item) => item.State === "running"));
    assert.equal((await fetchText(port, "/")).body.trim(), "version 1");
  });

  it("comes back with an agent and without Git: the last good state is kept up", async () => {
    git.fault({ kind: "status", status: 503 });
    await stage.engine.shutdown();
    stage.launch();
    await until("the agent says that there is no engine", async () => {
      const status = await stage
        .agent()
        .status()
        .catch(() => null);
      return typeof status?.node.engine_error === "string";
    });
    await stage.engine.start();
    await mended("Engine", "started again, without Git", all);
    const { node } = await stage.agent().status();
    assert.match(node.sync_error ?? "", /503/);
    git.fault(null);
    await until("Git is followed again", async () => (await stage.seen())?.node.sync_error === null, 60_000);
  });
});
