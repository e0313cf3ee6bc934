/** What of the engine's ingress is as it should be, found without changing anything but the copy of a certificate. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { IngressError } from "../agent/errors.ts";
import type { IngressContainer, IngressHost } from "../agent/ingress-host-port.ts";
import type { RouteReport } from "../agent/ingress-port.ts";
import type { IngressSettings, Route } from "../state/route.ts";
import { canonical, isPrivate, type Admin } from "./admin.ts";
import { acceptedConfig } from "./apply.ts";
import type { certificateReader } from "./certificates.ts";
import { arrangeClaims, identity, nextFragment, type Arrangement, type Fragment } from "./claims.ts";
import type { Json } from "./config.ts";
import { findIngress, isCurrent } from "./container.ts";
import { openPorts, portConflict, type Listener } from "./ports.ts";
import type { Asked, IngressMemory, Store } from "./store.ts";

export interface View {
  fragment: Fragment;
  /** Whether {@link fragment} is what others read of this environment already. */
  told: boolean;
  arrangement: Arrangement;
  /** The copy of the authority's root certificate; null: none is asked for, or {@link caRootError}. */
  caRootFile: string | null;
  caRootError: string | null;
  memory: IngressMemory;
  container: IngressContainer | null;
  /** What Caddy runs; null: it does not answer. */
  running: Json | null;
}

/** null: nobody on this engine has ever wanted an ingress. */
export async function look(
  parts: { host: IngressHost; store: Store; admin: Admin; environment: string; now: () => number },
  settings: IngressSettings,
  routes: readonly Route[],
  signal: AbortSignal,
): Promise<View | null> {
  const { store, environment } = parts;
  const fragments = store.fragments();
  const before = fragments.find((item) => item.environment === environment) ?? null;
  if (before === null && routes.length === 0) return null;
  const fragment = nextFragment(before, environment, settings, routes, parts.now());
  const others = fragments.filter((item) => item.environment !== environment);
  const arrangement = arrangeClaims([...others, fragment]);
  if (arrangement === null) return null;
  const container = await findIngress(parts.host, signal);
  return {
    fragment,
    told: isDeepStrictEqual(before, fragment),
    arrangement,
    ...copyCaRoot(store, arrangement.settings),
    memory: store.memory(),
    container,
    running: container?.phase === "running" ? await runningConfig(parts.admin, signal) : null,
  };
}

/** What Caddy is asked for now. */
export function askedOf(view: View, container: string, listener: Listener): Asked {
  const { settings, granted } = view.arrangement;
  const open = openPorts(view.running);
  const https = granted.some((route) => route.ssl);
  return {
    settings,
    routes: granted,
    caRootFile: view.caRootFile,
    httpBlocked: portConflict(settings.httpPort, "httpPort", open, listener),
    httpsBlocked: https
      ? (view.caRootError ?? portConflict(settings.httpsPort, "httpsPort", open, listener))
      : null,
    container,
  };
}

/** Whether nothing at all has to be done. */
export function isSettled(view: View, store: Store, listener: Listener): boolean {
  const { container, memory, running, arrangement } = view;
  const wanted = acceptedConfig(memory);
  return (
    view.told &&
    container?.phase === "running" &&
    running !== null &&
    wanted !== null &&
    isCurrent(container, store, arrangement.settings.image) &&
    isDeepStrictEqual(memory.asked, askedOf(view, container.id, listener)) &&
    canonical(wanted) === canonical(running) &&
    isPrivate(store.socketPath)
  );
}

/** What became of each route of this environment. */
export function reportsOf(
  view: View,
  memory: IngressMemory,
  certificateOf: ReturnType<typeof certificateReader>,
): RouteReport[] {
  const { environment, claims } = view.fragment;
  return claims.map(({ route }) => {
    const same = (item: { route: Route }): boolean => identity(item.route) === identity(route);
    const report = { service: route.service, message: "", certificate: null };
    const held = view.arrangement.held.find(same);
    if (held !== undefined) {
      const message = `host name ${route.host} belongs to ${describe(held.by, environment)}, which had it first`;
      return { ...report, state: "held", message };
    }
    const rejected = memory.rejected.find(same);
    if (rejected !== undefined) return { ...report, state: "rejected", message: rejected.message };
    if (!route.ssl) return { ...report, state: "active" };
    const certificate = certificateOf(route.host);
    const message = certificate === null ? `the certificate for ${route.host} is not there yet` : "";
    return { ...report, state: "active", message, certificate };
  });
}

/** What Caddy runs; null: it does not answer. */
export async function runningConfig(admin: Admin, signal: AbortSignal): Promise<Json | null> {
  try {
    return await admin.config(signal);
  } catch (error) {
    if (error instanceof IngressError && !signal.aborted) return null;
    throw error;
  }
}

/** Puts the authority's root certificate among the configuration. Its content is in its name: another content is another file. */
function copyCaRoot(
  store: Store,
  settings: IngressSettings,
): { caRootFile: string | null; caRootError: string | null } {
  const { caRoot } = settings.acme;
  if (caRoot === null) return { caRootFile: null, caRootError: null };
  let content: string;
  try {
    content = readFileSync(caRoot, "utf8");
  } catch {
    const caRootError = `ingress.acme.caRoot ${caRoot} of the Node cannot be read on this node: put the certificate there`;
    return { caRootFile: null, caRootError };
  }
  const caRootFile = `ca-${createHash("sha256").update(content).digest("hex").slice(0, 12)}.pem`;
  store.writeConfigFile(caRootFile, content);
  return { caRootFile, caRootError: null };
}

function describe(route: Route, environment: string): string {
  return route.environment === environment
    ? `service '${route.service}'`
    : `service '${route.service}' of environment '${route.environment}'`;
}
