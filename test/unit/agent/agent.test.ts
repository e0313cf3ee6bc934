/** The agent over the fake engine: what only several parts together show. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EngineError } from "../../../src/agent/errors.ts";
import type { Probe } from "../../../src/manifest/deployment.ts";
import { serving } from "../../fakes/engine-behaviour.ts";
import { createRig, deployment, type Rig } from "./rig.ts";

const probe = "health: {readiness: {tcp: 80}}";
const lively = "health: {readiness: {tcp: 80}, liveness: {tcp: 81, interval: 1s}}";

/** A rig whose agent runs this one deployment. */
async function running(
  name: string,
  spec: string,
  options: Parameters<typeof createRig>[0] = {},
): Promise<Rig> {
  const rig = createRig(options);
  rig.repository.push({ [`deployments/${name}.yaml`]: deployment(name, spec) });
  rig.start();
  await rig.until(`${name} runs`, () => rig.state(name) === "running");
  return rig;
}

const push = (rig: Rig, name: string, spec: string): void =>
  void rig.repository.push({ [`deployments/${name}.yaml`]: deployment(name, spec) });
const versions = (rig: Rig): string[] =>
  rig.docker
    .containers()
    .filter((item) => item.phase === "running")
    .map((item) => item.env["VERSION"] ?? "1");
const portOf = (item: Probe): number => (item.type === "tcp" ? item.port : 0);

describe("the agent", () => {
  it("deploys, updates and removes", async () => {
    const rig = await running("a", probe);
    push(rig, "a", `${probe}\nenv: {VERSION: 2}`);
    await rig.until(
      "version 2 runs alone",
      () => versions(rig).join() === "2" && rig.state("a") === "running",
    );
    push(rig, "b", probe);
    await rig.until("b alone", () => rig.state("a") === null && rig.state("b") === "running");
    assert.equal(rig.docker.containers().length, 1);
    await rig.kill();
  });

  it("runs one host port on two addresses side by side", async () => {
    const rig = createRig();
    const on = (ip: string): string => `ports: [{containerPort: 80, port: 8080, hostIP: ${ip}}]`;
    rig.repository.push({
      "deployments/a.yaml": deployment("a", on("127.0.0.1")),
      "deployments/b.yaml": deployment("b", on("10.0.0.1")),
    });
    rig.start();
    await rig.until("both run", () => rig.state("a") === "running" && rig.state("b") === "running");
    await rig.kill();
  });

  it("takes a stranger's host port for taken only where it collides", async () => {
    const rig = createRig();
    rig.docker.load("other:1", () => serving);
    rig.docker.human.run({ name: "stranger", image: "other:1", hostPort: 8080, hostIP: "127.0.0.1" });
    rig.repository.push({
      "deployments/a.yaml": deployment("a", "ports: [{containerPort: 80, port: 8080, hostIP: 10.0.0.1}]"),
    });
    rig.start();
    await rig.until("a runs", () => rig.state("a") === "running");
    push(rig, "b", "ports: [{containerPort: 80, port: 8080}]");
    await rig.until("b is refused", () => rig.state("b") === "failed");
    assert.match(rig.message("b"), /host port 8080\/tcp is taken by container 'stranger'/);
    await rig.kill();
  });

  it("takes a host port soon after the stranger that had it is gone", async () => {
    const rig = createRig();
    rig.docker.load("other:1", () => serving);
    const stranger = rig.docker.human.run({ name: "stranger", image: "other:1", hostPort: 8080 });
    push(rig, "a", "ports: [{containerPort: 80, port: 8080}]");
    rig.start();
    await rig.until("it is refused", () => rig.message("a").includes("taken by container 'stranger'"));
    rig.docker.human.remove(stranger);
    await rig.until("it runs", () => rig.state("a") === "running", 8);
    await rig.kill();
  });

  it("judges an old container by its own probes, not by those of the release", async () => {
    const rig = await running("a", `${probe}\nprogressDeadline: 20s`);
    rig.sick = (_, item) => portOf(item) === 81;
    push(rig, "a", "health: {readiness: {tcp: 81}}\nprogressDeadline: 20s\nenv: {VERSION: 2}");
    await rig.until("the new one is there", () => rig.docker.containers().length === 2);
    const old = rig.docker.containers()[0]?.name;
    await rig.until("it is rolled back", () => {
      const shown = rig.agent().status.snapshot().deployments["a"]?.containers;
      assert.equal(shown?.find((item) => item.name === old)?.readiness, "passing");
      return rig.state("a") === "rolled_back";
    });
    await rig.kill();
  });

  it("shows how far a pull is", async () => {
    const rig = createRig({
      wrap: (engine) => ({
        ...engine,
        pull: async (_, onProgress, signal) => {
          onProgress({ current: 12_340_000, total: 45_600_000, status: "Downloading" });
          await rig.clock.sleep(600_000, signal);
          throw new EngineError("registry-unreachable", "too slow");
        },
      }),
    });
    push(rig, "a", "image: large:1");
    rig.start();
    await rig.until("it is pulled", () => rig.message("a").includes("of"));
    assert.deepEqual([rig.state("a"), rig.message("a")], ["pulling", "pulling large:1: 12.3 of 45.6 MB"]);
    await rig.kill();
  });

  it("takes a CPU limit away that somebody set by hand", async () => {
    const rig = await running("a", probe);
    const [own] = rig.docker.containers();
    const engine = rig.docker.connect({ owner: { node: "test", environment: "production" }, branch: "main" });
    await engine.setResources(own?.id ?? "", { cpus: 0.1 }, new AbortController().signal);
    await rig.until("it is lifted", () => rig.docker.container(own?.id ?? "").cpus === null);
    await rig.seconds(5);
    assert.equal(rig.state("a"), "running");
    await rig.kill();
  });

  it("restarts for liveness without calling it a crash, and counts it apart", async () => {
    const rig = await running("a", lively);
    let sick = true;
    rig.sick = (_, item) => sick && portOf(item) === 81;
    await rig.until("it is restarted", () =>
      rig.events.some((event) => event.type === "container.restarted"),
    );
    sick = false;
    await rig.seconds(5);
    assert.equal(rig.state("a"), "running");
    assert.equal(rig.agent().status.snapshot().deployments["a"]?.liveness_restarts, 1);
    assert.deepEqual(
      rig.events.filter((event) => event.type === "container.crashed"),
      [],
    );
    await rig.kill();
  });

  it("never restarts all replicas at once when everybody's liveness fails", async () => {
    const rig = await running("a", `${lively}\nreplicas: 3`);
    rig.sick = (_, item) => portOf(item) === 81;
    let restarts = 0;
    for (let quarter = 0; quarter < 400; quarter++) {
      await rig.clock.advance(250);
      const ready = rig.docker.containers().filter((item) => rig.docker.isReady(item.id));
      assert.ok(ready.length >= 2, `${String(ready.length)} of 3 are ready`);
      restarts = rig.events.filter((event) => event.type === "container.restarted").length;
    }
    assert.ok(restarts >= 3, String(restarts));
    await rig.kill();
  });

  it("reports a container that exits again and again as degraded, with its code and last words", async () => {
    const rig = createRig();
    rig.docker.load("loop:1", () => ({
      ...serving,
      exitAfterMs: 20_000,
      exitCode: 3,
      output: [{ stream: "stderr", text: "cannot reach the database" }],
    }));
    push(rig, "a", "image: loop:1");
    rig.start();
    await rig.until("it runs", () => rig.state("a") === "running");
    await rig.seconds(90);
    for (let second = 0; second < 60; second++) {
      await rig.seconds(1);
      assert.equal(rig.state("a"), "degraded");
      assert.match(rig.message("a"), /code 3; \d+ exits one after the other; last log line: cannot reach/);
    }
    assert.deepEqual(rig.agent().status.snapshot().deployments["a"]?.logs.slice(-1), [
      "cannot reach the database",
    ]);
    await rig.kill();
  });

  it("replaces an old container that cannot be started any more", async () => {
    let broken: string | null = null;
    const rig = await running("a", probe, {
      wrap: (engine) => ({
        ...engine,
        start: (id, signal) =>
          id === broken
            ? Promise.reject(new EngineError("engine", "mount is gone"))
            : engine.start(id, signal),
      }),
    });
    const [old] = rig.docker.containers();
    broken = old?.id ?? "";
    rig.docker.human.stop(broken);
    await rig.seconds(5);
    push(rig, "a", `${probe}\nenv: {VERSION: 2}`);
    await rig.until(
      "version 2 runs alone",
      () => versions(rig).join() === "2" && rig.state("a") === "running",
    );
    assert.equal(rig.docker.containers().length, 1);
    await rig.kill();
  });

  it("takes another address when a stranger has the one of a container, and not the same again", async () => {
    const rig = await running("a", probe);
    const [own] = rig.docker.containers();
    const address = [...(own?.endpoints.values() ?? [])][0]?.staticAddress ?? "";
    rig.docker.load("other:1", () => serving);
    rig.docker.human.stop(own?.id ?? "");
    rig.docker.human.run({ name: "stranger", image: "other:1" });
    rig.docker.human.connect("stranger", "orun", address);
    await rig.until("it runs again", () => rig.docker.container(own?.id ?? "").phase === "running");
    const moved = [...rig.docker.container(own?.id ?? "").endpoints.values()][0]?.address;
    assert.notEqual(moved, address);
    push(rig, "a", `${probe}\nenv: {VERSION: 2}`);
    await rig.until(
      "version 2 runs alone",
      () => rig.state("a") === "running" && rig.docker.containers().length === 2,
    );
    assert.equal(
      rig.events.some((event) => event.type === "rollout.failed"),
      false,
    );
    await rig.kill();
  });

  it("gives the address of a container that somebody removed to the next one", async () => {
    const rig = await running("a", probe);
    const addresses = new Set<string | null>();
    for (let round = 0; round < 10; round++) {
      const [own] = rig.docker.containers();
      addresses.add([...(own?.endpoints.values() ?? [])][0]?.staticAddress ?? null);
      rig.docker.human.remove(own?.id ?? "");
      await rig.until("it is back", () => rig.state("a") === "running" && versions(rig).length === 1);
      await rig.seconds(40);
    }
    assert.ok(addresses.size <= 2, [...addresses].join());
    await rig.kill();
  });

  it("does not wait for a long grace period before it follows the next commit", async () => {
    const rig = createRig();
    rig.docker.load("stubborn:1", () => ({ ...serving, ignoresTerm: true }));
    const spec = (version: number): string =>
      `image: stubborn:1\n${probe}\nstopGracePeriod: 10m\nenv: {VERSION: ${String(version)}}`;
    push(rig, "a", spec(1));
    rig.start();
    await rig.until("version 1 runs", () => rig.state("a") === "running");
    push(rig, "a", spec(2));
    await rig.until("version 2 runs", () => versions(rig).includes("2"));
    await rig.seconds(5);
    push(rig, "a", spec(3));
    await rig.until("version 3 runs", () => versions(rig).includes("3"), 60);
    await rig.kill();
  });

  it("tells how long nothing served in a Recreate, and not in the release after it", async () => {
    const rig = await running("a", "strategy: Recreate");
    const gaps = (): (number | null)[] =>
      rig.events.flatMap((event) => (event.type === "deployment.ready" ? [event.gapMs] : []));
    push(rig, "a", "strategy: Recreate\nenv: {VERSION: 2}");
    await rig.until("version 2 runs", () => versions(rig).join() === "2" && rig.state("a") === "running");
    assert.deepEqual(
      gaps().map((gap) => gap !== null && gap >= 1000 && gap < 10_000),
      [false, true],
    );
    assert.match(rig.message("a"), /^nothing served for \d\.\d s while it was released$/);
    push(rig, "a", "strategy: RollingUpdate\nenv: {VERSION: 3}");
    await rig.until("version 3 runs", () => versions(rig).join() === "3" && rig.state("a") === "running");
    assert.equal(gaps().at(-1), null);
    assert.equal(rig.message("a"), "");
    await rig.kill();
  });

  it("heals the old container while an image cannot be pulled (Recreate)", async () => {
    const rig = await running("a", "strategy: Recreate");
    const [old] = rig.docker.containers();
    push(rig, "a", "strategy: Recreate\nimage: absent:1");
    await rig.until("the image is missed", () => rig.state("a") === "held");
    rig.docker.human.stop(old?.id ?? "");
    await rig.until("it runs again", () => rig.docker.container(old?.id ?? "").phase === "running", 3);
    await rig.kill();
  });

  it("heals the old container while a dependency is not ready, and says what it waits for", async () => {
    const rig = createRig();
    const db = deployment("db", `${probe}\nenv: {NEVER_READY: 1}`);
    rig.repository.push({ "deployments/a.yaml": deployment("a", "strategy: Recreate") });
    rig.start();
    await rig.until("a runs", () => rig.state("a") === "running");
    rig.repository.push({
      "deployments/a.yaml": deployment("a", "strategy: Recreate\ndependsOn: [db]\nenv: {VERSION: 2}"),
      "deployments/db.yaml": db,
    });
    await rig.until("a waits", () => rig.state("a") === "pending");
    assert.match(rig.message("a"), /'db' to be ready \(dependsOn\)/);
    const old = rig.docker.containers().find((item) => item.name.startsWith("a-"));
    rig.docker.human.stop(old?.id ?? "");
    await rig.until("it runs again", () => rig.docker.container(old?.id ?? "").phase === "running", 3);
    await rig.kill();
  });
});

describe("one pass", () => {
  it("ends with failure when a first deployment is late, and when one waits for it", async () => {
    const rig = createRig();
    rig.repository.push({
      "deployments/db.yaml": deployment("db", `${probe}\nenv: {NEVER_READY: 1}\nprogressDeadline: 10s`),
      "deployments/a.yaml": deployment("a", "dependsOn: [db]"),
    });
    assert.equal(await rig.once(), false);
  });

  it("waits until old containers are gone, and takes what is suspended for converged", async () => {
    const rig = createRig();
    push(rig, "a", probe);
    assert.equal(await rig.once(), true);
    rig.repository.push({
      "deployments/a.yaml": deployment("a", `${probe}\nenv: {VERSION: 2}`),
      "deployments/b.yaml": deployment("b", "suspend: true"),
    });
    assert.equal(await rig.once(), true);
    assert.deepEqual(versions(rig), ["2"]);
    assert.equal(rig.docker.containers().length, 1);
  });

  it("is over as soon as all is as it should be, not at the next regular look", async () => {
    const rig = createRig();
    push(rig, "a", probe);
    rig.start();
    await rig.until("a runs", () => rig.state("a") === "running");
    await rig.kill();
    const from = rig.clock.now();
    assert.equal(await rig.once(), true);
    assert.ok(rig.clock.now() - from < 5000, `it took ${String(rig.clock.now() - from)} ms`);
  });

  it("is over only when what was rolled back is gone, however long that takes to end", async () => {
    const rig = createRig();
    const stubborn = rig.docker.load("stubborn:1", () => ({
      ...serving,
      readyAfterMs: null,
      ignoresTerm: true,
    }));
    push(rig, "a", probe);
    assert.equal(await rig.once(), true);
    push(rig, "a", `image: stubborn:1\n${probe}\nprogressDeadline: 2s`);
    assert.equal(await rig.once(), false);
    assert.equal(rig.docker.containers().length, 1);
    assert.notEqual(rig.docker.containers()[0]?.image.id, stubborn);
  });

  it("heals what the last accepted commit wants when the new one is held", async () => {
    const rig = createRig();
    push(rig, "a", probe);
    assert.equal(await rig.once(), true);
    rig.repository.push({ "README.md": "nothing left" });
    rig.docker.human.remove(rig.docker.containers()[0]?.id ?? "");
    push(rig, "a", probe);
    assert.equal(await rig.once(), true);
    rig.repository.push({ "README.md": "nothing left" });
    rig.docker.human.stop(rig.docker.containers()[0]?.id ?? "");
    assert.equal(await rig.once(), false);
    assert.deepEqual(versions(rig), ["1"]);
  });
});
