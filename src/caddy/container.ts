import { createHash, randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { EngineError, IngressError } from "../agent/errors.ts";
import type { IngressBlueprint, IngressContainer, IngressHost } from "../agent/ingress-host-port.ts";
import { label } from "../state/labels.ts";
import { inside } from "./config.ts";
import type { Store } from "./store.ts";

/** One per engine, whatever the environments are called: no deployment's container can have this name. */
const INGRESS_NAME = "orun-ingress";
/** The old one, while a new one proves itself. */
const OLD_NAME = "orun-ingress-old";

/** How long Caddy may take to let requests finish, ms. */
const STOP_MS = 35_000;
/** How long a started Caddy may take to answer, ms. */
const START_MS = 20_000;
/** A pause in passing, such as that of `docker commit`, ends by itself (SPEC 3), ms. */
const PAUSE_MS = 5000;
/** One that does not answer for so long does not come back by itself, ms. */
const DEAF_MS = 3000;

/** The labels by which the ingress's container is known. */
function ingressLabels(
  blueprint: Omit<IngressBlueprint, "labels">,
  folder: string,
  reference: string,
): Record<string, string> {
  const { image: _, ...made } = blueprint;
  const spec = createHash("sha256")
    .update(JSON.stringify([reference, made]))
    .digest("hex");
  return {
    [label.ingress]: "caddy",
    [label.ingressFolder]: folder,
    [label.spec]: spec,
    [label.instance]: randomUUID(),
  };
}

/** What the container is made of. `image` is the id of what `reference` stands for now. */
function ingressBlueprint(
  store: Pick<Store, "folder" | "paths">,
  reference: string,
  image: string,
): IngressBlueprint {
  const { paths } = store;
  const blueprint = {
    name: INGRESS_NAME,
    image,
    entrypoint: ["caddy"],
    args: ["run", "--config", `${inside.config}/caddy.json`],
    env: {
      // After somebody wiped its configuration, Caddy still listens there and nowhere else.
      CADDY_ADMIN: `unix/${inside.admin}`,
      XDG_DATA_HOME: inside.data,
      XDG_CONFIG_HOME: `${inside.data}/config`,
      HOME: inside.data,
    },
    mounts: [
      { from: paths.admin, to: "/orun/admin", readOnly: false },
      { from: paths.upstreams, to: inside.upstreams, readOnly: true },
      { from: paths.config, to: inside.config, readOnly: true },
      { from: paths.data, to: inside.data, readOnly: false },
    ],
  };
  return { ...blueprint, labels: ingressLabels(blueprint, store.folder, reference) };
}

/** The ingress's container; null: there is none. Throws when the name is somebody else's. */
export async function findIngress(host: IngressHost, signal: AbortSignal): Promise<IngressContainer | null> {
  const found = await host.find(INGRESS_NAME, signal);
  if (found === null) return null;
  const instance = found.labels[label.instance];
  if (
    found.labels[label.ingress] === undefined ||
    instance === undefined ||
    found.inherited[label.instance] === instance
  ) {
    throw new IngressError(
      `a container named '${INGRESS_NAME}' exists that is not orun's: remove it ('docker rm ${INGRESS_NAME}') or rename it`,
    );
  }
  return found;
}

/** Whether a container is made as it would be made now. */
export function isCurrent(container: IngressContainer, store: Store, reference: string): boolean {
  return container.labels[label.spec] === ingressBlueprint(store, reference, "").labels[label.spec];
}

export interface ContainerKeeper {
  /**
   * Leads the container to running as it should be made, and answering; answers its id, or null while somebody's pause is
   * waited out. `prepare` is called before one is started that does not run.
   */
  keep(
    wanted: { reference: string; image: string | null },
    found: IngressContainer | null,
    prepare: (start: "last-good" | "empty") => void,
    signal: AbortSignal,
  ): Promise<string | null>;
}

export function createContainerKeeper(
  host: IngressHost,
  store: Store,
  answers: (signal: AbortSignal) => Promise<boolean>,
): ContainerKeeper {
  let pausedSince: number | null = null;

  /** Waits until a started Caddy answers; throws with its last words when it does not. */
  const awaitAnswer = async (id: string, ms: number, signal: AbortSignal): Promise<boolean> => {
    const end = performance.now() + ms;
    while (performance.now() < end) {
      if (await answers(signal)) return true;
      const now = await host.find(INGRESS_NAME, signal);
      if (now?.id !== id || now.phase === "exited" || now.phase === "restarting" || now.phase === "dead")
        return false;
      await delay(100, undefined, { signal });
    }
    return false;
  };

  const start = async (
    id: string,
    prepare: (start: "last-good" | "empty") => void,
    signal: AbortSignal,
  ): Promise<void> => {
    for (const from of ["last-good", "empty"] as const) {
      prepare(from);
      await host.start(id, signal);
      if (await awaitAnswer(id, START_MS, signal)) return;
      if (from === "empty") break;
      await host.stop(id, 1000, signal);
    }
    const words = await host.lastLines(id, 3, signal).catch(() => []);
    throw new IngressError(
      `the ingress does not come up; its last words: ${words.join(" | ").slice(0, 1000)}`,
    );
  };

  const replace = async (
    old: IngressContainer,
    wanted: { reference: string; image: string },
    prepare: (start: "last-good" | "empty") => void,
    signal: AbortSignal,
  ): Promise<string> => {
    await removeOld(signal);
    await host.rename(old.id, OLD_NAME, signal);
    let made: string | null = null;
    try {
      made = await host.create(ingressBlueprint(store, wanted.reference, wanted.image), signal);
      await host.stop(old.id, STOP_MS, signal);
      await start(made, prepare, signal);
    } catch (error) {
      // The last one that was good serves again.
      if (made !== null) {
        await host.stop(made, 1000, signal);
        await host.remove(made, signal);
      }
      await host.rename(old.id, INGRESS_NAME, signal);
      await start(old.id, prepare, signal);
      throw error;
    }
    await host.remove(old.id, signal);
    return made;
  };

  /** What an agent left behind that was killed while it replaced the container. */
  const removeOld = async (signal: AbortSignal): Promise<void> => {
    const old = await host.find(OLD_NAME, signal);
    if (old?.labels[label.ingress] === undefined) return;
    await host.stop(old.id, STOP_MS, signal);
    await host.remove(old.id, signal);
  };

  return {
    async keep({ reference, image }, found, prepare, signal) {
      let container = found;
      if (container?.phase !== "paused") pausedSince = null;
      if (container === null) {
        const old = await host.find(OLD_NAME, signal);
        if (old?.labels[label.ingress] !== undefined) {
          await host.rename(old.id, INGRESS_NAME, signal);
          container = await findIngress(host, signal);
        }
      }
      if (container === null) {
        if (image === null) throw new EngineError("image-not-found", `image ${reference} is not in hand yet`);
        const id = await host.create(ingressBlueprint(store, reference, image), signal);
        await start(id, prepare, signal);
        return id;
      }
      if (container.phase === "paused") {
        pausedSince ??= performance.now();
        if (performance.now() - pausedSince < PAUSE_MS) return null;
        await host.unpause(container.id, signal);
        pausedSince = null;
      }
      if (!isCurrent(container, store, reference) && image !== null)
        return await replace(container, { reference, image }, prepare, signal);
      await removeOld(signal);
      if (container.phase === "dead") {
        await host.remove(container.id, signal);
        return await this.keep({ reference, image }, null, prepare, signal);
      }
      if (container.phase === "running" || container.phase === "paused" || container.phase === "restarting") {
        if (await awaitAnswer(container.id, DEAF_MS, signal)) return container.id;
        await host.stop(container.id, 2000, signal);
      }
      await start(container.id, prepare, signal);
      return container.id;
    },
  };
}
