/** One host name, and the deployment that answers it: what a Service of SPEC 2 comes to in one environment. */
export interface Route {
  /** Name of the Service; unique within its environment. */
  service: string;
  environment: string;
  deployment: string;
  host: string;
  /** Automatic certificate, and a redirect from HTTP. */
  ssl: boolean;
  /** The container port that answers. */
  port: number;
}

/** The Node's `ingress`, with its defaults (SPEC 2). */
export interface IngressSettings {
  image: string;
  httpPort: number;
  httpsPort: number;
  acme: { email: string | null; ca: string | null; caRoot: string | null };
}

/** The image of the ingress unless the Node names another: the version that orun is tested with. */
const DEFAULT_INGRESS_IMAGE = "caddy:2.11.4";

/** The settings that a Node's `ingress` comes to; null: it has none. */
export function ingressSettings(
  spec: {
    image?: string | undefined;
    httpPort: number;
    httpsPort: number;
    acme?: { email?: string | undefined; ca?: string | undefined; caRoot?: string | undefined } | undefined;
  } | null,
): IngressSettings {
  return {
    image: spec?.image ?? DEFAULT_INGRESS_IMAGE,
    httpPort: spec?.httpPort ?? 80,
    httpsPort: spec?.httpsPort ?? 443,
    acme: {
      email: spec?.acme?.email ?? null,
      ca: spec?.acme?.ca ?? null,
      caRoot: spec?.acme?.caRoot ?? null,
    },
  };
}

/** What a commit wants of the ingress, as far as it can be told. */
export interface WantedRoutes {
  services: ReadonlyMap<string, { route: Route | null; held: string | null }>;
  /** false while any document's kind and name cannot be read: nothing may be taken away (SPEC 2). */
  prunable: boolean;
}

/** The routes to serve now: those of the commit, and of what it holds back the last good ones. Sorted by Service. */
export function routesInForce(
  wanted: WantedRoutes,
  remembered: Readonly<Record<string, Route>>,
): readonly Route[] {
  const routes = new Map<string, Route>();
  for (const [name, service] of wanted.services) {
    const route = service.held === null ? service.route : (remembered[name] ?? null);
    if (route !== null) routes.set(name, route);
  }
  if (!wanted.prunable)
    for (const [name, route] of Object.entries(remembered))
      if (!wanted.services.has(name)) routes.set(name, route);
  return [...routes.values()].sort((a, b) => (a.service < b.service ? -1 : 1));
}
