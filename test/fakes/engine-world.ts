import { EngineError } from "../../src/agent/errors.ts";
import type { EngineEvent, LogLine } from "../../src/agent/ports.ts";
import { samePort } from "../../src/manifest/port.ts";
import { label } from "../../src/state/labels.ts";
import type { ContainerPhase, HostPort } from "../../src/state/observed.ts";
import type { FakeClock } from "./clock.ts";
import type { Behaviour } from "./engine-behaviour.ts";
import type { FakeImage, ImageStore } from "./engine-images.ts";

export interface Endpoint {
  networkId: string;
  staticAddress: string | null;
  /** null while the container is not running. */
  address: string | null;
  aliases: string[];
}

export interface FakeContainer {
  id: string;
  name: string;
  labels: Record<string, string>;
  image: FakeImage;
  imageRef: string;
  env: Record<string, string>;
  hostNetwork: boolean;
  endpoints: Map<string, Endpoint>;
  ports: HostPort[];
  phase: ContainerPhase;
  exitCode: number;
  error: string;
  createdAt: number;
  startedAt: number | null;
  finishedAt: number | null;
  restarts: number;
  /** How often it was started at all. */
  starts: number;
  policy: string;
  /** Stopped by a call: the engine does not restart it until the engine itself is restarted. */
  stoppedByHand: boolean;
  cpus: number | null;
  memory: number | null;
  log: LogLine[];
  behaviour: Behaviour;
  /** Calls off what it would do next by itself. */
  cancel: () => void;
}

export interface FakeNetwork {
  id: string;
  name: string;
  labels: Record<string, string>;
  subnet: string;
  gateway: string;
}

/** One engine's state, shared by everybody who speaks to it. */
export interface World {
  clock: FakeClock;
  containers: Map<string, FakeContainer>;
  networks: Map<string, FakeNetwork>;
  images: ImageStore;
  events: EngineEvent[];
  /** Called after any change. */
  watchers: Set<() => void>;
  /** false: nothing answers. */
  up: boolean;
  /** Counts restarts of the engine; a stream of an earlier life is broken. */
  life: number;
}

const RESTART_MS = 100;

export function tell(world: World, action: string, container: FakeContainer): void {
  world.events.push({
    action,
    containerId: container.id,
    deployment: container.labels[label.deployment] ?? null,
  });
  notify(world);
}

export function notify(world: World): void {
  for (const watcher of world.watchers) watcher();
}

export function isAlive(container: FakeContainer): boolean {
  return container.phase === "running" || container.phase === "paused";
}

/** Starts what is not running. Throws as the engine does: name no network, take no address or port that is in use. */
export function start(world: World, container: FakeContainer): void {
  if (container.phase === "running") return;
  if (container.phase !== "created" && container.phase !== "exited" && container.phase !== "restarting")
    throw new EngineError("conflict", `cannot start ${container.name}: it is ${container.phase}`);
  const refusal = whyNot(world, container);
  if (refusal !== null) {
    container.error = refusal.message;
    throw refusal;
  }
  container.cancel();
  for (const endpoint of container.endpoints.values()) {
    endpoint.address = endpoint.staticAddress ?? "10.0.0.1";
    tell(world, "connect", container);
  }
  container.phase = "running";
  container.exitCode = 0;
  container.error = "";
  container.stoppedByHand = false;
  container.startedAt = world.clock.now();
  container.behaviour = container.image.behave(container.env, container.starts);
  container.starts++;
  for (const line of container.behaviour.output) container.log.push({ ...line, time: world.clock.now() });
  const { exitAfterMs, exitCode } = container.behaviour;
  if (exitAfterMs !== null)
    container.cancel = world.clock.after(exitAfterMs, () => end(world, container, exitCode));
  tell(world, "start", container);
}

/** The process ends, by itself or not; under `always` it comes back unless a call ended it. */
export function end(world: World, container: FakeContainer, exitCode: number): void {
  container.cancel();
  container.cancel = () => undefined;
  container.exitCode = exitCode;
  container.finishedAt = world.clock.now();
  for (const endpoint of container.endpoints.values()) endpoint.address = null;
  const returns =
    container.policy === "always" || (container.policy === "unless-stopped" && !container.stoppedByHand);
  container.phase = returns && !container.stoppedByHand ? "restarting" : "exited";
  if (container.phase === "restarting") {
    const wait = Math.min(60_000, RESTART_MS * 2 ** container.restarts);
    container.cancel = world.clock.after(wait, () => {
      container.restarts++;
      try {
        start(world, container);
      } catch {
        container.phase = "exited"; // The engine gives up on what it cannot start; `error` has the reason.
        notify(world);
      }
    });
  }
  tell(world, "die", container);
}

/** Ended by a call: SIGTERM, or SIGKILL. */
export function endByHand(world: World, container: FakeContainer, exitCode: number): void {
  container.stoppedByHand = true;
  if (isAlive(container)) end(world, container, exitCode);
  else if (container.phase === "restarting") {
    container.cancel();
    container.phase = "exited";
    notify(world);
  }
}

/** The engine goes down, and the process with it: nobody is told. */
export function cutOff(world: World, container: FakeContainer): void {
  container.cancel();
  container.cancel = () => undefined;
  if (!isAlive(container) && container.phase !== "restarting") return;
  container.phase = "exited";
  container.exitCode = 137;
  container.finishedAt = world.clock.now();
  for (const endpoint of container.endpoints.values()) endpoint.address = null;
}

/** The engine is back: `always` comes back whoever stopped it, `unless-stopped` when nobody did. */
export function comeBack(world: World, container: FakeContainer): void {
  const returns =
    container.policy === "always" || (container.policy === "unless-stopped" && !container.stoppedByHand);
  if (!returns || container.phase !== "exited") return;
  container.restarts = 0;
  try {
    start(world, container);
  } catch {
    notify(world); // Left exited, with the reason in `error`.
  }
}

export function remove(world: World, container: FakeContainer): void {
  if (isAlive(container)) endByHand(world, container, 137);
  container.cancel();
  world.containers.delete(container.id);
  tell(world, "destroy", container);
}

/** Puts a container on a network; on a running one this takes the address at once. */
export function connect(world: World, container: FakeContainer, endpoint: Omit<Endpoint, "address">): void {
  if (!world.networks.has(endpoint.networkId))
    throw new EngineError("not-found", `no such network: ${endpoint.networkId}`);
  const alive = isAlive(container);
  if (alive && container.endpoints.has(endpoint.networkId))
    throw new EngineError("conflict", `${container.name} is on network ${endpoint.networkId} already`);
  if (alive && addressTaken(world, container, endpoint)) throw takenAddress(endpoint);
  container.endpoints.set(endpoint.networkId, {
    ...endpoint,
    address: alive ? endpoint.staticAddress : null,
  });
  if (alive) tell(world, "connect", container);
}

export function disconnect(world: World, container: FakeContainer, networkId: string): void {
  if (container.endpoints.delete(networkId) && isAlive(container)) tell(world, "disconnect", container);
}

function whyNot(world: World, container: FakeContainer): EngineError | null {
  for (const endpoint of container.endpoints.values()) {
    if (!world.networks.has(endpoint.networkId))
      return new EngineError("not-found", `network ${endpoint.networkId} not found`);
    if (addressTaken(world, container, endpoint)) return takenAddress(endpoint);
  }
  for (const other of world.containers.values()) {
    if (other === container || !isAlive(other)) continue;
    const clash = container.ports.find((port) => other.ports.some((taken) => samePort(port, taken)));
    if (clash !== undefined)
      return new EngineError("port-taken", `host port ${String(clash.port)}: port is already allocated`);
  }
  return null;
}

function addressTaken(
  world: World,
  container: FakeContainer,
  wanted: { networkId: string; staticAddress: string | null },
): boolean {
  return [...world.containers.values()].some(
    (other) =>
      other !== container &&
      wanted.staticAddress !== null &&
      other.endpoints.get(wanted.networkId)?.address === wanted.staticAddress,
  );
}

function takenAddress(endpoint: { staticAddress: string | null }): EngineError {
  return new EngineError("address-taken", `${String(endpoint.staticAddress)}: address already in use`);
}
