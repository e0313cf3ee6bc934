import type { Ingress } from "../agent/ingress-port.ts";

/** Stands where the ingress will be: serves nothing, and says so. */
export function noIngress(): Ingress {
  const directed = new Map<string, readonly string[]>();
  return {
    ensure: (_, routes) =>
      Promise.resolve(
        routes.map(({ service }) => ({
          service,
          state: "rejected" as const,
          message: "this version of orun has no ingress yet: reach the deployment by a host port",
          certificate: null,
        })),
      ),
    direct(service, upstreams) {
      directed.set(service, upstreams);
      return Promise.resolve();
    },
    directed: () => Promise.resolve(directed),
    connections: () => Promise.resolve(0),
    metrics: () => Promise.resolve(null),
    close: () => undefined,
  };
}
