import { serving } from "./engine-behaviour.ts";
import { fakeImage } from "./engine-images.ts";
import * as life from "./engine-world.ts";
import type { FakeContainer, World } from "./engine-world.ts";

/** What people and other tools do to an engine, past the agent. Containers are named by name or id. */
export interface Human {
  /** Creates and starts a container; answers its id. */
  run(container: {
    name: string;
    image: string;
    labels?: Record<string, string>;
    hostPort?: number | null;
    hostIP?: string | null;
  }): string;
  start: (name: string) => void;
  stop: (name: string) => void;
  kill: (name: string) => void;
  pause: (name: string) => void;
  unpause: (name: string) => void;
  rename: (name: string, to: string) => void;
  remove: (name: string) => void;
  /** `docker update --restart`. */
  setRestartPolicy: (name: string, policy: string) => void;
  /** `docker network connect --ip`: throws when the address is in use. */
  connect: (name: string, network: string, address: string) => void;
  /** Takes it off every network. */
  disconnect: (name: string) => void;
  /** Makes an image of a container, its labels included; answers the image's id. */
  commit(name: string): string;
  removeImage: (reference: string) => void;
  createNetwork: (name: string) => void;
  /** With everything on it taken off first. */
  removeNetwork: (name: string) => void;
}

export function humanHands(world: World, find: (name: string) => FakeContainer, newId: () => string): Human {
  const pause = (
    name: string,
    from: "running" | "paused",
    to: "running" | "paused",
    action: string,
  ): void => {
    const container = find(name);
    if (container.phase !== from) throw new Error(`${name} is ${container.phase}`);
    container.phase = to;
    life.tell(world, action, container);
  };
  return {
    run({ name, image: reference, labels = {}, hostPort = null, hostIP = null }) {
      const image = world.images.find(reference);
      if (image === null) throw new Error(`the fake engine has no image '${reference}'`);
      const container: FakeContainer = {
        id: newId(),
        name,
        labels: { ...image.labels, ...labels },
        image,
        imageRef: reference,
        env: {},
        hostNetwork: false,
        endpoints: new Map(),
        ports: hostPort === null ? [] : [{ port: hostPort, protocol: "tcp", hostIP }],
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
        cpus: null,
        memory: null,
        log: [],
        behaviour: serving,
        cancel: () => undefined,
      };
      world.containers.set(container.id, container);
      life.tell(world, "create", container);
      life.start(world, container);
      return container.id;
    },
    start: (name) => life.start(world, find(name)),
    stop(name) {
      const container = find(name);
      life.endByHand(world, container, container.behaviour.ignoresTerm ? 137 : 0);
      life.tell(world, "stop", container);
    },
    kill: (name) => life.endByHand(world, find(name), 137),
    pause: (name) => pause(name, "running", "paused", "pause"),
    unpause: (name) => pause(name, "paused", "running", "unpause"),
    rename(name, to) {
      const container = find(name);
      container.name = to;
      life.tell(world, "rename", container);
    },
    remove: (name) => life.remove(world, find(name)),
    setRestartPolicy(name, policy) {
      const container = find(name);
      container.policy = policy;
      life.tell(world, "update", container);
    },
    connect(name, network, address) {
      const found = [...world.networks.values()].find((item) => item.name === network);
      if (found === undefined) throw new Error(`the fake engine has no network '${network}'`);
      life.connect(world, find(name), { networkId: found.id, staticAddress: address, aliases: [] });
    },
    disconnect(name) {
      const container = find(name);
      for (const id of [...container.endpoints.keys()]) life.disconnect(world, container, id);
    },
    commit(name) {
      const container = find(name);
      const image = fakeImage(`commit of ${container.id}`, container.image.behave, container.labels);
      world.images.add(image);
      return image.id;
    },
    removeImage(reference) {
      const image = world.images.find(reference);
      if (image !== null) world.images.remove(image.id);
    },
    createNetwork(name) {
      const id = newId();
      world.networks.set(id, { id, name, labels: {}, subnet: "172.30.0.0/16", gateway: "172.30.0.1" });
    },
    removeNetwork(name) {
      const network = [...world.networks.values()].find((item) => item.name === name);
      if (network === undefined) throw new Error(`the fake engine has no network '${name}'`);
      for (const container of world.containers.values())
        if (life.isAlive(container)) life.disconnect(world, container, network.id);
      world.networks.delete(network.id);
      life.notify(world);
    },
  };
}
