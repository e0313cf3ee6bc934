/** The node's ingress (SPEC 6): Caddy in a container of the agent's own. */
import { createHash } from "node:crypto";
import { chmodSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { IngressError } from "../agent/errors.ts";
import type { IngressContainer, IngressHost } from "../agent/ingress-host-port.ts";
import type { Ingress, RouteReport } from "../agent/ingress-port.ts";
import { label } from "../state/labels.ts";
import type { IngressSettings, Route } from "../state/route.ts";
import { canonical, connectAdmin, type Admin } from "./admin.ts";
import { acceptedConfig, apply } from "./apply.ts";
import { certificateReader } from "./certificates.ts";
import { arrangeClaims, identity, nextFragment, type Arrangement, type Fragment } from "./claims.ts";
import { emptyConfig, type Json } from "./config.ts";
import { connectionTable, countConnections } from "./connections.ts";
import { createContainerKeeper, findIngress, isCurrent, type ContainerKeeper } from "./container.ts";
import { choosePlace, findPlace } from "./place.ts";
import { openPorts, portConflict } from "./ports.ts";
import { openStore, type Asked, type IngressMemory, type Store } from "./store.ts";
import { forgetUpstreams, readAllUpstreams, writeUpstreams } from "./upstream-files.ts";

export interface IngressParts {
  host: IngressHost;
  environment: string;
  /** Where the ingress lives if this agent is the first of its engine to need one. */
  ownFolder: string;
  /** Where the agents of one host find each other; gone with a reboot. */
  runFolder: string;
  /** Waits for the exclusive lock of a file; rejects after `timeoutMs`. Answers how to give it back. */
  lock: (path: string, timeoutMs: number) => Promise<() => void>;
  /** Who listens on a port of this host, for people; null: nobody. */
  listener: (port: number, protocol: "tcp" | "udp") => string | null;
  now: () => number;
}

/** Another agent may be replacing the container meanwhile, ms. */
const LOCK_MS = 120_000;

/** What one look finds, without having changed anything. */
interface View {
  fragment: Fragment;
  /** Whether {@link fragment} is what others read of this environment already. */
  told: boolean;
  arrangement: Arrangement;
  caRootFile: string | null;
  memory: IngressMemory;
  container: IngressContainer | null;
  /** What Caddy runs; null: it does not answer. */
  running: Json | null;
}

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
      const store = openStore(choosePlace(await placesOf(parts, signal)));
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

  /** null: nobody on this engine has ever wanted an ingress. */
  const look = async (
    opened: Opened,
    settings: IngressSettings,
    routes: readonly Route[],
    signal: AbortSignal,
  ): Promise<View | null> => {
    const { store } = opened;
    const fragments = store.fragments();
    const before = fragments.find((item) => item.environment === environment) ?? null;
    if (before === null && routes.length === 0) return null;
    const fragment = nextFragment(before, environment, settings, routes, parts.now());
    const others = fragments.filter((item) => item.environment !== environment);
    const arrangement = arrangeClaims([...others, fragment]);
    if (arrangement === null) return null;
    const container = await findIngress(host, signal);
    return {
      fragment,
      told: isDeepStrictEqual(before, fragment),
      arrangement,
      caRootFile: copyCaRoot(store, arrangement.settings),
      memory: store.memory(),
      container,
      running: container?.phase === "running" ? await runningConfig(opened.admin, signal) : null,
    };
  };

  const askedOf = (view: View, container: string): Asked => {
    const { settings, granted } = view.arrangement;
    const open = openPorts(view.running);
    const wantsHttps = granted.some((route) => route.ssl);
    return {
      settings,
      routes: granted,
      caRootFile: view.caRootFile,
      httpsTaken: wantsHttps ? portConflict(settings.httpsPort, "httpsPort", open, parts.listener) : null,
      container,
    };
  };

  const isSettled = (view: View, store: Store): boolean => {
    const { container, memory, running, arrangement } = view;
    return (
      view.told &&
      container?.phase === "running" &&
      running !== null &&
      isCurrent(container, store, arrangement.settings.image) &&
      isDeepStrictEqual(memory.asked, askedOf(view, container.id)) &&
      isRunning(memory, running) &&
      isPrivate(store.socketPath)
    );
  };

  const reports = (view: View, memory: IngressMemory, opened: Opened): RouteReport[] =>
    view.fragment.claims.map(({ route }) => {
      const held = view.arrangement.held.find((item) => identity(item.route) === identity(route));
      const rejected = memory.rejected.find((item) => identity(item.route) === identity(route));
      const report = { service: route.service, message: "", certificate: null };
      if (held !== undefined)
        return {
          ...report,
          state: "held",
          message: `host name ${route.host} belongs to ${describe(held.by, environment)}, which had it first`,
        };
      if (rejected !== undefined) return { ...report, state: "rejected", message: rejected.message };
      const certificate = route.ssl ? opened.certificate(route.host) : null;
      const message =
        route.ssl && certificate === null ? `the certificate for ${route.host} is not there yet` : "";
      return { ...report, state: "active", message, certificate };
    });

  /** Leads everything to where it should be; holds the engine's lock meanwhile. */
  const lead = async (
    opened: Opened,
    settings: IngressSettings,
    routes: readonly Route[],
    image: string | null,
    signal: AbortSignal,
  ): Promise<readonly RouteReport[]> => {
    const { store, admin, keeper } = opened;
    const view = await look(opened, settings, routes, signal);
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
    if (id === null) return reports(view, memory, opened);
    makePrivate(store.socketPath);
    let running = await admin.config(signal);
    const load = async (config: Json): Promise<string | null> => {
      if (canonical(config) === canonical(running)) return null;
      const refused = await admin.load(config, signal);
      if (refused === null) running = config;
      return refused;
    };
    const asked = askedOf({ ...view, running }, id);
    if (!isDeepStrictEqual(memory.asked, asked)) {
      const { httpPort } = asked.settings;
      const taken = portConflict(httpPort, "httpPort", openPorts(running), parts.listener);
      if (taken !== null) throw new IngressError(taken);
      memory = await apply(asked, memory, load);
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
    if (memory.settingsError !== null)
      throw new IngressError(
        `the node's ingress settings are refused, the last good ones stay: ${memory.settingsError}`,
      );
    return reports(view, memory, opened);
  };

  /** The image's id, pulled if need be, before anything is locked or stopped; null: the container that is there needs none. */
  const imageFor = async (view: View, store: Store, signal: AbortSignal): Promise<string | null> => {
    const { image } = view.arrangement.settings;
    if (view.container !== null && isCurrent(view.container, store, image)) return null;
    return (await host.image(image, signal)) ?? (await host.pull(image, signal));
  };

  return {
    async ensure(settings, routes, signal) {
      const opened = await open(signal);
      const view = await look(opened, settings, routes, signal);
      if (view === null) return [];
      if (isSettled(view, opened.store)) {
        if (view.memory.settingsError !== null)
          throw new IngressError(
            `the node's ingress settings are refused, the last good ones stay: ${view.memory.settingsError}`,
          );
        return reports(view, view.memory, opened);
      }
      // A taken port is told before an image is pulled for nothing.
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
      writeUpstreams(store.paths.upstreams, environment, service, upstreams);
    },
    async routes(signal) {
      const { store } = await open(signal);
      const own = store.fragments().find((fragment) => fragment.environment === environment);
      return (own?.claims ?? []).map((claim) => claim.route);
    },
    async directed(signal) {
      const { store } = await open(signal);
      return readAllUpstreams(store.paths.upstreams, environment);
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

async function runningConfig(admin: Admin, signal: AbortSignal): Promise<Json | null> {
  try {
    return await admin.config(signal);
  } catch (error) {
    if (error instanceof IngressError && !signal.aborted) return null;
    throw error;
  }
}

function isRunning(memory: IngressMemory, running: Json): boolean {
  const wanted = acceptedConfig(memory);
  return wanted !== null && canonical(wanted) === canonical(running);
}

/** Only root may speak to Caddy: its folder is closed, and so is its socket, which older versions make for everybody. */
function isPrivate(socketPath: string): boolean {
  const mode = statSync(socketPath, { throwIfNoEntry: false })?.mode;
  return mode !== undefined && (mode & 0o777) === 0o600;
}

function makePrivate(socketPath: string): void {
  if (!isPrivate(socketPath)) chmodSync(socketPath, 0o600);
}

/** The authority's root certificate among the configuration; null: none is asked for. Its content is in its name. */
function copyCaRoot(store: Store, settings: IngressSettings): string | null {
  const { caRoot } = settings.acme;
  if (caRoot === null) return null;
  let content: string;
  try {
    content = readFileSync(caRoot, "utf8");
  } catch (cause) {
    throw new IngressError(
      `ingress.acme.caRoot ${caRoot} cannot be read on this node: put the certificate there`,
      { cause },
    );
  }
  const name = `ca-${createHash("sha256").update(content).digest("hex").slice(0, 12)}.pem`;
  store.writeConfigFile(name, content);
  return name;
}

function describe(route: Route, environment: string): string {
  return route.environment === environment
    ? `service '${route.service}'`
    : `service '${route.service}' of environment '${route.environment}'`;
}
