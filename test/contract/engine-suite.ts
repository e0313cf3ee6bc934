import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { EngineError, type EngineErrorKind } from "../../src/agent/errors.ts";
import type { ContainerBlueprint, Engine, EngineEvent, LogLine } from "../../src/agent/ports.ts";
import { deploymentSpec } from "../../src/manifest/deployment.ts";
import { containerName, encodeLabels, type Owner } from "../../src/state/labels.ts";
import type { ObservedContainer, ObservedNetwork } from "../../src/state/observed.ts";
import { freeAddress } from "../../src/state/subnet.ts";
import { until } from "../testbed/wait.ts";

/** An engine under test and, for what only people and other tools do to it, hooks past it. */
export interface EngineSubject {
  engine: Engine;
  owner: Owner;
  /** An image the engine has: prints "starting version 1", then serves on port 80 until SIGTERM. EXIT_CODE ends it at once. */
  image: string;
  /** Ids that `isKnown` of the engine's options answers true for. */
  known: Set<string>;
  human: {
    /** Creates and starts a container past the engine port. */
    run(container: {
      name: string;
      image: string;
      labels: Record<string, string>;
      hostPort: number | null;
    }): Promise<string>;
    stop(id: string): Promise<void>;
    pause(id: string): Promise<void>;
    rename(id: string, name: string): Promise<void>;
    remove(id: string): Promise<void>;
    /** Makes an image of the container, its labels included; answers the image's id. */
    commit(id: string): Promise<string>;
  };
  close(): Promise<void>;
}

const REVISION = "0123456789abcdef";
const quiet = new AbortController().signal;

/** What every implementation of the Engine port promises (src/agent/ports.ts). */
export function engineSuite(title: string, open: () => Promise<EngineSubject>): void {
  describe(title, () => {
    let subject: EngineSubject;
    let engine: Engine;
    let network: ObservedNetwork;
    const made = new Set<string>();
    const used = new Set<string>();
    let deployments = 0;

    before(async () => {
      subject = await open();
      engine = subject.engine;
      network = await engine.ensureNetwork(quiet);
    });
    after(async () => {
      for (const id of made) await engine.remove(id, { force: true }, quiet);
      await subject.close();
    });

    const address = (): string => {
      const free = freeAddress(network.subnet, network.gateway, used);
      assert.ok(free !== null);
      used.add(free);
      return free;
    };
    const blueprint = (spec: Record<string, unknown> = {}, at = address()): ContainerBlueprint => {
      deployments++;
      const deployment = `app-${String(deployments)}`;
      const parsed = deploymentSpec.parse({ image: subject.image, ...spec });
      return {
        name: containerName(subject.owner.environment, deployment, REVISION, 1),
        labels: encodeLabels(subject.owner, {
          deployment,
          revision: REVISION,
          replica: 1,
          commit: "c0ffee",
          file: "deployments/app.yaml",
          spec: "{}",
          instance: randomUUID(),
        }),
        image: subject.image,
        spec: parsed,
        env: parsed.env,
        network: { id: network.id, address: at, alias: null },
      };
    };
    const create = async (plan: ContainerBlueprint): Promise<string> => {
      const { id } = await engine.create(plan, quiet);
      made.add(id);
      return id;
    };
    const running = async (spec: Record<string, unknown> = {}): Promise<string> => {
      const id = await create(blueprint(spec));
      await engine.start(id, quiet);
      return id;
    };
    const see = async (id: string): Promise<ObservedContainer> => {
      const seen = await engine.inspect(id, quiet);
      assert.ok(seen !== null, "the container is seen as ours");
      return seen;
    };

    it("tells whose environments the engine has networks of", async () => {
      const holders = await engine.environments(quiet);
      assert.deepEqual(
        holders.filter((item) => item.environment === subject.owner.environment).map((item) => item.node),
        [subject.owner.node],
      );
    });

    it("tells who it is, twice the same", async () => {
      const first = await engine.identity(quiet);
      assert.notEqual(first.id, "");
      assert.match(first.apiVersion, /^\d+\.\d+$/);
      assert.deepEqual(await engine.identity(quiet), first);
    });

    it("makes the environment's network once", async () => {
      assert.deepEqual(await engine.ensureNetwork(quiet), network);
      assert.deepEqual((await engine.observe(null, quiet)).network, network);
      assert.match(network.subnet, /^10\.(196|197|198|199)\.\d+\.0\/22$/);
    });

    it("creates without starting, with the restart policy no", async () => {
      const plan = blueprint({ ports: [{ containerPort: 80, port: 18_080 }], resources: { cpus: 0.5 } });
      const seen = await see(await create(plan));
      assert.equal(seen.phase, "created");
      assert.equal(seen.name, plan.name);
      assert.equal(seen.restartPolicy, "no");
      assert.equal(seen.startedAt, null);
      assert.equal(seen.cpus, 0.5);
      assert.deepEqual(seen.ports, [{ port: 18_080, protocol: "tcp", hostIP: null }]);
      assert.ok(seen.attachment.kind === "attached");
      assert.equal(seen.attachment.networkId, network.id);
      assert.equal(seen.attachment.staticAddress, plan.network?.address);
      assert.equal(seen.attachment.address, null);
    });

    it("starts, stops and removes, each as often as one likes", async () => {
      const id = await create(blueprint());
      await engine.start(id, quiet);
      await engine.start(id, quiet);
      const up = await see(id);
      assert.equal(up.phase, "running");
      assert.ok(up.startedAt !== null);
      assert.ok(up.attachment.kind === "attached");
      assert.equal(up.attachment.address, up.attachment.staticAddress);
      await rejects(engine.remove(id, { force: false }, quiet), "conflict");
      await engine.stop(id, 5000, quiet);
      await engine.stop(id, 5000, quiet);
      assert.equal((await see(id)).phase, "exited");
      await engine.remove(id, { force: false }, quiet);
      await engine.remove(id, { force: false }, quiet);
      await engine.stop(id, 5000, quiet);
      assert.equal(await engine.inspect(id, quiet), null);
      await rejects(engine.start(id, quiet), "not-found");
    });

    it("reports how a container ended", async () => {
      const id = await running({ env: { EXIT_CODE: "7" } });
      const ended = await until("it ended", async () => {
        const seen = await see(id);
        return seen.phase === "exited" ? seen : null;
      });
      assert.equal(ended.exitCode, 7);
      assert.ok(ended.finishedAt !== null);
    });

    it("changes restart policy and limits in place, and lifts them", async () => {
      const id = await running();
      await engine.setRestartPolicy(id, "always", quiet);
      await engine.setResources(id, { cpus: 0.5, memory: 64 * 2 ** 20 }, quiet);
      const limited = await see(id);
      assert.equal(limited.restartPolicy, "always");
      assert.equal(limited.cpus, 0.5);
      assert.equal(limited.memory, 64 * 2 ** 20);
      await engine.setResources(id, { memory: null }, quiet);
      const lifted = await see(id);
      assert.equal(lifted.memory, null);
      assert.equal(lifted.cpus, 0.5);
      await engine.setResources(id, { cpus: null }, quiet);
      assert.equal((await see(id)).cpus, null);
      await engine.setResources(id, { cpus: 0.25, memory: 32 * 2 ** 20 }, quiet);
      const again = await see(id);
      assert.equal(again.memory, 32 * 2 ** 20);
      assert.equal(again.cpus, 0.25);
      await engine.setRestartPolicy(id, "no", quiet);
      assert.equal((await see(id)).restartPolicy, "no");
    });

    it("attaches with an alias and the same address, and detaches", async () => {
      const id = await running();
      const { attachment } = await see(id);
      assert.ok(attachment.kind === "attached" && attachment.staticAddress !== null);
      const at = attachment.staticAddress;
      await engine.detach(id, network.id, quiet);
      await engine.detach(id, network.id, quiet);
      assert.equal((await see(id)).attachment.kind, "detached");
      await engine.attach(id, { id: network.id, address: at, alias: "hello" }, quiet);
      const again = (await see(id)).attachment;
      assert.ok(again.kind === "attached");
      assert.equal(again.address, at);
      assert.deepEqual(again.aliases, ["hello"]);
    });

    it("resumes what somebody paused; what is not paused is left as it is", async () => {
      const id = await running();
      await subject.human.pause(id);
      assert.equal((await see(id)).phase, "paused");
      await engine.unpause(id, quiet);
      await engine.unpause(id, quiet);
      assert.equal((await see(id)).phase, "running");
    });

    it("tells a name, a port and an address that are taken", async () => {
      const first = blueprint({ ports: [{ containerPort: 80, port: 18_081 }] });
      const id = await create(first);
      await engine.start(id, quiet);
      await rejects(engine.create(first, quiet), "name-taken");
      const port = await create(blueprint({ ports: [{ containerPort: 80, port: 18_081 }] }));
      await rejects(engine.start(port, quiet), "port-taken");
      assert.ok(first.network !== null);
      const twin = await create(blueprint({}, first.network.address));
      await rejects(engine.start(twin, quiet), "address-taken");
    });

    it("is detached after a connection that was refused, and can be connected again", async () => {
      const first = blueprint();
      await engine.start(await create(first), quiet);
      const second = blueprint();
      const id = await create(second);
      await engine.start(id, quiet);
      assert.ok(first.network !== null && second.network !== null);
      await engine.detach(id, second.network.id, quiet);
      await rejects(
        engine.attach(id, { ...second.network, address: first.network.address }, quiet),
        "address-taken",
      );
      assert.deepEqual((await see(id)).attachment, { kind: "detached" });
      await engine.attach(id, second.network, quiet);
      assert.equal((await see(id)).attachment.kind, "attached");
    });

    it("tells an image that is not there", async () => {
      await rejects(engine.create({ ...blueprint(), image: "absent:1" }, quiet), "image-not-found");
      assert.equal(await engine.image("absent:1", quiet), null);
    });

    it("knows images, and removes none in use", async () => {
      const facts = await engine.image(subject.image, quiet);
      assert.ok(facts !== null);
      assert.deepEqual(await engine.image(facts.id, quiet), facts);
      const id = await create(blueprint());
      assert.equal((await see(id)).imageId, facts.id);
      assert.ok((await engine.imagesInUse(quiet)).has(facts.id));
      assert.equal(await engine.removeImage(`sha256:${"0".repeat(64)}`, quiet), "absent");
    });

    it("observes one deployment or all, and strangers by name and port", async () => {
      const mine = await running();
      const other = await running();
      const { deployment } = await see(mine);
      const stranger = await subject.human.run({
        name: "stranger",
        image: subject.image,
        labels: {},
        hostPort: 18_082,
      });
      const all = await engine.observe(null, quiet);
      const ids = all.containers.map((container) => container.id);
      assert.ok(ids.includes(mine) && ids.includes(other) && !ids.includes(stranger));
      assert.deepEqual(all.unreadable, []);
      const foreign = all.foreign.find((container) => container.id === stranger);
      assert.equal(foreign?.name, "stranger");
      assert.equal(foreign.running, true);
      assert.equal(foreign.disowned, null);
      assert.ok(foreign.ports.some((port) => port.port === 18_082 && port.protocol === "tcp"));
      const one = await engine.observe(deployment, quiet);
      assert.deepEqual(
        one.containers.map((container) => container.id),
        [mine],
      );
      await subject.human.remove(stranger);
    });

    it("disowns copied labels, and labels that an image handed down", async () => {
      const plan = blueprint();
      const original = await create(plan);
      const copy = await subject.human.run({
        name: "copy",
        image: subject.image,
        labels: plan.labels,
        hostPort: null,
      });
      assert.equal(await engine.inspect(copy, quiet), null);
      const inherited = await subject.human.commit(original);
      await engine.remove(original, { force: true }, quiet);
      const heir = await subject.human.run({ name: plan.name, image: inherited, labels: {}, hostPort: null });
      assert.equal(await engine.inspect(heir, quiet), null);
      const { foreign, containers } = await engine.observe(null, quiet);
      for (const id of [copy, heir]) {
        assert.notEqual(foreign.find((container) => container.id === id)?.disowned ?? null, null);
        assert.ok(!containers.some((container) => container.id === id));
        await subject.human.remove(id);
      }
    });

    it("knows its own under another name by the id, and names it back", async () => {
      const plan = blueprint();
      const id = await create(plan);
      await subject.human.rename(id, "renamed");
      assert.equal(await engine.inspect(id, quiet), null, "nobody knows that we made it");
      subject.known.add(id);
      assert.equal((await see(id)).name, "renamed");
      await engine.rename(id, plan.name, quiet);
      await engine.rename(id, plan.name, quiet);
      assert.equal((await see(id)).name, plan.name);
    });

    it("reads logs, the last lines of them, and follows until the signal", async () => {
      const id = await running();
      const lines: LogLine[] = [];
      await until("it has said something", async () => {
        lines.length = 0;
        await engine.logs(id, { tail: 1, since: null, follow: false }, (line) => lines.push(line), quiet);
        return lines.length > 0;
      });
      assert.equal(lines[0]?.text, "starting version 1");
      assert.equal(lines[0].stream, "stdout");
      assert.ok(lines[0].time > 0);
      const stop = new AbortController();
      const follow = engine.logs(
        id,
        { tail: null, since: null, follow: true },
        () => stop.abort(),
        stop.signal,
      );
      await follow;
    });

    it("runs a command, with its exit code and output; ends waiting at the deadline", async () => {
      const id = await running();
      const ok = await engine.exec(id, ["/bin/sh", "-c", "echo out; echo err >&2; exit 3"], 10_000, quiet);
      assert.equal(ok.exitCode, 3);
      assert.match(ok.output, /out/);
      assert.match(ok.output, /err/);
      await rejects(engine.exec(id, ["/bin/busybox", "sleep", "60"], 300, quiet), "timeout");
      await engine.stop(id, 1000, quiet);
      await rejects(engine.exec(id, ["/bin/sh", "-c", "true"], 5000, quiet), "conflict");
    });

    it("tells events as they come, and what happened between two streams, once", async () => {
      const id = await create(blueprint());
      const events: EngineEvent[] = [];
      const actions = (): string[] =>
        events.filter((event) => event.containerId === id).map((event) => event.action);
      const first = follow(engine, events);
      await first.opened;
      await engine.start(id, quiet);
      await until("the start is told", () => actions().includes("start"));
      await first.stop();
      await subject.human.stop(id);
      const second = follow(engine, events);
      await until("the end is told", () => actions().includes("die"));
      await second.stop();
      assert.equal(actions().filter((action) => action === "start").length, 1);
      assert.equal(
        events.find((event) => event.containerId === id && event.action === "die")?.deployment,
        (await see(id)).deployment,
      );
    });

    it("stops at the signal, with a kind of its own", async () => {
      await rejects(engine.observe(null, AbortSignal.abort()), "aborted");
      await rejects(engine.identity(AbortSignal.abort()), "aborted");
    });
  });
}

function follow(engine: Engine, events: EngineEvent[]): { opened: Promise<void>; stop(): Promise<void> } {
  const stop = new AbortController();
  const opened = Promise.withResolvers<undefined>();
  const done = engine.events(
    () => opened.resolve(undefined),
    (event) => events.push(event),
    stop.signal,
  );
  return {
    opened: opened.promise,
    stop() {
      stop.abort();
      return done;
    },
  };
}

/** The failure's kind is what the agent acts on; the message is for people and is never empty. */
async function rejects(work: Promise<unknown>, kind: EngineErrorKind): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof EngineError, String(error));
    assert.equal(error.kind, kind, error.message);
    assert.notEqual(error.message, "");
    return true;
  });
}
