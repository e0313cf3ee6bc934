import { samePort } from "../manifest/port.ts";
import type { EngineAction } from "../plan/action.ts";
import type { Owner } from "../state/labels.ts";
import type { Followed } from "../state/node-findings.ts";
import { createAddressPool } from "./addresses.ts";
import type { Clock } from "./clock.ts";
import type { Emit } from "./events.ts";
import { createExecutor } from "./executor.ts";
import { createHealthMonitor } from "./health.ts";
import { cleanImages } from "./image-cleanup.ts";
import { createImageLane } from "./image-lane.ts";
import { createIngressLane } from "./ingress-lane.ts";
import type { Ingress } from "./ingress-port.ts";
import { createLoop } from "./loop.ts";
import type { MemoryStore } from "./memory.ts";
import type { Engine, NodeFiles, ProbeRunner } from "./ports.ts";
import { createReconciler, type Reconciler } from "./reconcile.ts";
import type { Source } from "./source-port.ts";
import { createStatusStore, type StatusStore } from "./status.ts";
import { createSync, syncError, type Sync } from "./sync.ts";
import { createTracker } from "./tracker.ts";

export interface AgentParts {
  engine: Engine;
  source: Source;
  ingress: Ingress;
  files: NodeFiles;
  probe: ProbeRunner;
  memory: MemoryStore;
  clock: Clock;
  emit: Emit;
  owner: Owner;
  branch: string;
  version: string;
  pollInterval: number | null;
  /** What this agent goes by that its Node manifest names too. */
  followed: Followed;
  /** The Node manifest names another environment, and nothing of this agent's is on the engine yet: go on as that one. */
  moveTo: (environment: string) => void;
  /** Runs work side by side with a limit of its own: the engine's, and the registry's. */
  limits: { engine: Limit; pull: Limit };
}

type Limit = <T>(work: () => Promise<T>) => Promise<T>;

export interface Agent {
  status: StatusStore;
  /** Follows Git and the engine until the signal aborts; touches no container on its way out. */
  run(signal: AbortSignal): Promise<void>;
  /** One full pass; whether everything converged (SPEC 8, `--once`). */
  once(signal: AbortSignal): Promise<boolean>;
}

/** Creating and starting is heavy work for the engine; everything else goes on beside it. */
const HEAVY: readonly EngineAction["kind"][] = ["create", "start"];

/** Puts the agent's parts together around one engine and one repository. */
export function createAgent(parts: AgentParts, stop: AbortSignal): Agent {
  const { engine, memory, clock, emit, owner } = parts;
  let sync: Sync | null = null;
  let reconciler: Reconciler | null = null;
  const status = createStatusStore({
    node: owner.node,
    environment: owner.environment,
    branch: parts.branch,
    version: parts.version,
    startedAt: clock.now(),
    memory,
    sync: () => sync?.facts() ?? null,
    image: (deployment, revision) => images.state(deployment, revision, clock.now()),
    ingress: {
      report: (service) => ingress.report(service),
      directed: () => ingress.directed(),
      error: () => ingress.error(),
    },
  });
  const tell: Emit = (event) => {
    if (event.type === "engine.lost") status.engineError(event.message);
    if (event.type === "engine.found") status.engineError(null);
    emit(event);
  };
  const health = createHealthMonitor(parts.probe, clock, (name) => loop.wake(name));
  const tracker = createTracker(health, clock);
  const addresses = createAddressPool(clock);
  const ingress = createIngressLane({
    ingress: parts.ingress,
    memory,
    clock,
    emit: tell,
    wake: (name) => loop.wake(name),
  });
  const loop = createLoop({
    engine,
    clock,
    emit: tell,
    memory,
    tracker,
    forget(present, before) {
      tracker.forget(present, before);
      addresses.forget(present, before);
    },
    reconciler: () => required(reconciler),
    afterPass: async (_, signal) => {
      await sync?.refresh(signal);
      await cleanImages(engine, memory, tell, signal);
    },
  });
  const images = createImageLane({
    engine,
    memory,
    clock,
    emit: tell,
    limit: parts.limits.pull,
    wake: (name) => loop.wake(name),
    signal: stop,
  });
  const execute = createExecutor({
    engine,
    owner,
    memory,
    tracker,
    addresses,
    ingress,
    clock,
    files: {
      read: (path) => parts.files.read(path),
      portTaken: async (port, protocol, hostIP) => {
        const foreign = loop
          .observed()
          ?.foreign.find((item) => item.ports.some((own) => samePort(own, { port, protocol, hostIP })));
        return foreign === undefined
          ? await parts.files.portTaken(port, protocol, hostIP)
          : `container '${foreign.name}'`;
      },
    },
  });
  reconciler = createReconciler({
    engine,
    owner,
    memory,
    health,
    tracker,
    addresses,
    images,
    ingress,
    clock,
    emit: tell,
    execute: (action, job) =>
      HEAVY.includes(action.kind) ? parts.limits.engine(() => execute(action, job)) : execute(action, job),
    publish: (name, report) => status.publish(name, report, clock.now()),
    wake: (name) => loop.wake(name),
    wakeDependents: (name) => {
      for (const dependent of dependentsOf(name)) loop.wake(dependent);
    },
    crash: (name, now) => loop.crash(name, now),
  });
  const dependentsOf = (name: string): string[] => waiting.get(name) ?? [];
  let waiting = new Map<string, string[]>();
  sync = createSync({
    source: parts.source,
    owner,
    branch: parts.branch,
    pollInterval: parts.pollInterval,
    memory,
    files: parts.files,
    followed: parts.followed,
    moveTo: parts.moveTo,
    clock,
    emit: tell,
    owned: async (signal) => [
      ...new Set((await engine.observe(null, signal)).containers.map((container) => container.deployment)),
    ],
    submit: (desired) => {
      waiting = new Map();
      for (const item of desired.deployments.values()) {
        if (item.kind !== "run") continue;
        for (const dependency of item.revision.spec.dependsOn)
          waiting.set(dependency, [...(waiting.get(dependency) ?? []), item.name]);
      }
      status.desired(desired);
      ingress.submit(desired);
      loop.submit(desired);
    },
  });
  const follower = sync;
  const wrap = async (work: Promise<void>[]): Promise<void> => {
    await Promise.all(work);
    health.stop();
  };

  return {
    status,
    async run(signal) {
      const follow = async (): Promise<void> => {
        // An agent without memory asks the ingress first what is served; one that remembers starts at once.
        if (memory.get().acceptedCommit === null) await ingress.begin(signal);
        await follower.run(signal);
      };
      await wrap([loop.run(signal), ingress.run(signal), follow()]);
    },
    async once(signal) {
      const end = new AbortController();
      const both = AbortSignal.any([signal, end.signal]);
      const running = loop.run(both);
      await ingress.begin(both);
      const answered = await follower.once(both);
      await ingress.once(both);
      if (status.hasDesired())
        await loop.settled((names) => names.every((name) => status.isSettled(name)), both);
      end.abort();
      await running;
      health.stop();
      const states = Object.values(status.snapshot().deployments).map((item) => item.state);
      return (
        answered &&
        syncError(follower.facts()) === null &&
        ingress.error() === null &&
        Object.values(status.snapshot().services).every(
          (item) => item.state !== "held" && item.state !== "rejected",
        ) &&
        states.every((state) => state === "running" || state === "suspended")
      );
    },
  };
}

function required<T>(value: T | null): T {
  if (value === null) throw new Error("the agent's parts are put together in the wrong order");
  return value;
}
