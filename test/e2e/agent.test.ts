/** From a push to a proven container, on a real engine, through a real repository, with the real command. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { fetchText, runAgent, type RunningAgent } from "../testbed/agent.ts";
import { startDockerd, type Dockerd } from "../testbed/dockerd.ts";
import { api } from "../testbed/engine-api.ts";
import { createGitRemote, type GitRemote } from "../testbed/git-remote.ts";
import { demoImage } from "../testbed/images.ts";
import { until } from "../testbed/wait.ts";

const listShape = z.array(
  z.object({
    Id: z.string(),
    Names: z.array(z.string()),
    State: z.string(),
    Labels: z.record(z.string(), z.string()),
  }),
);

function manifest(name: string, spec: string): string {
  return `apiVersion: run.orcra.dev/v0alpha\nkind: Deployment\nmetadata: {name: ${name}}\nspec:\n  imagePullPolicy: IfNotPresent\n  stopGracePeriod: 2s\n${spec
    .trim()
    .split("\n")
    .map((line) => `  ${line}\n`)
    .join("")}`;
}

const web = (name: string, version: string, more = ""): string =>
  manifest(
    name,
    `image: demo:1\nprogressDeadline: 4s\nports: [{containerPort: 80}]\nhealth: {readiness: {http: "localhost:80/health"}}\nenv:\n  VERSION: ${version}\n${more}`,
  );

describe("orun start", () => {
  let engine: Dockerd;
  let remote: GitRemote;
  let agent: RunningAgent;
  let dataDir: string;
  let port = 0;

  const containers = async (): Promise<z.output<typeof listShape>> =>
    listShape.parse(JSON.parse((await api(engine.socket, "GET", "/containers/json?all=true")).body));
  const of = async (name: string): Promise<z.output<typeof listShape>> =>
    (await containers()).filter((item) => item.Labels["dev.orcra.run/deployment"] === name);
  const launch = (): RunningAgent => runAgent({ repo: remote.path, socket: engine.socket, dataDir, port });
  const answer = async (name: string): Promise<string> => {
    const status = await agent.status();
    const address = status.deployments[name]?.containers.find((item) => item.address !== null)?.address;
    return (await fetchText(80, "/", {}, address ?? "")).body.trim();
  };
  /** Waits until a deployment of a pushed version serves, and nothing else of it is left. */
  const serves = async (name: string, version: string): Promise<void> => {
    await until(`${name} serves version ${version} alone`, async () => {
      const list = await of(name);
      return (
        list.length === 1 &&
        list[0]?.State === "running" &&
        (await answer(name).catch(() => "")) === `version ${version}`
      );
    });
    await agent.state(name, "running", 80_000);
  };
  const mutations = async (since: number): Promise<string[]> => {
    const query = new URLSearchParams({
      since: String(since),
      until: String(Math.ceil(Date.now() / 1000)),
      filters: JSON.stringify({ type: ["container", "network"] }),
    });
    const { body } = await api(engine.socket, "GET", `/events?${query.toString()}`);
    return body.split("\n").filter((line) => line !== "" && !line.includes('"exec_'));
  };

  before(async () => {
    engine = await startDockerd();
    for (const tag of ["demo:1", "demo:2"]) await demoImage(engine.socket, { tag });
    remote = await createGitRemote();
    dataDir = mkdtempSync(join(tmpdir(), "orun-data-"));
    port = await freePort();
    await remote.commit({ "deployments/hello.yaml": web("hello", "1") }, "first deploy");
    agent = launch();
  });

  after(async () => {
    await agent.end("SIGTERM");
    await engine.stop();
    await remote.remove();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it("deploys what is pushed", async () => {
    await serves("hello", "1");
    const [container] = await of("hello");
    assert.match(container?.Names[0] ?? "", /^\/hello-[0-9a-f]{8}-1$/);
    assert.equal((await fetchText(port, "/healthz")).body.trim(), '{"status":"ok"}');
    await until("the agent is ready", async () => (await fetchText(port, "/readyz")).status === 200);
  });

  it("does nothing when nothing changed, across a restart too", async () => {
    const [before_] = await of("hello");
    const since = Math.floor(Date.now() / 1000) + 1;
    await until("a second boundary", () => Date.now() / 1000 > since);
    assert.equal(await agent.end("SIGTERM"), 0);
    agent = launch();
    await agent.state("hello", "running");
    await remote.commit({ "README.md": "nothing for the agent" }, "no manifest changed");
    const head = await remote.head();
    await until("the new commit is in force", async () => (await agent.status()).node.git_head === head);
    assert.deepEqual(await mutations(since), []);
    assert.equal((await of("hello"))[0]?.Id, before_?.Id);
  });

  it("updates by starting first, and names the fields in its log", async () => {
    await remote.commit({ "deployments/hello.yaml": web("hello", "2", "  LOG_FORMAT: json") }, "version 2");
    await serves("hello", "2");
    assert.match(agent.output(), /env LOG_FORMAT added, env VERSION changed/);
  });

  it("keeps the old one serving when a release never becomes ready, and does not try it again", async () => {
    const [good] = await of("hello");
    await remote.commit(
      { "deployments/hello.yaml": web("hello", "3", '  NEVER_READY: "1"') },
      "a broken release",
    );
    const state = await agent.state("hello", "rolled_back");
    assert.match(state.message, /not ready within 4 s/);
    await until("only the good one is left", async () => (await of("hello")).length === 1);
    assert.equal((await of("hello"))[0]?.Id, good?.Id);
    assert.equal(await answer("hello"), "version 2");
  });

  it("reports exit code and log of a release that exits, and rolls back", async () => {
    await remote.commit(
      { "deployments/hello.yaml": web("hello", "4", '  EXIT_CODE: "7"') },
      "another broken release",
    );
    await until(
      "the new failure is reported",
      async () => (await agent.status()).deployments["hello"]?.message.includes("code 7") === true,
    );
    const state = await agent.state("hello", "rolled_back");
    assert.ok(state.logs.some((line) => line.includes("boom: this version cannot start")));
    assert.equal(await answer("hello"), "version 2");
  });

  it("heals the last good form of a rolled-back deployment", async () => {
    const [good] = await of("hello");
    await api(engine.socket, "DELETE", `/containers/${good?.Id ?? ""}?force=true`);
    await until("it is back", async () => {
      const [item] = await of("hello");
      return (
        item?.State === "running" &&
        item.Id !== good?.Id &&
        (await answer("hello").catch(() => "")) === "version 2"
      );
    });
    assert.equal((await agent.state("hello", "rolled_back")).state, "rolled_back");
  });

  it("follows a revert", async () => {
    await remote.commit({ "deployments/hello.yaml": web("hello", "1") }, "revert to version 1");
    await serves("hello", "1");
  });

  it("puts right what is done to its containers by hand", async () => {
    const deeds: [string, string, string][] = [
      ["stop", "POST", "stop?t=1"],
      ["kill", "POST", "kill"],
      ["rename", "POST", "rename?name=somebody-elses"],
      ["pause", "POST", "pause"],
    ];
    const name = (await of("hello"))[0]?.Names[0];
    for (const [deed, method, path] of deeds) {
      const [container] = await of("hello");
      const done = await api(engine.socket, method, `/containers/${container?.Id ?? ""}/${path}`);
      assert.ok(done.status < 300, `${deed}: ${done.body}`);
      await until(`healed after ${deed}`, async () => {
        const [item, second] = await of("hello");
        return (
          second === undefined &&
          item?.State === "running" &&
          item.Names[0] === name &&
          (await answer("hello").catch(() => "")) === "version 1"
        );
      });
    }
  });

  it("holds back a manifest with a typo alone, and says where", async () => {
    const [before_] = await of("hello");
    await remote.commit(
      {
        "deployments/hello.yaml": web("hello", "9").replace("image:", "imagee:"),
        "deployments/other.yaml": web("other", "1"),
      },
      "a typo beside a good one",
    );
    await serves("other", "1");
    const state = await agent.state("hello", "held");
    assert.match(state.message, /deployments\/hello\.yaml:\d+: .*did you mean 'image'/);
    assert.equal((await of("hello"))[0]?.Id, before_?.Id);
  });

  it("removes nothing while a document cannot be identified", async () => {
    await remote.commit(
      { "deployments/other.yaml": "kind: [", "deployments/hello.yaml": web("hello", "1") },
      "garbage",
    );
    await until("the diagnostic shows", async () =>
      (await agent.status()).diagnostics.some((item) => item.file === "deployments/other.yaml"),
    );
    const head = await remote.head();
    await until("the commit is in force", async () => (await agent.status()).node.git_head === head);
    await agent.state("hello", "running", 80_000);
    assert.equal((await of("other")).length, 1);
  });

  it("removes what is deleted", async () => {
    await remote.commit({ "deployments/other.yaml": null }, "other is gone");
    await until("other is removed", async () => (await of("other")).length === 0);
  });

  it("holds an empty tree and a deleted branch as a whole", async () => {
    const head = await remote.head();
    await remote.commit({ "README.md": "empty" }, "everything gone", { emptyTree: true });
    await until(
      "the commit is held",
      async () => (await agent.status()).node.sync_error?.includes("no manifest at all") === true,
    );
    assert.equal((await agent.status()).node.git_head, head);
    await remote.deleteBranch("main");
    await until(
      "the branch is missed",
      async () => (await agent.status()).node.sync_error?.includes("does not exist") === true,
    );
    assert.equal((await of("hello")).length, 1);
    await remote.forcePush(head ?? "");
    await until("all is well again", async () => (await agent.status()).node.sync_error === null);
  });

  it("refuses a host port that a stranger has, names it, and leaves nothing behind", async () => {
    const stranger = createServer();
    await new Promise<void>((resolve) => stranger.listen(0, "0.0.0.0", resolve));
    const address = stranger.address();
    const taken = typeof address === "object" && address !== null ? address.port : 0;
    await remote.commit(
      {
        "deployments/ported.yaml": manifest(
          "ported",
          `image: demo:1\nports: [{containerPort: 80, port: ${String(taken)}}]`,
        ),
      },
      "a taken port",
    );
    const state = await agent.state("ported", "failed");
    assert.match(state.message, new RegExp(`host port ${String(taken)}/tcp is taken by process`));
    assert.equal((await of("ported")).length, 0);
    await new Promise((resolve) => stranger.close(resolve));
    await agent.state("ported", "running");
    assert.equal((await fetchText(taken, "/")).body.trim(), "version 1");
    await remote.commit({ "deployments/ported.yaml": null }, "ported is gone");
    await until("ported is removed", async () => (await of("ported")).length === 0);
  });

  it("starts the old container again when a Recreate fails", async () => {
    const free = await freePort();
    const ported = (more: string): string =>
      manifest(
        "db",
        `image: demo:1\nprogressDeadline: 3s\nports: [{containerPort: 80, port: ${String(free)}}]\nhealth: {readiness: {http: "localhost:80/health"}}\nenv:\n  VERSION: ${more}`,
      );
    await remote.commit({ "deployments/db.yaml": ported("1") }, "db");
    await agent.state("db", "running");
    const [good] = await of("db");
    await remote.commit({ "deployments/db.yaml": ported('2\n  NEVER_READY: "1"') }, "a broken db");
    await agent.state("db", "rolled_back");
    await until("the same container serves again", async () => {
      const list = await of("db");
      return list.length === 1 && list[0]?.Id === good?.Id && list[0]?.State === "running";
    });
    assert.equal((await fetchText(free, "/")).body.trim(), "version 1");
  });

  it("leaves a first start alone that takes longer than its deadline", async () => {
    await remote.commit(
      { "deployments/slow.yaml": web("slow", "1", '  READY_AFTER: "6"') },
      "a database that takes its time",
    );
    await until("it is created", async () => (await of("slow")).length === 1);
    const [first] = await of("slow");
    await agent.state("slow", "running");
    assert.equal((await of("slow"))[0]?.Id, first?.Id);
  });

  it("never touches a container with copied labels", async () => {
    const [ours] = await of("hello");
    const made = await api(engine.socket, "POST", "/containers/create?name=copycat", {
      Image: "demo:1",
      Labels: ours?.Labels,
    });
    assert.equal(made.status, 201, made.body);
    await remote.commit({ "deployments/hello.yaml": web("hello", "5") }, "version 5");
    await until("version 5 serves", async () => (await answer("hello").catch(() => "")) === "version 5");
    assert.ok((await containers()).some((item) => item.Names[0] === "/copycat"));
    await api(engine.socket, "DELETE", "/containers/copycat?force=true");
    await serves("hello", "5");
  });

  it("adopts everything after kill -9, and refuses a second agent", async () => {
    const [before_] = await of("hello");
    await agent.end("SIGKILL");
    agent = launch();
    await agent.state("hello", "running");
    assert.equal((await of("hello"))[0]?.Id, before_?.Id);
    const second = runAgent({
      repo: remote.path,
      socket: engine.socket,
      dataDir: `${dataDir}-2`,
      port: await freePort(),
    });
    await until("the second one ends", () => second.process.exitCode !== null);
    assert.equal(second.process.exitCode, 3);
    assert.match(second.output(), /already manages environment 'production'/);
    rmSync(`${dataDir}-2`, { recursive: true, force: true });
  });

  it("keeps another branch's environment apart on the same engine", async () => {
    await remote.commit({ "deployments/hello.yaml": web("hello", "7") }, "a feature", {
      branch: "feature/a",
      parent: await remote.head(),
    });
    const other = runAgent({
      repo: remote.path,
      socket: engine.socket,
      dataDir: `${dataDir}-f`,
      port: await freePort(),
      branch: "feature/a",
    });
    await other.state("hello", "running");
    const names = (await containers()).map((item) => item.Names[0] ?? "");
    assert.ok(
      names.some((name) => /^\/feature-a\.hello-[0-9a-f]{8}-1$/.test(name)),
      names.join(" "),
    );
    assert.equal(await answer("hello"), "version 5");
    assert.equal(await other.end("SIGTERM"), 0);
    rmSync(`${dataDir}-f`, { recursive: true, force: true });
  });

  it("comes through an engine that is killed", async () => {
    await engine.kill();
    await until("the loss is in the status", async () => (await agent.status()).node.engine_error !== null);
    await engine.start();
    await until(
      "the engine is back in the status",
      async () => (await agent.status()).node.engine_error === null,
    );
    await until("hello runs, once", async () => {
      const list = (await of("hello")).filter(
        (item) => item.Labels["dev.orcra.run/environment"] === "production",
      );
      return (
        list.length === 1 &&
        list[0]?.State === "running" &&
        (await answer("hello").catch(() => "")) === "version 5"
      );
    });
  });

  it("answers nobody but this host, and never a secret", async () => {
    assert.equal((await fetchText(port, "/status", { host: "evil.example.com" })).status, 403);
    assert.equal((await fetchText(port, "/status", { origin: "http://evil.example.com" })).status, 403);
    await remote.commit(
      { "deployments/secret.yaml": web("secret", "1", "  PASSWORD: planted-canary-4711") },
      "a secret",
    );
    await agent.state("secret", "running");
    const shown =
      (await fetchText(port, "/status")).body +
      (await fetchText(port, "/metrics")).body +
      agent.output() +
      JSON.stringify((await of("secret")).map((item) => item.Labels));
    assert.equal(shown.includes("planted-canary-4711"), false);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
