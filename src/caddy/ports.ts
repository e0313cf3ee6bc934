import type { Json } from "./config.ts";

/** Who listens on a port of this host, for people; null: nobody. */
export type Listener = (port: number, protocol: "tcp" | "udp") => string | null;

/** The ports that a configuration has Caddy listen on. */
export function openPorts(config: Json | null): readonly number[] {
  const servers = field(field(field(config, "apps"), "http"), "servers");
  if (servers === null || typeof servers !== "object" || Array.isArray(servers)) return [];
  return Object.values(servers).flatMap((server) => {
    const listen = field(server, "listen");
    if (!Array.isArray(listen)) return [];
    return listen.flatMap((address: Json) => {
      const port = typeof address === "string" ? /:(\d+)$/.exec(address)?.[1] : undefined;
      return port === undefined ? [] : [Number(port)];
    });
  });
}

/**
 * Why Caddy cannot have a port; null: it can. One that it has open already is its own. Caddy shares its ports with whoever
 * asks in the same way (SO_REUSEPORT), so this has to be asked before: a port that is taken is never seized (SPEC 3).
 */
export function portConflict(
  port: number,
  field: "httpPort" | "httpsPort",
  open: readonly number[],
  listener: Listener,
): string | null {
  if (open.includes(port)) return null;
  const taker = listener(port, "tcp") ?? (field === "httpsPort" ? listener(port, "udp") : null);
  return taker === null
    ? null
    : `port ${String(port)} of the ingress is taken by ${taker}: stop it, or set ingress.${field} of the Node to another port`;
}

function field(value: Json, name: string): Json {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return null;
  const entry = Object.entries(value).find(([key]) => key === name);
  return entry === undefined ? null : entry[1];
}
