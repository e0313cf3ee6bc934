import { EngineError } from "../../src/agent/errors.ts";
import type { ContainerBlueprint, Engine } from "../../src/agent/ports.ts";
import { label, networkName, type Owner } from "../../src/state/labels.ts";
import type { ObservedState } from "../../src/state/observed.ts";
import { serving } from "./engine-behaviour.ts";
import type { ImageStore } from "./engine-images.ts";
import {
  carriesLabels,
  environmentsOf,
  findNetwork,
  observedNetwork,
  refuseStrangersNetwork,
  stranger,
  view,
} from "./engine-observe.ts";
import { followEvents, readLog } from "./engine-streams.ts";
import { makeNetwork, pull } from "./engine-supply.ts";
import * as life from "./engine-world.ts";
import type { FakeContainer, World } from "./engine-world.ts";

/** What one client of the fake engine is given. */
export interface ClientParts {
  world: World;
  registry: Pick<ImageStore, "find">;
  owner: Owner;
  branch: string;
  isKnown: (id: string) => boolean;
  /** Ids of containers that cannot be read, with what the engine says. */
  unreadable: ReadonlyMap<string, string>;
  newId: () => string;
  /** Wraps each call: records it, and fails it when a test wants that. `what` names the object of a change, null: a read. */
  call: <T>(
    method: keyof Engine,
    what: string | null,
    signal: AbortSignal,
    work: () => T | Promise<T>,
  ) => Promise<T>;
}

/** The Engine port over the world of the fake. */
export function fakeClient(parts: ClientParts): Engine {
  const { world, owner, isKnown, call } = parts;

  const find = (id: string): FakeContainer => {
    const found = world.containers.get(id);
    if (found === undefined) throw new EngineError("not-found", `no such container: ${id}`, { status: 404 });
    return found;
  };
  const nameOf = (id: string): string => world.containers.get(id)?.name ?? id;
  const change = (
    method: keyof Engine,
    id: string,
    signal: AbortSignal,
    work: (container: FakeContainer) => void | Promise<void>,
  ): Promise<void> => call(method, nameOf(id), signal, () => work(find(id)));
  const refuseTakenName = (name: string, except?: FakeContainer): void => {
    const taken = [...world.containers.values()].some((item) => item.name === name && item !== except);
    if (taken) throw new EngineError("name-taken", `the name '${name}' is in use by another container`);
  };

  const create = (blueprint: ContainerBlueprint): { id: string; warnings: string[] } => {
    const image = world.images.find(blueprint.image);
    if (image === null) throw new EngineError("image-not-found", `no such image: ${blueprint.image}`);
    refuseTakenName(blueprint.name);
    const { spec, network } = blueprint;
    const container: FakeContainer = {
      id: parts.newId(),
      name: blueprint.name,
      labels: { ...image.labels, ...blueprint.labels },
      image,
      imageRef: blueprint.image,
      env: { ...blueprint.env },
      hostNetwork: network === null,
      endpoints: new Map(),
      ports: spec.ports.flatMap(({ port, protocol, hostIP }) =>
        port === null ? [] : [{ port, protocol, hostIP }],
      ),
      phase: "created",
      exitCode: 0,
      error: "",
      createdAt: world.clock.now(),
      startedAt: null,
      finishedAt: null,
      restarts: 0,
      starts: 0,
      policy: "no",
      stoppedByHand: false,
      cpus: spec.resources.cpus,
      memory: spec.resources.memory,
      log: [],
      behaviour: serving,
      cancel: () => undefined,
    };
    if (network !== null) life.connect(world, container, endpointOf(network));
    world.containers.set(container.id, container);
    life.tell(world, "create", container);
    return { id: container.id, warnings: [] };
  };

  const observe = (deployment: string | null): ObservedState => {
    const state: ObservedState = {
      containers: [],
      foreign: [],
      unreadable: [],
      network: null,
      at: world.clock.now(),
    };
    for (const container of world.containers.values()) {
      const own = container.labels[label.deployment] ?? null;
      if (!carriesLabels(container, owner)) state.foreign.push(stranger(container, null));
      else if (deployment === null || own === deployment) {
        const message = parts.unreadable.get(container.id);
        const seen = message === undefined ? view(container, owner, isKnown) : null;
        if (seen === null)
          state.unreadable.push({
            id: container.id,
            name: container.name,
            deployment: own,
            message: message ?? "",
          });
        else if (typeof seen === "string") state.foreign.push(stranger(container, seen));
        else state.containers.push(seen);
      }
    }
    state.containers.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
    const network = findNetwork(world, owner);
    return { ...state, network: network === null ? null : observedNetwork(network) };
  };

  return {
    identity: (signal) =>
      call("identity", null, signal, () => ({ id: "FAKE", version: "0.0.0", apiVersion: "1.41" })),
    environments: (signal) => call("environments", null, signal, () => environmentsOf(world)),
    observe: (deployment, signal) => call("observe", null, signal, () => observe(deployment)),
    inspect: (id, signal) =>
      call("inspect", null, signal, () => {
        const container = world.containers.get(id);
        if (container === undefined) return null;
        const message = parts.unreadable.get(id);
        if (message !== undefined) throw new EngineError("engine", message, { status: 500 });
        const seen = view(container, owner, isKnown);
        return typeof seen === "string" ? null : seen;
      }),
    async ensureNetwork(signal) {
      const present = await call("ensureNetwork", null, signal, () => findNetwork(world, owner));
      if (present !== null) return observedNetwork(present);
      return call("ensureNetwork", networkName(owner.environment), signal, () => {
        refuseStrangersNetwork(world, owner);
        return observedNetwork(makeNetwork(world, owner, parts.branch, parts.newId()));
      });
    },
    create: (blueprint, signal) => call("create", blueprint.name, signal, () => create(blueprint)),
    start: (id, signal) => change("start", id, signal, (container) => life.start(world, container)),
    stop: (id, graceMs, signal) =>
      call("stop", nameOf(id), signal, async () => {
        const container = world.containers.get(id);
        if (container === undefined) return;
        if (container.behaviour.ignoresTerm && container.phase === "running") {
          await world.clock.sleep(graceMs, signal);
          // The engine kills it all the same; only the answer is not waited for.
          if (signal.aborted) throw new EngineError("aborted", `stop ${container.name}: stopped`);
        }
        life.endByHand(world, container, container.behaviour.ignoresTerm ? 137 : 0);
        life.tell(world, "stop", container);
      }),
    unpause: (id, signal) =>
      change("unpause", id, signal, (container) => {
        if (container.phase !== "paused") return;
        container.phase = "running";
        life.tell(world, "unpause", container);
      }),
    remove: (id, { force }, signal) =>
      call("remove", nameOf(id), signal, () => {
        const container = world.containers.get(id);
        if (container === undefined) return;
        if (!force && (life.isAlive(container) || container.phase === "restarting"))
          throw new EngineError("conflict", `${container.name} is ${container.phase}: stop it first`, {
            status: 409,
          });
        life.remove(world, container);
      }),
    rename: (id, name, signal) =>
      change("rename", id, signal, (container) => {
        refuseTakenName(name, container);
        if (container.name === name) return;
        container.name = name;
        life.tell(world, "rename", container);
      }),
    setRestartPolicy: (id, policy, signal) =>
      change("setRestartPolicy", id, signal, (container) => {
        container.policy = policy;
        life.tell(world, "update", container);
      }),
    setResources: (id, limits, signal) =>
      change("setResources", id, signal, (container) => {
        if (limits.cpus !== undefined) container.cpus = limits.cpus;
        if (limits.memory !== undefined) container.memory = limits.memory;
        life.tell(world, "update", container);
      }),
    attach: (id, network, signal) =>
      change("attach", id, signal, (container) => life.connect(world, container, endpointOf(network))),
    detach: (id, networkId, signal) =>
      call("detach", nameOf(id), signal, () => {
        const container = world.containers.get(id);
        if (container !== undefined) life.disconnect(world, container, networkId);
      }),
    image: (reference, signal) =>
      call("image", null, signal, () => {
        const image = world.images.find(reference);
        return image === null ? null : world.images.facts(image);
      }),
    pull: (reference, onProgress, signal) =>
      call("pull", reference, signal, () => pull(world, parts.registry, reference, onProgress)),
    removeImage: (id, signal) =>
      call("removeImage", id, signal, () => {
        if (world.images.find(id) === null) return "absent";
        if ([...world.containers.values()].some((container) => container.image.id === id)) return "in-use";
        world.images.remove(id);
        return "removed";
      }),
    imagesInUse: (signal) =>
      call(
        "imagesInUse",
        null,
        signal,
        () => new Set([...world.containers.values()].map((container) => container.image.id)),
      ),
    logs: (id, query, onLine, signal) =>
      call("logs", null, signal, () => readLog(world, find(id), query, onLine, signal)),
    exec: (id, command, timeoutMs, signal) =>
      call("exec", null, signal, async () => {
        const container = find(id);
        if (container.phase !== "running")
          throw new EngineError("conflict", `${container.name} is not running`, { status: 409 });
        const { takesMs, ...result } = container.behaviour.exec(command);
        await world.clock.sleep(Math.min(takesMs, timeoutMs), signal);
        if (signal.aborted) throw new EngineError("aborted", "exec: stopped");
        if (takesMs >= timeoutMs)
          throw new EngineError("timeout", `the command did not end within ${String(timeoutMs)} ms`);
        return result;
      }),
    events: followEvents(world),
  };
}

function endpointOf(network: { id: string; address: string; alias: string | null }) {
  return {
    networkId: network.id,
    staticAddress: network.address,
    aliases: network.alias === null ? [] : [network.alias],
  };
}
