/** Caddy's whole configuration (its JSON form) as a pure function of the node's settings and the routes of all environments. */
import type { IngressSettings, Route } from "../state/route.ts";
import { SLOTS } from "./upstream-names.ts";

/** Any JSON value: what Caddy is given and gives back. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Folders and files as the ingress's container sees them. */
export const inside = {
  admin: "/orun/admin/admin.sock",
  upstreams: "/orun/upstreams",
  config: "/orun/config",
  data: "/data",
} as const;

/** The only `Host` that Caddy's admin API answers to: no browser can be made to send it there. */
export const ADMIN_ORIGIN = "orun";

/** What not every version of Caddy has: older ones refuse a field that they do not know. */
export interface Features {
  /** From 2.7 on: WebSockets outlive a load. */
  streamCloseDelay: boolean;
  /** From 2.7 on: an answer may begin while the request's body is still being read; see {@link reverseProxy}. */
  fullDuplex: boolean;
}

/** The fields behind the features: what a version says that it does not know. */
export const featureFields: Readonly<Record<keyof Features, string>> = {
  streamCloseDelay: "stream_close_delay",
  fullDuplex: "enable_full_duplex",
};

/** What is tried first. */
export const allFeatures: Features = { streamCloseDelay: true, fullDuplex: true };

export interface ConfigInput {
  settings: Pick<IngressSettings, "httpPort" | "httpsPort" | "acme">;
  routes: readonly Route[];
  /** Name of the file with the root certificate of the authority, in the configuration's folder; null: public ones only. */
  caRootFile: string | null;
  features: Features;
}

/** How long a WebSocket may go on over an old configuration after a load. */
const STREAM_CLOSE_DELAY = "1h";
/** How long requests under way may go on over an old configuration after a load, and when Caddy is stopped. */
const GRACE = "30s";

/**
 * The configuration. All texts in it that come from outside are host names, names of Services and environments, an e-mail
 * address and a URL; {@link explainRoute} and {@link acmeIssuer} see to it that none carries one of Caddy's placeholders.
 */
export function caddyConfig(input: ConfigInput): Json {
  const { settings } = input;
  const routes = [...input.routes].sort((a, b) => (a.host < b.host ? -1 : 1));
  const secure = routes.filter((route) => route.ssl);
  const common = {
    read_header_timeout: "30s",
    idle_timeout: "5m",
    ...(input.features.fullDuplex ? { enable_full_duplex: true } : {}),
  };
  const servers: Record<string, Json> = {
    http: {
      listen: [`:${String(settings.httpPort)}`],
      automatic_https: { disable: true },
      ...common,
      metrics: {},
      routes: [
        ...routes.map((route) =>
          forHost(route, route.ssl ? [redirect(settings.httpsPort)] : proxy(route, input.features)),
        ),
        notFound,
      ],
    },
  };
  if (secure.length > 0) {
    servers["https"] = {
      listen: [`:${String(settings.httpsPort)}`],
      // The HTTP server redirects by itself; of its own accord Caddy would do so on a server of its own.
      automatic_https: { disable_redirects: true },
      ...common,
      metrics: {},
      routes: [...secure.map((route) => forHost(route, proxy(route, input.features))), notFound],
    };
  }
  const http = {
    http_port: settings.httpPort,
    https_port: settings.httpsPort,
    grace_period: GRACE,
    servers,
  };
  const tls = {
    automation: {
      policies: [
        { subjects: secure.map((route) => route.host), issuers: [acmeIssuer(settings.acme, input)] },
      ],
    },
  };
  return { admin, apps: secure.length > 0 ? { http, tls } : { http } };
}

/** What Caddy starts with before it has ever been given anything: nothing but the way to give it something. */
export function emptyConfig(): Json {
  return { admin };
}

const admin = {
  listen: `unix/${inside.admin}`,
  origins: [ADMIN_ORIGIN],
  // The file that Caddy starts from is written once a configuration has proven good.
  config: { persist: false },
};

const notFound = {
  handle: [{ handler: "static_response", status_code: 404, body: "404: no service has this host name\n" }],
};

const HOST = /^[a-z0-9-]+(\.[a-z0-9-]+)*$/;
const NAME = /^[a-z0-9-]+$/;

/** Why a route cannot be put into a configuration; null: it can. The manifest's own checks let none of these through. */
export function explainRoute(route: Route): string | null {
  if (!HOST.test(route.host)) return `'${route.host}' is not a host name`;
  if (!NAME.test(route.service) || !NAME.test(route.environment))
    return `'${route.environment}.${route.service}' is not a name`;
  return null;
}

/** The folder of a Service below {@link inside.upstreams}. */
export function upstreamFolder(environment: string, service: string): string {
  return `${environment}.${service}`;
}

function forHost(route: Route, routes: readonly Json[]): Json {
  return { match: [{ host: [route.host] }], handle: [{ handler: "subroute", routes }], terminal: true };
}

function redirect(httpsPort: number): Json {
  const port = httpsPort === 443 ? "" : `:${String(httpsPort)}`;
  return {
    handle: [
      {
        handler: "static_response",
        status_code: 308,
        headers: { Location: [`https://{http.request.host}${port}{http.request.uri}`] },
      },
    ],
  };
}

/** To what the Service's folder says at this moment; see upstream-names.ts. Without anything there, 503. */
function proxy(route: Route, features: Features): readonly Json[] {
  const slots = Array.from({ length: SLOTS }, (_, slot) => `{orun_upstream_${String(slot)}}`);
  return [
    {
      handle: [
        {
          handler: "map",
          source: "{http.request.remote.port}",
          destinations: ["{orun_shard}"],
          // Not the last digit: of two neighbouring ports, kernels prefer one.
          mappings: [{ input_regexp: "([0-9])[0-9]$", outputs: ["$1"] }],
        },
      ],
    },
    {
      match: [
        {
          file: {
            root: `${inside.upstreams}/${upstreamFolder(route.environment, route.service)}`,
            try_files: ["*,-,*", "*,{orun_shard},*"],
          },
        },
      ],
      handle: [
        {
          handler: "map",
          source: "{http.matchers.file.relative}",
          destinations: slots,
          mappings: [
            {
              input_regexp: `^/?[0-9]{8},[-0-9]${",([0-9.]+:[0-9]+)".repeat(SLOTS)}$`,
              outputs: slots.map((_, slot) => `$${String(slot + 1)}`.replace(/\$(\d+)/, "${$1}")),
            },
          ],
        },
        ...reverseProxy(slots, features),
      ],
      terminal: true,
    },
    {
      handle: [
        {
          handler: "static_response",
          status_code: 503,
          headers: { "Retry-After": ["5"] },
          body: "503: no container of this service is ready\n",
        },
      ],
    },
  ];
}

/**
 * The proxy itself. Go's server ends its reading of a request's body when the answer begins; a proxy that has passed all of the
 * body on, but has not seen its end yet, then breaks the answer off: 1 of 1,000 POSTs on a busy machine, release or not. Full
 * duplex keeps the server from doing so. For a version without it, short bodies are read before they are passed on.
 */
function reverseProxy(slots: readonly string[], features: Features): readonly Json[] {
  const handler = {
    handler: "reverse_proxy",
    upstreams: slots.map((dial) => ({ dial })),
    // Idle connections end soon: a container is drained when none is left.
    transport: {
      protocol: "http",
      dial_timeout: "1s",
      keep_alive: { idle_timeout: "1s", max_idle_conns_per_host: 64 },
    },
    // A container that has just crashed: another one, or the same one once it is up again.
    load_balancing: {
      selection_policy: { policy: "random" },
      try_duration: "5s",
      try_interval: "50ms",
    },
    ...(features.streamCloseDelay ? { stream_close_delay: STREAM_CLOSE_DELAY } : {}),
  };
  if (features.fullDuplex) return [handler];
  const short = { match: [{ header_regexp: { "Content-Length": { pattern: "^[0-9]{1,5}$" } } }] };
  const routes = [
    { ...short, handle: [{ ...handler, buffer_requests: true }], terminal: true },
    { handle: [handler] },
  ];
  return [{ handler: "subroute", routes }];
}

function acmeIssuer(acme: IngressSettings["acme"], input: ConfigInput): Json {
  return {
    module: "acme",
    ...(acme.email === null ? {} : { email: inert(acme.email) }),
    ...(acme.ca === null ? {} : { ca: acme.ca.replace(/[{}\\]/g, encodeURIComponent) }),
    ...(input.caRootFile === null
      ? {}
      : { trusted_roots_pem_files: [`${inside.config}/${input.caRootFile}`] }),
  };
}

/** A text in which Caddy finds no placeholder: braces have no place in an e-mail address that anybody has. */
function inert(text: string): string {
  return text.replace(/[{}\\]/g, "");
}
