/** The node's ingress (SPEC 6): Caddy in a container of the agent's own. */
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { IngressError } from "../agent/errors.ts";
import type { IngressHost } from "../agent/ingress-host-port.ts";
import type { Ingress, RouteReport } from "../agent/ingress-port.ts";
import { label } from "../state/labels.ts";
import type { IngressSettings, Route } from "../state/route.ts";
import { canonical, connectAdmin, makePrivate, type Admin } from "./admin.ts";
import { acceptedConfig, apply } from "./apply.ts";
import { certificateReader } from "./certificates.ts";
import { emptyConfig, type Json } from "./config.ts";
import { connectionTable, countConnections } from "./connections.ts";
import { createContainerKeeper, findIngress, isCurrent, type ContainerKeeper } from "./container.ts";
import { choosePlace, findPlace } from "./place.ts";
import { openPorts, portConflict, type Listener } from "./ports.ts";
import { openStore, type IngressMemory, type Store } from "./store.ts";
import { forgetUpstreams, readAllUpstreams, writeUpstreams } from "./upstream-files.ts";
import { askedOf, isSettled, look, reportsOf, runningConfig, type View } from "./view.ts";

export interface IngressParts {
  host: IngressHost;
  environment: string;
  /** Where the ingress lives if this agent is the first of its engine to need one. */
  ownFolder: string;
  /** Where the agents of one host find each other; gone with a reboot. */
  runFolder: string;
  /** Waits for the exclusive lock of a file; rejects after `timeoutMs`. Answers how to give it back. */
  lock: (path: string, timeoutMs: number) => Promise<() => void>;
  listener: Listener;
  now: () => number;
}

/** Another agent may be replacing the container meanwhile, ms. */
const LOCK_MS = 120_000;

/** Everything that is known once the engine is. */
interface Opened {
  store: Store;
  admin: Admin;
  keeper: ContainerKeeper;
  certificate: ReturnType<typeof certificateReader>;
}

/** Opens the ingress; nothing is touched or asked before the first call. */
export function openIngress(parts: IngressParts): Ingress {
  const { host, environment } = parts;
  let opening: Promise<Opened> | null = null;

  const open = (signal: AbortSignal): Promise<Opened> => {
    opening ??= (async () => {
      const places = await placesOf(parts, signal);
      const store = onDisk(() => openStore(choosePlace(places)));
      const admin = connectAdmin(store.socketPath);
      const answers = async (during: AbortSignal): Promise<boolean> =>
        (await runningConfig(admin, during)) !== null;
      return {
        store,
        admin,
        keeper: createContainerKeeper(host, store, answers),
        certificate: certificateReader(store.paths.data),
      };
    })().catch((error: unknown) => {
      opening = null;
      throw error;
    });
    return opening;
  };

  const answer = (view: View, memory: IngressMemory, opened: Opened): readonly RouteReport[] => {
    if (memory.settingsError === null) return reportsOf(view, memory, opened.certificate);
    throw new IngressError(
      `the node's ingress settings are refused, the last good ones stay: ${memory.settingsError}`,
    );
  };

  /** Leads everything to where it should be; holds the engine's lock meanwhile. */
  const lead = async (
    opened: Opened,
    settings: IngressSettings,
    routes: readonly Route[],
    image: string | null,
    signal: AbortSignal,
  ): Promise<readonly RouteReport[]> => {
    const { store, admin, keeper } = opened;
    const view = await look({ ...parts, ...opened }, settings, routes, signal);
    if (view === null) return [];
    if (!view.told) store.writeFragment(view.fragment);
    let { memory } = view;
    const prepare = (from: "last-good" | "empty"): void => {
      const taken = portConflict(view.arrangement.settings.httpPort, "httpPort", [], parts.listener);
      if (taken !== null) throw new IngressError(taken);
      const accepted = from === "last-good" ? acceptedConfig(memory) : null;
      const free = openPorts(accepted).every(
        (port) => portConflict(port, "httpsPort", [], parts.listener) === null,
      );
      store.writeBoot(JSON.stringify(accepted !== null && free ? accepted : emptyConfig(), null, 2));
    };
    const id = await keeper.keep(
      { reference: view.arrangement.settings.image, image },
      view.container,
      prepare,
      signal,
    );
    if (id === null) return answer(view, memory, opened);
    makePrivate(store.socketPath);
    let running = await admin.config(signal);
    const load = async (config: Json): Promise<string | null> => {
      if (canonical(config) === canonical(running)) return null;
      const refused = await admin.load(config, signal);
      if (refused === null) running = config;
      return refused;
    };
    const asked = askedOf({ ...view, running }, id, parts.listener);
    if (!isDeepStrictEqual(memory.asked, asked)) {
      const before = memory.accepted?.settings.httpPort;
      const serves = before !== undefined && openPorts(running).includes(before);
      if (asked.httpBlocked !== null && !serves) throw new IngressError(asked.httpBlocked);
      memory = await apply(asked, memory, openPorts(running), load);
      store.writeMemory(memory);
    }
    const wanted = acceptedConfig(memory);
    if (wanted !== null) {
      const refused = await load(wanted);
      if (refused !== null)
        throw new IngressError(`the ingress refuses its last good configuration: ${refused}`);
      store.writeBoot(JSON.stringify(wanted, null, 2));
    }
    makePrivate(store.socketPath);
    forgetUpstreams(store.paths.upstreams, environment, new Set(routes.map((route) => route.service)));
    return answer(view, memory, opened);
  };

  /** The image's id, pulled if need be, before anything is locked or stopped; null: the container that is there needs none. */
  const imageFor = async (view: View, store: Store, signal: AbortSignal): Promise<string | null> => {
    const { image } = view.arrangement.settings;
    if (view.container !== null && isCurrent(view.container, store, image)) return null;
    return (await host.image(image, signal)) ?? (await host.pull(image, signal));
  };

  return {
    async ensure(settings, routes, signal) {
      let opened = await open(signal);
      if (!opened.store.present()) {
        // It was in the data folder of an agent that is gone: another place is chosen.
        opening = null;
        opened = await open(signal);
      }
      const view = await look({ ...parts, ...opened }, settings, routes, signal);
      if (view === null) return [];
      if (isSettled(view, opened.store, parts.listener)) return answer(view, view.memory, opened);
      const image = await imageFor(view, opened.store, signal);
      const release = await parts.lock(opened.store.lockPath, LOCK_MS);
      try {
        return await lead(opened, settings, routes, image, signal);
      } finally {
        release();
      }
    },
    async direct(service, upstreams, signal) {
      const { store } = await open(signal);
      onDisk(() => writeUpstreams(store.paths.upstreams, environment, service, upstreams));
    },
    async routes(signal) {
      const { store } = await open(signal);
      const own = store.fragments().find((fragment) => fragment.environment === environment);
      return (own?.claims ?? []).map((claim) => claim.route);
    },
    async directed(signal) {
      const { store } = await open(signal);
      return onDisk(() => readAllUpstreams(store.paths.upstreams, environment));
    },
    connections: (upstream) => Promise.resolve(countConnections(connectionTable(), upstream)),
    async metrics(signal) {
      const { admin } = await open(signal);
      return await admin.metrics(signal).catch((error: unknown) => {
        if (error instanceof IngressError) return null;
        throw error;
      });
    },
    close: () => undefined,
  };
}

/** Where the requests of an environment's Services go now, without making or changing anything. */
export async function peekDirected(
  parts: Pick<IngressParts, "host" | "environment" | "ownFolder" | "runFolder">,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const folder = findPlace(await placesOf(parts, signal));
  return folder === null ? new Map() : readAllUpstreams(join(folder, "upstreams"), parts.environment);
}

/** A failure of the file system (a full disk, say) as the port's own error. */
function onDisk<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new IngressError(`the ingress's folder cannot be used: ${why}`, { cause });
  }
}

async function placesOf(
  parts: Pick<IngressParts, "host" | "ownFolder" | "runFolder">,
  signal: AbortSignal,
): Promise<Parameters<typeof findPlace>[0]> {
  const engineId = await parts.host.engineId(signal);
  const container = await findIngress(parts.host, signal).catch((error: unknown) => {
    // A stranger of that name: where requests would go is kept all the same.
    if (error instanceof IngressError) return null;
    throw error;
  });
  const present = container?.labels[label.ingressFolder] ?? null;
  return { runFolder: parts.runFolder, engineId, present, own: parts.ownFolder };
}
