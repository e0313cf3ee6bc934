/** Releases of a routed deployment, with the agent killed at every step (invariant I1, FAULTS 35). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EngineError } from "../../../src/agent/errors.ts";
import type { Engine } from "../../../src/agent/ports.ts";
import { createRig, deployment, service, type Rig } from "./rig.ts";

const probe = "ports: [{containerPort: 80}]\nhealth: {readiness: {tcp: 80}}";

/** Kills the agent at a step of its own, and checks every step against what the ingress does with requests. */
interface Watch {
  rig: Rig;
  /** Steps so far. */
  steps: number;
  /** The step that is its last, and whether it still takes effect; null: none. */
  killAt: { step: number; applied: boolean } | null;
  killed: boolean;
  /** What must not have happened. */
  violations: string[];
}

function watchedRig(): Watch {
  const dead = (): EngineError => new EngineError("aborted", "the agent is dead");
  const step = async <T>(work: () => Promise<T>): Promise<T> => {
    if (watch.killed) throw dead();
    watch.steps++;
    const last = watch.killAt?.step === watch.steps ? watch.killAt : null;
    if (last !== null) watch.killed = true;
    if (last?.applied === false) throw dead();
    const result = await work();
    if (last !== null) throw dead();
    return result;
  };
  const serves = (what: string, id: string): void => {
    const { name } = watch.rig.docker.container(id);
    if (upstreamsOf(watch.rig, id).some((upstream) => watch.rig.ingress.upstreams("a").includes(upstream)))
      watch.violations.push(`${what} of ${name}, which gets requests`);
  };
  const rig = createRig({
    wrap: (engine): Engine => ({
      ...engine,
      create: (...call) => step(() => engine.create(...call)),
      start: (...call) => step(() => engine.start(...call)),
      attach: (...call) => step(() => engine.attach(...call)),
      setRestartPolicy: (...call) => step(() => engine.setRestartPolicy(...call)),
      detach: (...call) =>
        step(() => {
          serves("disconnection", call[0]);
          return engine.detach(...call);
        }),
      stop: (...call) =>
        step(() => {
          serves("stop", call[0]);
          return engine.stop(...call);
        }),
      remove: (...call) =>
        step(() => {
          serves("removal", call[0]);
          return engine.remove(...call);
        }),
    }),
  });
  const ingress = { ...rig.ingress };
  rig.ingress.direct = (name, upstreams, signal) =>
    step(() => {
      for (const upstream of upstreams) {
        const target = rig.docker.containers().find((item) => upstreamsOf(rig, item.id).includes(upstream));
        if (target === undefined || !rig.docker.isReady(target.id))
          watch.violations.push(`requests go to ${target?.name ?? upstream}, which is not ready`);
      }
      if (upstreams.length === 0) watch.violations.push("requests go nowhere");
      return ingress.direct(name, upstreams, signal);
    });
  const watch: Watch = { rig, steps: 0, killAt: null, killed: false, violations: [] };
  return watch;
}

const upstreamsOf = (rig: Rig, id: string): string[] =>
  [...rig.docker.container(id).endpoints.values()].map((endpoint) => `${endpoint.staticAddress ?? ""}:80`);

const push = (rig: Rig, version: number, replicas: number): void =>
  void rig.repository.push({
    "deployments/a.yaml": deployment(
      "a",
      `${probe}\nreplicas: ${String(replicas)}\nenv: {VERSION: ${String(version)}}`,
    ),
    "services/a.yaml": service("a"),
  });
const released = (rig: Rig, version: number, replicas: number): boolean =>
  rig.state("a") === "running" &&
  rig.docker.containers().length === replicas &&
  rig.docker
    .containers()
    .every((item) => item.phase === "running" && item.env["VERSION"] === String(version)) &&
  rig.ingress.upstreams("a").length === replicas;

/** One release with the agent killed once; answers how many steps there were, and whether it was. */
async function release(
  replicas: number,
  killAt: Watch["killAt"],
): Promise<{ steps: number; killed: boolean }> {
  const watch = watchedRig();
  const { rig } = watch;
  push(rig, 1, replicas);
  rig.start();
  await rig.until("version 1 runs", () => released(rig, 1, replicas));
  watch.steps = 0;
  watch.killAt = killAt;
  push(rig, 2, replicas);
  await rig.until("the release is over, or the agent dead", () => watch.killed || released(rig, 2, replicas));
  const { steps, killed } = watch;
  if (killed) {
    await rig.kill();
    watch.killAt = null;
    watch.killed = false;
    // The next agent learns late where requests go.
    const ingress = { ...rig.ingress };
    rig.ingress.directed = async (signal) => {
      await rig.clock.sleep(5000, signal);
      return await ingress.directed(signal);
    };
    rig.start();
    await rig.until("the next agent ends the release", () => released(rig, 2, replicas));
  }
  await rig.kill();
  assert.deepEqual(watch.violations, [], JSON.stringify(killAt));
  return { steps, killed };
}

describe("a release", () => {
  for (const replicas of [1, 3]) {
    it(`never stops what gets requests, wherever the agent is killed (${String(replicas)} replicas)`, async () => {
      const { steps } = await release(replicas, null);
      assert.ok(steps >= 9 * replicas, `only ${String(steps)} steps`);
      for (let step = 1; step <= steps; step++) {
        for (const applied of replicas === 1 ? [false, true] : [step % 2 === 0]) {
          const { killed } = await release(replicas, { step, applied });
          assert.ok(killed, `step ${String(step)} was never reached`);
        }
      }
    });
  }

  it("drains what stays open for the grace period, in which the name settles too", async () => {
    const rig = createRig();
    const spec = (version: number): string =>
      `${probe}\nstopGracePeriod: 10s\nenv: {VERSION: ${String(version)}}`;
    const commit = (version: number): void =>
      void rig.repository.push({
        "deployments/a.yaml": deployment("a", spec(version)),
        "services/a.yaml": service("a"),
      });
    commit(1);
    rig.start();
    await rig.until("version 1 runs", () => released(rig, 1, 1));
    rig.ingress.connections = () => Promise.resolve(1);
    commit(2);
    await rig.until("version 2 runs", () => released(rig, 2, 1));
    const took = rig.events.flatMap((event) =>
      event.type === "action.done" && event.action.kind === "retire" ? [event.durationMs] : [],
    );
    assert.ok(took.length === 1 && (took[0] ?? 0) >= 9500 && (took[0] ?? 0) < 11_000, took.join());
    await rig.kill();
  });
});
