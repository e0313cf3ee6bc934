import { createHash } from "node:crypto";
import { EngineError } from "../../src/agent/errors.ts";
import type { Engine } from "../../src/agent/ports.ts";
import type { Owner } from "../../src/state/labels.ts";
import { type FakeClock, runningClock } from "./clock.ts";
import type { Behave } from "./engine-behaviour.ts";
import { fakeClient } from "./engine-client.ts";
import { type Human, humanHands } from "./engine-human.ts";
import { digestOf, fakeImage, imageStore, repositoryOf } from "./engine-images.ts";
import { unreachable } from "./engine-streams.ts";
import * as life from "./engine-world.ts";
import type { FakeContainer, World } from "./engine-world.ts";

/** A call that changes something, as a client made it; refused ones too. */
export interface RecordedCall {
  method: keyof Engine;
  /** Name of the container or network, reference or id of the image. */
  target: string;
}

/** A Docker engine in memory, with a registry. The contract suite says how far it can be believed. */
export interface FakeDocker {
  clock: FakeClock;
  /** The Engine port for one owner; any number may share the engine. */
  connect(client: { owner: Owner; branch: string; isKnown?: (id: string) => boolean }): Engine;
  /** Mutating calls of all clients, in order. Human hands leave none. */
  calls: RecordedCall[];
  /** The next call of a method fails; `applied`: after it took effect, as when only the answer is lost. */
  failNext(method: keyof Engine, error: EngineError, when?: "refused" | "applied"): void;
  /** No call fails any more for what was said to {@link failNext}. */
  forgive(): void;
  hasNetwork(id: string): boolean;
  /** Names. */
  networks(): string[];
  /** Puts an image into the engine, as if built there. Answers its id. */
  load(reference: string, behave: Behave, labels?: Record<string, string>): string;
  /** Puts an image into the registry, moving the tag. Answers repository@digest. */
  publish(reference: string, behave: Behave, labels?: Record<string, string>): string;
  /** What people and other tools do on the node. */
  human: Human;
  /** A container by name or id; throws when there is none. */
  container(name: string): Readonly<FakeContainer>;
  containers(): readonly Readonly<FakeContainer>[];
  /** Whether a probe of the container succeeds now. */
  isReady(id: string): boolean;
  /** The process of a container ends by itself. */
  crash(id: string, exitCode: number): void;
  /** The engine cannot show this container any more; null: it can again. */
  hide(id: string, message: string | null): void;
  /** Nothing answers any more and event streams break; containers end with the engine. */
  down(): void;
  /** It answers again; containers with the policy `always` come back, stopped ones too, as on the real one. */
  up(): void;
}

/** Makes an engine with nothing in it. `clock` defaults to time that passes by itself. */
export function createFakeDocker(clock: FakeClock = runningClock()): FakeDocker {
  const world: World = {
    clock,
    containers: new Map(),
    networks: new Map(),
    images: imageStore(),
    events: [],
    watchers: new Set(),
    up: true,
    life: 0,
  };
  const registry = imageStore();
  const calls: RecordedCall[] = [];
  const failures: { method: keyof Engine; error: EngineError; when: "refused" | "applied" }[] = [];
  const unreadable = new Map<string, string>();
  let made = 0;
  const newId = (): string =>
    createHash("sha256")
      .update(`fake ${String(made++)}`)
      .digest("hex");

  const find = (name: string): FakeContainer => {
    const found =
      world.containers.get(name) ?? [...world.containers.values()].find((item) => item.name === name);
    if (found === undefined) throw new Error(`the fake engine has no container '${name}'`);
    return found;
  };

  const call = async <T>(
    method: keyof Engine,
    what: string | null,
    signal: AbortSignal,
    work: () => T | Promise<T>,
  ): Promise<T> => {
    // As over a socket: nothing has happened yet when the call returns.
    await Promise.resolve();
    if (signal.aborted) throw new EngineError("aborted", `${method}: stopped`);
    if (!world.up) throw unreachable();
    if (what !== null) calls.push({ method, target: what });
    const index = failures.findIndex((item) => item.method === method);
    const failure = index === -1 ? undefined : failures.splice(index, 1)[0];
    if (failure?.when === "refused") throw failure.error;
    const result = await work();
    if (failure !== undefined) throw failure.error;
    return result;
  };

  return {
    clock,
    calls,
    connect: ({ owner, branch, isKnown = () => false }) =>
      fakeClient({ world, registry, owner, branch, isKnown, unreadable, newId, call }),
    failNext: (method, error, when = "refused") => void failures.push({ method, error, when }),
    forgive() {
      failures.length = 0;
    },
    hasNetwork: (id) => world.networks.has(id),
    networks: () => [...world.networks.values()].map((item) => item.name),
    load(reference, behave, labels) {
      const image = fakeImage(reference, behave, labels);
      world.images.tag(reference, image);
      return image.id;
    },
    publish(reference, behave, labels) {
      const image = fakeImage(`${reference} ${String(made++)}`, behave, labels);
      const pinned = `${repositoryOf(reference)}@${digestOf(image)}`;
      registry.tag(reference, image);
      registry.tag(pinned, image);
      return pinned;
    },
    human: humanHands(world, find, newId),
    container: find,
    containers: () => [...world.containers.values()],
    isReady(id) {
      const container = world.containers.get(id);
      if (container?.phase !== "running" || container.startedAt === null) return false;
      const { readyAfterMs } = container.behaviour;
      return readyAfterMs !== null && clock.now() >= container.startedAt + readyAfterMs;
    },
    crash: (id, exitCode) => life.end(world, find(id), exitCode),
    hide(id, message) {
      if (message === null) unreadable.delete(id);
      else unreadable.set(id, message);
    },
    down() {
      world.up = false;
      for (const container of world.containers.values()) life.cutOff(world, container);
      world.events.length = 0;
      life.notify(world);
    },
    up() {
      world.up = true;
      world.life++;
      for (const container of world.containers.values()) life.comeBack(world, container);
    },
  };
}
