import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  allFeatures,
  caddyConfig,
  explainRoute,
  type ConfigInput,
  type Json,
} from "../../../src/caddy/config.ts";
import type { Route } from "../../../src/state/route.ts";

const route = (service: string, more: Partial<Route> = {}): Route => ({
  service,
  environment: "production",
  deployment: service,
  host: `${service}.example.com`,
  ssl: false,
  port: 80,
  ...more,
});

const input = (more: Partial<ConfigInput> = {}): ConfigInput => ({
  settings: { httpPort: 80, httpsPort: 443, acme: { email: null, ca: null, caRoot: null } },
  routes: [],
  caRootFile: null,
  features: allFeatures,
  ...more,
});

/** Every placeholder in any text of a configuration. */
function placeholders(value: Json): string[] {
  if (typeof value === "string") return value.match(/\{[^}]*\}?/g) ?? [];
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, item]) => [
    ...(key.match(/\{[^}]*\}?/g) ?? []),
    ...placeholders(item),
  ]);
}

describe("Caddy's configuration", () => {
  it("is as it was", () => {
    const config = caddyConfig(
      input({
        settings: {
          httpPort: 8080,
          httpsPort: 8443,
          acme: {
            email: "ops@example.com",
            ca: "https://acme.example.com/directory",
            caRoot: "/etc/orun/ca.pem",
          },
        },
        routes: [route("plain"), route("secure", { ssl: true, environment: "feature-a" })],
        caRootFile: "ca-0123456789ab.pem",
      }),
    );
    const file = join(import.meta.dirname, "..", "..", "fixtures", "caddy", "config.json");
    assert.deepEqual(config, JSON.parse(readFileSync(file, "utf8")));
  });

  it("is the same whatever the order of the routes", () => {
    const routes = [route("a"), route("b", { ssl: true }), route("c")];
    assert.deepEqual(caddyConfig(input({ routes })), caddyConfig(input({ routes: [...routes].reverse() })));
  });

  it("does not depend on ports and deployments behind a Service: a release loads nothing", () => {
    assert.deepEqual(
      caddyConfig(input({ routes: [route("a")] })),
      caddyConfig(input({ routes: [route("a", { port: 8080, deployment: "other" })] })),
    );
  });

  it("opens the HTTPS port only for a Service with ssl", () => {
    const text = JSON.stringify(caddyConfig(input({ routes: [route("a")] })));
    assert.equal(text.includes(`":443"`), false);
    assert.equal(text.includes("tls"), false);
  });

  it("redirects to the HTTPS port, and leaves the usual one out of the address", () => {
    const location = (httpsPort: number): string | undefined => {
      const { settings } = input();
      const config = caddyConfig(
        input({ settings: { ...settings, httpsPort }, routes: [route("a", { ssl: true })] }),
      );
      return /https:[^"]+/.exec(JSON.stringify(config))?.[0];
    };
    assert.equal(location(443), "https://{http.request.host}{http.request.uri}");
    assert.equal(location(8443), "https://{http.request.host}:8443{http.request.uri}");
  });

  it("takes no placeholder from outside, through whatever text", () => {
    const own = new Set(
      placeholders(caddyConfig(input({ routes: [route("a"), route("b", { ssl: true })] }))),
    );
    const hostile = fc.oneof(
      fc.string(),
      fc.string({ unit: "grapheme" }),
      fc.constantFrom(
        "{env.HOME}",
        "{file./etc/shadow}",
        "a{http.request.uri}.b",
        '"}],"x":{"',
        "\\{env.A\\}",
        "*",
        "a/*,b",
      ),
    );
    fc.assert(
      fc.property(hostile, hostile, hostile, hostile, hostile, (host, service, environment, email, ca) => {
        const routes = [route("a", { ssl: true }), route("b", { host, service, environment, ssl: true })];
        const config = caddyConfig(
          input({
            settings: { httpPort: 80, httpsPort: 443, acme: { email, ca, caRoot: null } },
            routes: routes.filter((item) => explainRoute(item) === null),
          }),
        );
        assert.deepEqual(JSON.parse(JSON.stringify(config)), config);
        for (const placeholder of placeholders(config)) assert.ok(own.has(placeholder), placeholder);
      }),
    );
  });
});
