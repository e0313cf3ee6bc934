/** What must hold at every call of the agent that changes something (FAULTS, "Invariants"), checked at the call itself. */
import assert from "node:assert/strict";
import type { Engine } from "../../../src/agent/ports.ts";
import type { Memory } from "../../../src/state/memory.ts";
import { label } from "../../../src/state/labels.ts";
import type { FakeDocker } from "../../fakes/engine.ts";
import type { FakeIngress } from "../../fakes/ingress.ts";

type Container = ReturnType<FakeDocker["containers"]>[number];

export interface Watch {
  docker: FakeDocker;
  ingress: FakeIngress;
  memory(): Memory;
  /** Deployments that some commit since the last one in force wants, valid or not. */
  wanted(deployment: string): boolean;
  /** Whether a release of it may leave it without a serving container. */
  mayGap(deployment: string): boolean;
  /** Whether two of its containers must never run at once. */
  isExclusive(deployment: string): boolean;
  violations: string[];
}

/** The engine, with the invariants asserted before each change. */
export function watched(engine: Engine, watch: Watch): Engine {
  const { docker, ingress } = watch;
  const ending = new Set<string>();
  const find = (id: string): Container | undefined => docker.containers().find((item) => item.id === id);
  const nameOf = (container: Container): string => container.labels[label.deployment] ?? "";
  const ours = (deployment: string): Container[] =>
    docker.containers().filter((item) => nameOf(item) === deployment && !item.name.startsWith("stranger"));
  const say = (rule: string, what: string): void => void watch.violations.push(`${rule}: ${what}`);
  const owns = (rule: string, id: string): Container | undefined => {
    const container = find(id);
    if (container === undefined) return undefined;
    if (container.name.startsWith("stranger")) say("I3", `${rule} of ${container.name}`);
    return container;
  };
  const serves = (container: Container): boolean => docker.isReady(container.id) && !ending.has(container.id);

  return {
    ...engine,
    create(blueprint, signal) {
      const deployment = blueprint.labels[label.deployment] ?? "";
      const replica = blueprint.labels[label.replica];
      const running = ours(deployment).filter(
        (item) =>
          item.phase === "running" &&
          !ending.has(item.id) &&
          item.labels[label.replica] === replica &&
          !item.name.endsWith("-renamed"),
      );
      const generations = new Set([
        ...running.map((item) => item.labels[label.revision]),
        blueprint.labels[label.revision],
      ]);
      if (generations.size > 2)
        say("I6", `create of ${blueprint.name} beside ${running.map((item) => item.name).join(", ")}`);
      return engine.create(blueprint, signal);
    },
    async stop(id, graceMs, signal) {
      const container = owns("stop", id);
      if (container !== undefined) {
        const deployment = nameOf(container);
        const others = ours(deployment).filter((item) => item.id !== id && serves(item));
        if (serves(container) && others.length === 0 && watch.wanted(deployment) && !watch.mayGap(deployment))
          say("I1", `stop of ${container.name}, the last one that serves`);
        const addresses = [...container.endpoints.values()].map((item) => `${String(item.address)}:80`);
        const isRouted = addresses.some((address) => ingress.upstreams(deployment).includes(address));
        if (serves(container) && isRouted && others.length > 0 && !watch.mayGap(deployment))
          say("I1", `stop of ${container.name}, which gets requests`);
        ending.add(id);
      }
      try {
        await engine.stop(id, graceMs, signal);
      } finally {
        ending.delete(id);
      }
    },
    remove(id, options, signal) {
      const container = owns("remove", id);
      if (container !== undefined) {
        const deployment = nameOf(container);
        const isLast = ours(deployment).every((item) => item.id === id);
        const { phase } = container;
        const isAlive = phase === "running" || phase === "paused" || phase === "restarting";
        if (isAlive) say("I4", `removal of ${container.name}, which is ${phase}`);
        const networks = [...container.endpoints.keys()];
        const isUsable = networks.length > 0 && networks.every((network) => docker.hasNetwork(network));
        const wasProven =
          watch.memory().deployments[deployment]?.lastGood?.revision === container.labels[label.revision];
        if (isLast && isUsable && wasProven && phase !== "dead" && watch.wanted(deployment))
          say("I4", `removal of ${container.name}, the last one of what is wanted`);
      }
      return engine.remove(id, options, signal);
    },
    removeImage(id, signal) {
      for (const [name, { lastGood, pins }] of Object.entries(watch.memory().deployments))
        if (lastGood !== null && pins[lastGood.revision]?.id === id)
          say("I7", `removal of the image of '${name}'`);
      return engine.removeImage(id, signal);
    },
    start: (id, signal) => {
      const container = owns("start", id);
      const deployment = container === undefined ? "" : nameOf(container);
      // What only one container at a time may use is the reason for Recreate.
      if (container !== undefined && watch.isExclusive(deployment))
        for (const other of ours(deployment))
          if (other.id !== id && other.phase === "running" && !other.name.endsWith("-renamed"))
            say("Recreate", `start of ${container.name} beside ${other.name}`);
      return engine.start(id, signal);
    },
    rename: (id, name, signal) => {
      owns("rename", id);
      return engine.rename(id, name, signal);
    },
    setRestartPolicy: (id, policy, signal) => {
      const container = owns("update", id);
      if (policy === "always" && container !== undefined && container.policy !== "always")
        if (!docker.isReady(id)) say("I1", `${container.name} is marked as proven and is not ready`);
      return engine.setRestartPolicy(id, policy, signal);
    },
    attach: (id, network, signal) => {
      owns("attach", id);
      return engine.attach(id, network, signal);
    },
    detach: (id, network, signal) => {
      owns("detach", id);
      return engine.detach(id, network, signal);
    },
  };
}

/** Throws when anything was violated. */
export function assertNone(violations: readonly string[]): void {
  assert.deepEqual(violations, []);
}
