import type { Ingress } from "../../src/agent/ingress-port.ts";
import type { Route } from "../../src/state/route.ts";

/** An ingress in memory: where it sends what, and how often it was told. */
export interface FakeIngress extends Ingress {
  directs: { service: string; upstreams: readonly string[] }[];
  upstreams(service: string): readonly string[];
  /** Every call fails while this is set. */
  failure: Error | null;
}

export function createFakeIngress(): FakeIngress {
  const directed = new Map<string, readonly string[]>();
  const directs: FakeIngress["directs"] = [];
  let routes: readonly Route[] = [];
  const answer = async <T>(work: () => T): Promise<T> => {
    await Promise.resolve();
    if (fake.failure !== null) throw fake.failure;
    return work();
  };
  const fake: FakeIngress = {
    directs,
    upstreams: (service) => directed.get(service) ?? [],
    failure: null,
    routes: () => answer(() => routes),
    ensure: async (_, wanted) => {
      await answer(() => undefined);
      routes = wanted;
      for (const service of directed.keys())
        if (!wanted.some((route) => route.service === service)) directed.delete(service);
      return wanted.map(({ service }) => ({ service, state: "active", message: "", certificate: null }));
    },
    direct: async (service, upstreams) => {
      await answer(() => undefined);
      directs.push({ service, upstreams });
      directed.set(service, [...upstreams]);
    },
    directed: () => answer(() => new Map(directed)),
    connections: () => Promise.resolve(0),
    metrics: () => Promise.resolve(null),
    close: () => undefined,
  };
  return fake;
}
