import { randomUUID } from "node:crypto";
import type { ActionOf, EngineAction } from "../plan/action.ts";
import type { DeploymentSpec } from "../manifest/deployment.ts";
import { portText, samePort } from "../manifest/port.ts";
import { isUp } from "../plan/container.ts";
import { encodeCanonical } from "../state/canonical.ts";
import { encodeLabels, volumeName, type Owner } from "../state/labels.ts";
import type { DeploymentRevision } from "../state/memory.ts";
import type { ObservedContainer, ObservedNetwork } from "../state/observed.ts";
import { upstreamOf } from "../plan/route.ts";
import type { Route } from "../state/route.ts";
import type { Clock } from "./clock.ts";
import { EngineError } from "./errors.ts";
import type { AddressPool } from "./addresses.ts";
import type { MemoryStore } from "./memory.ts";
import type { IngressLane } from "./ingress-lane.ts";
import type { Engine, NodeFiles } from "./ports.ts";
import type { Tracker } from "./tracker.ts";

/** What one action of one deployment is carried out with. */
export interface Job {
  deployment: string;
  /** The revision of the target; null when its spec is not known. */
  revision: DeploymentRevision | null;
  containers: readonly ObservedContainer[];
  network: ObservedNetwork | null;
  /** The routes of this environment that lead to the deployment. */
  routes: readonly Route[];
  signal: AbortSignal;
}

export interface ExecutorParts {
  engine: Engine;
  owner: Owner;
  memory: MemoryStore;
  tracker: Tracker;
  addresses: AddressPool;
  files: NodeFiles;
  ingress: Pick<IngressLane, "direct" | "drained">;
  clock: Clock;
}

type Handlers = { [K in EngineAction["kind"]]: (action: ActionOf<K>, job: Job) => Promise<void> };

/** Calls by name from inside the network see no failure when the old one is stopped so long after it lost its name (SPEC 6), ms. */
const DNS_SETTLE_MS = 1500;

/** How many addresses are tried at one start. */
const MOVES_MAX = 5;

/** Carries out one action. Throws {@link EngineError}. */
export function createExecutor(parts: ExecutorParts): (action: EngineAction, job: Job) => Promise<void> {
  const { engine, owner, memory, tracker, addresses, files, ingress, clock } = parts;

  /** The container afresh (SPEC 3: re-inspected by id before every stop or removal); null when it is gone or not ours any more. */
  const fresh = (id: string, job: Job): Promise<ObservedContainer | null> => engine.inspect(id, job.signal);

  /** Reconnects a container with or without its deployment's name, keeping its static address. */
  const rename = async (container: ObservedContainer, alias: boolean, job: Job): Promise<void> => {
    const { attachment } = container;
    if (attachment.kind !== "attached") return;
    if (attachment.aliases.includes(container.deployment) === alias) return;
    const address = attachment.staticAddress ?? attachment.address;
    if (address === null) return;
    await engine.detach(container.id, attachment.networkId, job.signal);
    await engine.attach(
      container.id,
      { id: attachment.networkId, address, alias: alias ? container.deployment : null },
      job.signal,
    );
  };

  const drain = async (container: ObservedContainer, limitMs: number, job: Job): Promise<void> => {
    if (container.phase !== "running") return;
    const upstreams = job.routes.flatMap((route) => upstreamOf(container, route.port) ?? []);
    await ingress.drained([...new Set(upstreams)], Math.max(0, limitMs), job.signal);
  };

  const end = async (id: string, graceMs: number, job: Job): Promise<void> => {
    tracker.dying(id, true);
    try {
      await engine.stop(id, graceMs, job.signal);
    } finally {
      tracker.dying(id, false);
    }
  };

  /** Starts a container; when something else has its address by now, with another one. */
  const startSomewhere = async (id: string, job: Job): Promise<void> => {
    for (let moves = 0; ; moves++) {
      try {
        await engine.start(id, job.signal);
        return;
      } catch (error) {
        const isTaken = error instanceof EngineError && error.kind === "address-taken";
        if (!isTaken || moves === MOVES_MAX || !(await move(id, job))) throw error;
      }
    }
  };

  /** Gives a stopped container another address; whether it could. */
  const move = async (id: string, job: Job): Promise<boolean> => {
    const attachment = (await fresh(id, job))?.attachment;
    if (attachment?.kind !== "attached" || attachment.networkId !== job.network?.id) return false;
    if (attachment.staticAddress !== null) addresses.avoid(attachment.staticAddress);
    const address = addresses.take(job.network);
    try {
      const alias = attachment.aliases.includes(job.deployment) ? job.deployment : null;
      await engine.detach(id, job.network.id, job.signal);
      await engine.attach(id, { id: job.network.id, address, alias }, job.signal);
      addresses.use(id, address);
    } finally {
      addresses.giveBack(address);
    }
    return true;
  };

  const ofEnvironment = (volume: DeploymentSpec["volumes"][number]): typeof volume =>
    volume.type === "volume" ? { ...volume, name: volumeName(owner.environment, volume.name) } : volume;

  let making: Promise<ObservedNetwork> | null = null;

  const handlers: Handlers = {
    "ensure-network": async (_, job) => {
      // Deployments side by side need it at the same moment; the engine would make one for each of them.
      making ??= engine.ensureNetwork(job.signal).finally(() => {
        making = null;
      });
      await making;
    },
    create: async (action, job) => {
      const { revision } = job;
      if (revision === null) return;
      await refuseTakenPorts(revision, job, files);
      const pin = memory.deployment(job.deployment).pins[revision.revision];
      if (pin === undefined)
        throw new EngineError("conflict", `image ${String(revision.spec.image)} is not in hand yet`);
      const labels = encodeLabels(owner, {
        deployment: job.deployment,
        revision: revision.revision,
        replica: action.replica,
        commit: revision.commit,
        file: revision.file,
        spec: encodeCanonical(revision.canonical),
        instance: randomUUID(),
      });
      const address =
        revision.spec.network === "host" || job.network === null ? null : addresses.take(job.network);
      try {
        const network =
          address === null || job.network === null
            ? null
            : { id: job.network.id, address, alias: action.alias ? job.deployment : null };
        const blueprint = {
          name: action.name,
          labels,
          image: pin.digest ?? pin.id,
          spec: { ...revision.spec, volumes: revision.spec.volumes.map(ofEnvironment) },
          env: revision.env,
          network,
        };
        const made = await engine.create(blueprint, job.signal);
        memory.update((current) => ({
          ...current,
          containers: { ...current.containers, [made.id]: action.name },
        }));
        if (address !== null) addresses.use(made.id, address);
      } finally {
        if (address !== null) addresses.giveBack(address);
      }
    },
    start: async (action, job) => {
      await startSomewhere(action.container, job);
      tracker.started(action.container);
    },
    promote: async (action, job) => {
      const container = await fresh(action.container, job);
      if (container?.phase !== "running") return;
      await rename(container, true, job);
      if (container.restartPolicy !== "always")
        await engine.setRestartPolicy(container.id, "always", job.signal);
      tracker.settled(container.id);
    },
    route: async (action, job) => {
      const targets = job.containers.filter((container) => action.containers.includes(container.id));
      for (const route of job.routes) {
        const upstreams = targets.flatMap((container) => upstreamOf(container, route.port) ?? []);
        await ingress.direct(route.service, [...new Set(upstreams)].sort(), job.signal);
      }
    },
    retire: async (action, job) => {
      const container = await fresh(action.container, job);
      if (container === null) return;
      const rivals = job.containers.some((other) => other.id !== container.id && other.phase === "running");
      // What is still open then goes on while the name settles: the grace period is for both, not for one after the other.
      if (action.drainMs > 0) await drain(container, action.drainMs - (rivals ? DNS_SETTLE_MS : 0), job);
      if (job.revision?.spec.strategy === "Recreate") await refuseTakenPorts(job.revision, job, files);
      if (container.phase === "running" && rivals) {
        // Only now: a lookup or a connection that the container itself begins in this moment fails (docs/adr), and requests
        // in flight may need one. Connections that are open go on, because its address stays.
        await rename(container, false, job);
        await clock.sleep(DNS_SETTLE_MS, job.signal);
      }
      // Last, because it is what says that the container is retired: cut off before, all of it is done again.
      await engine.setRestartPolicy(container.id, "no", job.signal);
    },
    stop: async (action, job) => {
      if ((await fresh(action.container, job)) === null) return;
      tracker.settled(action.container);
      await end(action.container, action.graceMs, job);
    },
    remove: async (action, job) => {
      const container = await fresh(action.container, job);
      if (container === null) return;
      if (container.phase === "running")
        throw new EngineError("conflict", `${container.name} runs again: it is not removed`);
      await engine.remove(container.id, { force: container.phase === "dead" }, job.signal);
      addresses.release(container.id);
      memory.update((current) => {
        const { [container.id]: _, ...containers } = current.containers;
        return { ...current, containers };
      });
    },
    resume: (action, job) => engine.unpause(action.container, job.signal),
    rename: (action, job) => engine.rename(action.container, action.to, job.signal),
    attach: async (action, job) => {
      if (job.network === null) return;
      const address = addresses.keep(action.container, job.network);
      try {
        const container = job.containers.find((item) => item.id === action.container);
        const proven = container?.restartPolicy === "always";
        await engine.attach(
          action.container,
          { id: job.network.id, address, alias: proven ? job.deployment : null },
          job.signal,
        );
        addresses.use(action.container, address);
      } finally {
        addresses.giveBack(address);
      }
    },
    "set-resources": async (action, job) => {
      const { cpus, memory: bytes } = action;
      const now = job.containers.find((item) => item.id === action.container);
      const limits = {
        ...(now?.cpus === cpus ? {} : { cpus }),
        ...(now?.memory === bytes ? {} : { memory: bytes }),
      };
      await engine.setResources(action.container, limits, job.signal);
    },
    restart: async (action, job) => {
      const container = await fresh(action.container, job);
      if (container?.phase !== "running") return;
      if (action.drainMs > 0) await drain(container, action.drainMs, job);
      await end(container.id, action.graceMs, job);
      await startSomewhere(container.id, job);
    },
  };

  const run = <K extends EngineAction["kind"]>(kind: K, action: ActionOf<K>, job: Job): Promise<void> =>
    handlers[kind](action, job);
  return (action, job) => run(action.kind, action, job);
}

/** Before anything is touched: host ports that none of the deployment's own containers holds must be free. */
async function refuseTakenPorts(revision: DeploymentRevision, job: Job, files: NodeFiles): Promise<void> {
  const held = job.containers.filter(isUp).flatMap((container) => container.ports);
  for (const wanted of revision.spec.ports) {
    const { port, protocol, hostIP } = wanted;
    if (port === null || held.some((own) => samePort(own, wanted))) continue;
    const taker = await files.portTaken(port, protocol, hostIP);
    if (taker !== null) {
      throw new EngineError(
        "port-taken",
        `host port ${portText(wanted)} is taken by ${taker}: stop it, or give the deployment another port`,
      );
    }
  }
}
