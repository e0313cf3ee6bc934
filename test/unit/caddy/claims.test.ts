import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { arrangeClaims, nextFragment, type Fragment } from "../../../src/caddy/claims.ts";
import { ingressSettings, type Route } from "../../../src/state/route.ts";

const route = (service: string, host: string, environment = "production"): Route => ({
  service,
  environment,
  deployment: service,
  host,
  ssl: false,
  port: 80,
});
const settings = ingressSettings(null);
const fragment = (environment: string, since: number, ...claims: [Route, number][]): Fragment => ({
  environment,
  since,
  settings: { ...settings, httpPort: since },
  claims: claims.map(([item, at]) => ({ route: item, since: at })),
});

describe("claims of host names", () => {
  it("go to the older Service; the newer is held, and gets the name when the older lets go", () => {
    const old = route("old", "x.test");
    const young = route("young", "x.test", "feature");
    const both = arrangeClaims([fragment("feature", 2, [young, 2]), fragment("production", 3, [old, 1])]);
    assert.deepEqual(both?.granted, [old]);
    assert.deepEqual(both.held, [{ route: young, by: old }]);
    const later = arrangeClaims([fragment("feature", 2, [young, 2]), fragment("production", 3)]);
    assert.deepEqual(later?.granted, [young]);
  });

  it("keep their age while the Service keeps its name, and start anew with another", () => {
    const first = nextFragment(null, "production", settings, [route("a", "a.test")], 10);
    const same = nextFragment(first, "production", settings, [{ ...route("a", "a.test"), ssl: true }], 20);
    assert.deepEqual(
      same.claims.map((claim) => claim.since),
      [10],
    );
    const moved = nextFragment(same, "production", settings, [route("a", "b.test")], 30);
    assert.deepEqual(
      moved.claims.map((claim) => claim.since),
      [30],
    );
    assert.equal(moved.since, 10);
  });

  it("are served by production's settings, else by those of the environment that came first", () => {
    const port = (...fragments: Fragment[]): number | undefined =>
      arrangeClaims(fragments)?.settings.httpPort ?? undefined;
    assert.equal(port(fragment("a", 5), fragment("b", 4), fragment("production", 9)), 9);
    assert.equal(port(fragment("a", 5), fragment("b", 4)), 4);
    assert.equal(arrangeClaims([]), null);
  });

  it("come out the same whatever the order, each host name once, and every claim granted or held", () => {
    const claims = fc.array(
      fc.record({
        service: fc.constantFrom("a", "b", "c"),
        host: fc.constantFrom("x.test", "y.test"),
        environment: fc.constantFrom("production", "feature"),
        since: fc.integer({ min: 1, max: 3 }),
      }),
    );
    fc.assert(
      fc.property(claims, (list) => {
        const fragments = ["production", "feature"].map((environment) => {
          const own = new Map(
            list.filter((item) => item.environment === environment).map((item) => [item.service, item]),
          );
          return fragment(
            environment,
            1,
            ...[...own.values()].map((item): [Route, number] => [
              route(item.service, item.host, environment),
              item.since,
            ]),
          );
        });
        const result = arrangeClaims(fragments);
        assert.deepEqual(result, arrangeClaims([...fragments].reverse()));
        const hosts = result?.granted.map((item) => item.host) ?? [];
        assert.equal(new Set(hosts).size, hosts.length);
        const total = fragments.reduce((sum, item) => sum + item.claims.length, 0);
        assert.equal((result?.granted.length ?? 0) + (result?.held.length ?? 0), total);
      }),
    );
  });
});
