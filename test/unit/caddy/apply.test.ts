import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { acceptedConfig, apply } from "../../../src/caddy/apply.ts";
import { allFeatures, type Json } from "../../../src/caddy/config.ts";
import type { Asked, IngressMemory } from "../../../src/caddy/store.ts";
import { ingressSettings, type Route } from "../../../src/state/route.ts";

const route = (service: string, host = `${service}.test`, ssl = false): Route => ({
  service,
  environment: "production",
  deployment: service,
  host,
  ssl,
  port: 80,
});
const asked = (...routes: Route[]): Asked => ({
  settings: ingressSettings(null),
  routes,
  caRootFile: null,
  httpBlocked: null,
  httpsBlocked: null,
  container: "c",
});
const empty: IngressMemory = {
  asked: null,
  accepted: null,
  features: allFeatures,
  rejected: [],
  settingsError: null,
};

/** A Caddy that refuses configurations with certain texts in them. */
function caddy(...refuses: string[]): {
  load: (config: Json) => Promise<string | null>;
  running: () => string;
  loads: () => number;
} {
  let running = "";
  let loads = 0;
  return {
    load(config) {
      const text = JSON.stringify(config);
      const bad = refuses.find((item) => text.includes(item));
      if (bad !== undefined) return Promise.resolve(`unknown ${bad}`);
      if (text !== running) loads++;
      running = text;
      return Promise.resolve(null);
    },
    running: () => running,
    loads: () => loads,
  };
}
const hosts = (memory: IngressMemory): string[] => memory.accepted?.routes.map((item) => item.host) ?? [];

describe("what Caddy accepts", () => {
  it("is loaded once when it is all of it", async () => {
    const server = caddy();
    const memory = await apply(asked(route("a"), route("b")), empty, [], server.load);
    assert.deepEqual(hosts(memory), ["a.test", "b.test"]);
    assert.equal(server.loads(), 1);
    assert.equal(server.running(), JSON.stringify(acceptedConfig(memory)));
  });

  it("is everything but the one route that it refuses", async () => {
    const server = caddy("bad.test");
    const memory = await apply(asked(route("a"), route("bad"), route("b")), empty, [], server.load);
    assert.deepEqual(hosts(memory), ["a.test", "b.test"]);
    assert.match(memory.rejected[0]?.message ?? "", /the ingress refuses it: unknown bad\.test/);
    assert.equal(server.running(), JSON.stringify(acceptedConfig(memory)));
  });

  it("is the route as it was when its new form is refused", async () => {
    const server = caddy("bad.test");
    const before = await apply(asked(route("a"), route("b")), empty, [], server.load);
    const memory = await apply(asked(route("a", "bad.test"), route("b")), before, [], server.load);
    assert.deepEqual(hosts(memory).sort(), ["a.test", "b.test"]);
    assert.equal(memory.rejected[0]?.route.host, "bad.test");
    assert.equal(server.running(), JSON.stringify(acceptedConfig(memory)));
  });

  it("is the last good settings when the new ones are refused", async () => {
    const server = caddy(":81");
    const before = await apply(asked(route("a")), empty, [], server.load);
    const wanted = asked(route("a"), route("b"));
    const memory = await apply(
      { ...wanted, settings: { ...wanted.settings, httpPort: 81 } },
      before,
      [],
      server.load,
    );
    assert.equal(memory.accepted?.settings.httpPort, 80);
    assert.deepEqual(hosts(memory), ["a.test", "b.test"]);
    assert.match(memory.settingsError ?? "", /:81/);
  });

  it("is less for an older version, found out once", async () => {
    const server = caddy("enable_full_duplex", "stream_close_delay");
    const memory = await apply(asked(route("a")), empty, [], server.load);
    assert.deepEqual(memory.features, { streamCloseDelay: false, fullDuplex: false });
    assert.deepEqual(hosts(memory), ["a.test"]);
    assert.equal(server.running(), JSON.stringify(acceptedConfig(memory)));
  });

  it("is nothing with ssl while somebody else has the HTTPS port, and all the rest", async () => {
    const server = caddy();
    const wanted = { ...asked(route("a"), route("s", "s.test", true)), httpsBlocked: "port 443 is taken" };
    const memory = await apply(wanted, empty, [], server.load);
    assert.deepEqual(hosts(memory), ["a.test"]);
    assert.deepEqual(
      memory.rejected.map((item) => item.message),
      ["port 443 is taken"],
    );
  });

  it("is new routes on the ports of before, while somebody else has the new ones", async () => {
    const server = caddy();
    const before = await apply(asked(route("a"), route("s", "s.test", true)), empty, [], server.load);
    const wanted = asked(route("a"), route("s", "s.test", true), route("b"));
    const settings = { ...wanted.settings, httpsPort: 444 };
    const blocked = { ...wanted, settings, httpsBlocked: "port 444 is taken" };
    const memory = await apply(blocked, before, [80, 443], server.load);
    assert.equal(memory.accepted?.settings.httpsPort, 443);
    assert.deepEqual(hosts(memory), ["a.test", "s.test", "b.test"]);
    assert.equal(memory.settingsError, "port 444 is taken");
  });
});
