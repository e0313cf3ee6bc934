/** Leads Caddy to what is asked, as far as it accepts it: one route that it refuses keeps no other from being served. */
import { isDeepStrictEqual } from "node:util";
import type { Route } from "../state/route.ts";
import { identity } from "./claims.ts";
import { allFeatures, caddyConfig, explainRoute, featureFields, type Features, type Json } from "./config.ts";
import type { Asked, IngressMemory } from "./store.ts";

/** Has Caddy run a configuration; answers why it refuses, or null. */
type Load = (config: Json) => Promise<string | null>;

/** The configuration that Caddy should be running by now; null: none was ever accepted. */
export function acceptedConfig(memory: IngressMemory): Json | null {
  const { accepted, features } = memory;
  return accepted === null ? null : caddyConfig({ ...accepted, features });
}

/** The features without those whose fields a version of Caddy says that it does not know. */
function without(features: Features, refused: string): Features {
  return {
    streamCloseDelay: features.streamCloseDelay && !refused.includes(featureFields.streamCloseDelay),
    fullDuplex: features.fullDuplex && !refused.includes(featureFields.fullDuplex),
  };
}

/**
 * The memory after Caddy was asked. A configuration that is refused as a whole is taken apart: first the settings with the
 * routes that were good before, then every other route by itself. What is refused goes on as it was, or is left out. While
 * the ports of the last good settings are `open` and one of the new ones is somebody else's, the old ones stay.
 */
export async function apply(
  asked: Asked,
  before: IngressMemory,
  open: readonly number[],
  load: Load,
): Promise<IngressMemory> {
  // Another container may be another version of Caddy.
  let features = before.asked?.container === asked.container ? before.features : allFeatures;
  const attempt = async (
    settings: Asked["settings"],
    caRootFile: string | null,
    routes: readonly Route[],
  ): Promise<string | null> => {
    for (;;) {
      const refused = await load(caddyConfig({ settings, routes, caRootFile, features }));
      const fewer = refused === null ? features : without(features, refused);
      if (JSON.stringify(fewer) === JSON.stringify(features)) return refused;
      features = fewer;
    }
  };
  const { accepted: old } = before;
  const servesOn = (port: number | undefined): boolean => port !== undefined && open.includes(port);
  const portTaken = servesOn(old?.settings.httpPort)
    ? (asked.httpBlocked ?? (servesOn(old?.settings.httpsPort) ? asked.httpsBlocked : null))
    : null;
  const inForce = portTaken !== null && old !== null ? old : asked;
  const servable: Route[] = [];
  const rejected: { route: Route; message: string }[] = [];
  for (const route of asked.routes) {
    const message = explainRoute(route) ?? (route.ssl && portTaken === null ? asked.httpsBlocked : null);
    if (message === null) servable.push(route);
    else rejected.push({ route, message });
  }
  let accepted = { settings: inForce.settings, caRootFile: inForce.caRootFile, routes: servable };
  const done = (settingsError: string | null): IngressMemory => ({
    asked,
    accepted,
    features,
    rejected,
    settingsError,
  });

  if ((await attempt(accepted.settings, accepted.caRootFile, accepted.routes)) === null)
    return done(portTaken);

  const unchanged = servable.filter((route) => old?.routes.some((other) => isDeepStrictEqual(other, route)));
  let settingsError = portTaken;
  accepted = { ...accepted, routes: unchanged };
  const refused = await attempt(accepted.settings, accepted.caRootFile, unchanged);
  if (refused !== null) {
    settingsError = refused;
    if (old !== null) accepted = { ...old, routes: unchanged };
  }
  for (const route of servable) {
    if (unchanged.includes(route)) continue;
    const routes = [...accepted.routes, route];
    const message = await attempt(accepted.settings, accepted.caRootFile, routes);
    if (message === null) accepted = { ...accepted, routes };
    else {
      rejected.push({ route, message: `the ingress refuses it: ${message}` });
      const good = old?.routes.find((other) => identity(other) === identity(route));
      if (good !== undefined && !accepted.routes.some((other) => other.host === good.host))
        accepted = { ...accepted, routes: [...accepted.routes, good] };
    }
  }
  const last = await attempt(accepted.settings, accepted.caRootFile, accepted.routes);
  return last === null ? done(settingsError) : { ...before, asked, features, rejected, settingsError: last };
}
