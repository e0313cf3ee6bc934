/** Which commit is followed, what is remembered of the node, and what is said about both (SPEC 2, 3). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EngineError } from "../../../src/agent/errors.ts";
import type { Status } from "../../../src/agent/status.ts";
import { createRig, deployment, node, service, type Rig } from "./rig.ts";

const NAMES = ["a", "b", "c", "d", "e", "f"];
const files = (names: readonly string[], spec = ""): Record<string, string> =>
  Object.fromEntries(names.map((name) => [`deployments/${name}.yaml`, deployment(name, spec)]));
const nodeOf = (rig: Rig): Status["node"] => rig.agent().status.snapshot().node;
const names = (rig: Rig): string => Object.keys(rig.agent().status.snapshot().deployments).join(" ");

async function runningSix(): Promise<Rig> {
  const rig = createRig();
  rig.repository.push(files(NAMES));
  rig.start();
  await rig.until("all run", () => NAMES.every((name) => rig.state(name) === "running"));
  return rig;
}

describe("a commit that would remove much", () => {
  it("is held as a whole, says why, and is followed once a commit since then confirms", async () => {
    const rig = await runningSix();
    const before = nodeOf(rig).git_head;
    rig.repository.push(files(["a", "b"], "env: {VERSION: 2}"));
    await rig.seconds(30);
    assert.match(
      nodeOf(rig).sync_error ?? "",
      /would remove 4 of the 6 deployments here \(c, d, e, f\).*Orun-Prune: confirm/,
    );
    assert.equal(nodeOf(rig).git_head, before);
    assert.equal(names(rig), NAMES.join(" "));
    assert.ok(rig.docker.containers().every((item) => item.env["VERSION"] === undefined));
    rig.repository.push(files(["a", "b"]), { confirm: true });
    rig.repository.push(files(["a", "b"], "env: {VERSION: 3}"));
    await rig.until("it is followed", () => names(rig) === "a b" && nodeOf(rig).sync_error === null);
    await rig.kill();
  });

  it("is held when renames or node selectors take the deployments away", async () => {
    for (const next of [
      files(NAMES.map((name) => `${name}-2`)),
      files(NAMES, "nodeSelector: {role: web}"),
      files(NAMES, "nodes: [elsewhere]"),
    ]) {
      const rig = await runningSix();
      rig.repository.push(next);
      await rig.seconds(30);
      assert.match(nodeOf(rig).sync_error ?? "", /would remove 6 of the 6/);
      assert.equal(names(rig), NAMES.join(" "));
      await rig.kill();
    }
  });

  it("is held when the tree is empty, and after a loss of state.json too", async () => {
    const rig = await runningSix();
    await rig.kill();
    rig.forget();
    rig.repository.push({ "README.md": "nothing" });
    rig.start();
    await rig.seconds(30);
    assert.match(nodeOf(rig).sync_error ?? "", /no manifest at all while 6 deployments run here/);
    assert.equal(rig.docker.containers().filter((item) => item.phase === "running").length, 6);
    await rig.kill();
  });

  it("stays held in the status while Git flaps, and both are told apart", async () => {
    const rig = await runningSix();
    rig.repository.push(files(["a"]));
    await rig.seconds(10);
    const held = nodeOf(rig).sync_error;
    rig.repository.fail("the server hung up");
    await rig.seconds(20);
    assert.equal(nodeOf(rig).sync_error, `Git: the server hung up; ${held ?? ""}`);
    rig.repository.fail(null);
    await rig.seconds(60);
    assert.equal(nodeOf(rig).sync_error, held);
    await rig.kill();
  });

  it("waits while the engine cannot be asked, and that is no trouble with Git", async () => {
    const lost = { now: false };
    const rig = createRig({
      wrap: (engine) => ({
        ...engine,
        observe: (name, signal) =>
          lost.now
            ? Promise.reject(new EngineError("unreachable", "no engine"))
            : engine.observe(name, signal),
      }),
    });
    const first = rig.repository.push(files(["a"]));
    rig.start();
    await rig.until("a runs", () => rig.state("a") === "running");
    lost.now = true;
    const second = rig.repository.push(files(["a", "b"]));
    await rig.seconds(60);
    assert.deepEqual(
      [nodeOf(rig).sync_error, nodeOf(rig).git_head, nodeOf(rig).observed_head],
      [null, first, second],
    );
    assert.equal(nodeOf(rig).engine_error, "no engine");
    lost.now = false;
    await rig.until("b runs", () => rig.state("b") === "running");
    await rig.kill();
  });

  it("holds a deleted branch, and goes on when it is back", async () => {
    const rig = await runningSix();
    const head = rig.repository.head() ?? "";
    rig.repository.deleteBranch();
    await rig.seconds(10);
    assert.match(nodeOf(rig).sync_error ?? "", /branch 'main' does not exist/);
    assert.equal(names(rig), NAMES.join(" "));
    rig.repository.reset(head);
    await rig.seconds(10);
    assert.equal(nodeOf(rig).sync_error, null);
    await rig.kill();
  });
});

describe("the node's own manifest", () => {
  const selected = { "deployments/a.yaml": deployment("a", "nodeSelector: {role: web}") };
  const own = (spec = ""): string => node(spec, "{role: web}");

  it("goes on with its last good form when it is missing or wrong, also after a restart", async () => {
    for (const broken of [
      undefined,
      own("pollInterval: soon"),
      "kind: [",
      own("gitBranch: main\ngitBranch: main"),
    ]) {
      const rig = createRig();
      rig.repository.push({ ...selected, "nodes/test.yaml": own("pollInterval: 20s") });
      rig.start();
      await rig.until("a runs", () => rig.state("a") === "running");
      const [first] = rig.docker.containers();
      rig.repository.push({ ...selected, ...(broken === undefined ? {} : { "nodes/test.yaml": broken }) });
      await rig.seconds(60);
      assert.deepEqual([nodeOf(rig).manifest, rig.state("a")], ["last_good", "running"]);
      await rig.kill();
      rig.start();
      await rig.seconds(60);
      assert.deepEqual([nodeOf(rig).manifest, rig.state("a")], ["last_good", "running"]);
      assert.deepEqual(
        rig.docker.containers().map((item) => item.id),
        [first?.id],
      );
      await rig.kill();
    }
  });

  it("is missed in the status when there never was one", async () => {
    const rig = createRig();
    rig.repository.push(files(["a"]));
    rig.start();
    await rig.until("a runs", () => rig.state("a") === "running");
    assert.equal(nodeOf(rig).manifest, "missing");
    await rig.kill();
  });

  it("changes the poll interval without a restart", async () => {
    const rig = createRig();
    rig.repository.push({ ...selected, "nodes/test.yaml": own("pollInterval: 1m") });
    rig.start();
    await rig.until("a runs", () => rig.state("a") === "running");
    const poll = (): number => Date.parse(nodeOf(rig).next_poll_time ?? "") - rig.clock.now();
    await rig.seconds(5);
    assert.ok(poll() > 30_000);
    rig.repository.push({ ...selected, "nodes/test.yaml": own("pollInterval: 2s") });
    await rig.seconds(65);
    assert.ok(poll() <= 2000, String(poll()));
    await rig.kill();
  });

  it("names the environment as long as nothing runs here, and not any more then", async () => {
    const rig = createRig();
    rig.repository.push({ ...selected, "nodes/test.yaml": own("environment: staging") });
    rig.start();
    await rig.seconds(5);
    assert.deepEqual([rig.moves[0], rig.docker.containers().length], ["staging", 0]);
    await rig.kill();
    rig.moves.length = 0;
    rig.repository.push({ ...selected, "nodes/test.yaml": own() });
    rig.start();
    await rig.until("a runs", () => rig.state("a") === "running");
    rig.repository.push({ ...selected, "nodes/test.yaml": own("environment: staging") });
    await rig.seconds(20);
    assert.deepEqual([rig.moves, rig.state("a")], [[], "running"]);
    assert.match(rig.agent().status.snapshot().diagnostics[0]?.message ?? "", /goes on as 'production'/);
    await rig.kill();
  });

  it("says what it does not follow, and where", async () => {
    const rig = createRig();
    rig.repository.push({ ...selected, "nodes/test.yaml": own() });
    rig.start();
    await rig.until("a runs", () => rig.state("a") === "running");
    rig.repository.push({
      ...selected,
      "nodes/test.yaml": own(
        'gitBranch: staging\ndataDir: /srv/orun/\nenvironment: other\npreviews: {branches: ["feat-*"]}',
      ).replace("/srv/repo.git", "git@example.com:infra.git"),
    });
    await rig.seconds(10);
    const found = rig.agent().status.snapshot().diagnostics;
    assert.deepEqual(
      found.map((item) => `${String(item.line)} ${item.severity} ${item.message.split(":")[0] ?? ""}`),
      [
        "6 warning gitRepo",
        "7 warning gitBranch",
        "8 warning dataDir",
        "9 warning environment",
        "10 warning previews",
      ],
    );
    assert.match(found[0]?.message ?? "", /goes on with '\/srv\/repo\.git': 'git@example\.com:infra\.git'/);
    await rig.kill();
  });
});

describe("a service whose manifest is wrong", () => {
  it("keeps its route, and its port as the deployment's readiness", async () => {
    const rig = createRig();
    const app = deployment("a", "ports: [{containerPort: 80}]");
    rig.repository.push({ "deployments/a.yaml": app, "services/a.yaml": service("a") });
    rig.start();
    await rig.until("a is served", () => rig.ingress.upstreams("a").length === 1);
    const [first] = rig.docker.containers();
    for (const broken of [service("a").replace("deployment:", "deploymnt:"), "kind: ["]) {
      rig.repository.push({ "deployments/a.yaml": app, "services/a.yaml": broken });
      await rig.seconds(20);
      const shown = rig.agent().status.snapshot().deployments["a"];
      assert.deepEqual([shown?.state, shown?.health.readiness], ["running", "healthy"]);
      assert.equal(rig.ingress.upstreams("a").length, 1);
    }
    assert.deepEqual(
      rig.docker.containers().map((item) => item.id),
      [first?.id],
    );
    await rig.kill();
  });

  it("keeps its route when state.json is lost, also while the ingress does not answer at first", async () => {
    for (const isDown of [false, true]) {
      const rig = createRig();
      const app = deployment("a", "ports: [{containerPort: 80}]");
      rig.repository.push({ "deployments/a.yaml": app, "services/a.yaml": service("a") });
      rig.start();
      await rig.until("a is served", () => rig.ingress.upstreams("a").length === 1);
      await rig.kill();
      rig.forget();
      rig.repository.push({ "deployments/a.yaml": app, "services/a.yaml": "kind: [" });
      if (isDown) rig.ingress.failure = new Error("no answer");
      rig.start();
      await rig.seconds(20);
      rig.ingress.failure = null;
      await rig.seconds(40);
      assert.equal(rig.ingress.upstreams("a").length, 1);
      assert.equal(rig.memory().routes["a"]?.host, "a.example.com");
      assert.equal(rig.agent().status.snapshot().deployments["a"]?.state, "running");
      await rig.kill();
    }
  });
});

describe("environment files", () => {
  it("hold their deployment alone while they cannot be read, and are followed when they change", async () => {
    const rig = createRig();
    rig.repository.push({
      "deployments/a.yaml": deployment("a", "envFiles: [/etc/a.env]"),
      "deployments/b.yaml": deployment("b"),
    });
    rig.start();
    await rig.until("b runs and a is held", () => rig.state("b") === "running" && rig.state("a") === "held");
    assert.match(rig.message("a"), /envFiles: \/etc\/a\.env cannot be opened/);
    rig.files.set("/etc/a.env", "VERSION=2\n");
    const version = (): string[] =>
      rig.docker
        .containers()
        .filter((item) => item.name.startsWith("a-"))
        .map((item) => item.env["VERSION"] ?? "");
    await rig.until("a runs", () => rig.state("a") === "running", 60);
    assert.deepEqual(version(), ["2"]);
    rig.files.set("/etc/a.env", "VERSION=3\n");
    await rig.until("the change is followed", () => version().join() === "3", 60);
    rig.files.set("/etc/a.env", "no assignment\n");
    await rig.until("it is held", () => rig.state("a") === "held", 60);
    assert.match(rig.message("a"), /\/etc\/a\.env:1: expected KEY=value/);
    rig.files.delete("/etc/a.env");
    await rig.seconds(60);
    assert.deepEqual([rig.state("a"), ...version()], ["held", "3"]);
    await rig.kill();
  });
});
