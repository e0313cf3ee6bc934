/** Where requests go in a release, step by step (SPEC 6). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decide } from "../../../src/plan/decide.ts";
import { describe as prose } from "../../../src/plan/describe.ts";
import { forecast } from "../../../src/plan/forecast.ts";
import type { DeploymentInput, TrackedContainer } from "../../../src/plan/input.ts";
import { routingOf } from "../../../src/plan/route.ts";
import type { Route } from "../../../src/state/route.ts";
import { containerOf, inputOf, revisionOf } from "./inputs.ts";

const probe = "health: {readiness: {tcp: 80}}";
const a = revisionOf(`image: app:1\n${probe}`);
const b = revisionOf(`image: app:2\n${probe}`);
const a3 = revisionOf(`image: app:1\n${probe}\nreplicas: 3`);
const b3 = revisionOf(`image: app:2\n${probe}\nreplicas: 3`);

const names = (text: string): string =>
  [a, b, a3, b3].reduce(
    (said, revision, index) => said.replaceAll(revision.revision.slice(0, 8), "ABAB"[index] ?? ""),
    text,
  );
const plan = (input: DeploymentInput): string[] => forecast(input).map((action) => names(prose(action)));
const routed = (...containers: TrackedContainer[]): DeploymentInput["routing"] => ({
  known: true,
  routed: new Set(containers.map((item) => item.id)),
  strays: [],
});
const next = (input: DeploymentInput): string => {
  const decision = decide(input);
  return decision.kind === "act" ? names(prose(decision.action)) : decision.kind;
};

const route = (service: string, port: number): Route => ({
  service,
  environment: "production",
  deployment: "app",
  host: `${service}.example.com`,
  ssl: false,
  port,
});

describe("routing", () => {
  it("starts, proves, routes, drains, stops, in that order", () => {
    const old = containerOf(a);
    const reason = "(image changed from app:1 to app:2)";
    assert.deepEqual(plan(inputOf(b, [old], { routing: routed(old) })), [
      `create app-B-1 ${reason}`,
      "start app-B-1 (new)",
      "wait until app-B-1 is ready (new)",
      "promote app-B-1 (ready)",
      "route requests to app-B-1 (app-B-1 is ready, app-A-1 goes)",
      `retire app-A-1 ${reason}`,
      `stop app-A-1 ${reason}`,
      `remove app-A-1 ${reason}`,
    ]);
  });

  it("lets the requests of the old one finish for its grace period, and those of nobody else", () => {
    const old = containerOf(a);
    const fresh = containerOf(b);
    const decision = decide(inputOf(b, [old, fresh], { routing: routed(fresh) }));
    assert.ok(decision.kind === "act" && decision.action.kind === "retire");
    assert.equal(decision.action.drainMs, 10_000);
    const unserved = decide(inputOf(b, [old, fresh]));
    assert.ok(unserved.kind === "act" && unserved.action.kind === "retire");
    assert.equal(unserved.action.drainMs, 0);
  });

  it("replaces replicas one by one, and always sends requests to as many as there were", () => {
    const olds = [1, 2, 3].map((replica) => containerOf(a3, replica));
    const said = plan(inputOf(b3, olds, { routing: routed(...olds) })).filter((line) =>
      /^(route|stop)/.test(line),
    );
    assert.deepEqual(
      said.map((line) =>
        line
          .replace(/ \(.*/, "")
          .split(/(?<=to) |, | /)
          .sort()
          .join(" "),
      ),
      [
        "app-A-2 app-A-3 app-B-1 requests route to",
        "app-A-1 stop",
        "app-A-3 app-B-1 app-B-2 requests route to",
        "app-A-2 stop",
        "app-B-1 app-B-2 app-B-3 requests route to",
        "app-A-3 stop",
      ],
    );
  });

  it("routes a first deployment once it is proven, and again nothing", () => {
    const first = containerOf(a);
    assert.equal(
      next(inputOf(a, [first], { routing: routed() })),
      "route requests to app-A-1 (app-A-1 is ready)",
    );
    assert.equal(next(inputOf(a, [first], { routing: routed(first) })), "done");
  });

  it("never routes to what is not ready", () => {
    const unready = containerOf(b, 1, { readiness: "unknown", restartPolicy: "no", since: 999_999 });
    const old = containerOf(a);
    assert.equal(decide(inputOf(b, [old, unready], { routing: routed(old) })).kind, "wait");
    const restarted = containerOf(a, 1, { readiness: "unknown" });
    assert.equal(next(inputOf(a, [restarted], { routing: routed() })), "done");
  });

  it("takes a replica out that fails its readiness probe, and never the last one", () => {
    const [one, two] = [containerOf(a3, 1), containerOf(a3, 2)];
    const three = containerOf(a3, 3, { readiness: "failing" });
    assert.equal(
      next(inputOf(a3, [one, two, three], { routing: routed(one, two, three) })),
      "route requests to app-A-1, app-A-2 (app-A-3 fails its readiness probe)",
    );
    const last = containerOf(a, 1, { readiness: "failing" });
    assert.equal(next(inputOf(a, [last], { routing: routed(last) })), "done");
  });

  it("stops nothing that may be getting requests while it is not known where they go", () => {
    const [old, fresh] = [containerOf(a), containerOf(b)];
    const unknown = routingOf([route("web", 80)], null, [old, fresh]);
    assert.deepEqual(decide(inputOf(b, [old, fresh], { routing: unknown })), {
      kind: "wait",
      for: "the ingress to say where requests go",
      until: null,
      container: null,
      late: false,
    });
  });

  it("keeps an old one that fails its readiness probe until the new one is ready and routed to", () => {
    const old = containerOf(a, 1, { readiness: "failing" });
    const fresh = containerOf(b, 1, { readiness: "unknown" });
    assert.equal(next(inputOf(b, [old, fresh], { routing: routed(old) })), "wait");
    const ready = containerOf(b);
    assert.equal(
      next(inputOf(b, [old, ready], { routing: routed(old) })),
      "route requests to app-B-1 (app-B-1 is ready, app-A-1 fails its readiness probe)",
    );
  });

  it("sends requests elsewhere before it restarts what fails its liveness probe", () => {
    const [one, two] = [containerOf(a3, 1), containerOf(a3, 2)];
    const sick = containerOf(a3, 3, { alive: false });
    const said = [routed(one, two, sick), routed(one, two)].map((routing) =>
      next(inputOf(a3, [one, two, sick], { routing })),
    );
    assert.deepEqual(said, [
      "route requests to app-A-1, app-A-2 (app-A-3 fails its liveness probe)",
      "restart app-A-3 (its liveness probe failed)",
    ]);
  });

  it("leaves the route where it is while a Recreate swaps, then follows", () => {
    const [before, after] = ["image: app:1\nstrategy: Recreate", "image: app:2\nstrategy: Recreate"].map(
      revisionOf,
    );
    assert.ok(before !== undefined && after !== undefined);
    const old = containerOf(before);
    const kinds = forecast(inputOf(after, [old], { routing: routed(old) })).map((action) => action.kind);
    assert.deepEqual(kinds, [
      "create",
      "retire",
      "stop",
      "start",
      "await-ready",
      "promote",
      "route",
      "remove",
    ]);
  });

  it("sends nothing to a deployment that goes, before it goes", () => {
    const old = containerOf(a);
    const input = inputOf(a, [old], { target: { kind: "absent", graceMs: 1000 }, routing: routed(old) });
    assert.deepEqual(
      plan(input).map((line) => line.split(" ")[0]),
      ["route", "retire", "stop", "remove"],
    );
  });

  it("has no third generation of a replica, as long as the oldest takes no longer than usual to end", () => {
    const oldest = containerOf(a, 1, { busy: "stop", busySince: 995_000, restartPolicy: "no" });
    const old = containerOf(a3, 2);
    assert.deepEqual(decide(inputOf(b, [oldest, old], { routing: null })), {
      kind: "wait",
      for: "older containers to end",
      until: 1_005_000,
      container: null,
      late: false,
    });
    const slow = { ...oldest, busySince: 989_000 };
    assert.match(next(inputOf(b, [slow, old], { routing: null })), /^create app-B-1/);
  });

  it("knows which containers are routed by address, for all Services of a deployment", () => {
    const container = containerOf(a);
    const routes = [route("web", 80), route("admin", 81)];
    const half = new Map([["web", ["10.0.0.2:80", "10.0.0.9:80"]]]);
    assert.deepEqual(routingOf(routes, half, [container]), {
      known: true,
      routed: new Set(),
      strays: ["10.0.0.9:80"],
    });
    const whole = new Map([
      ["web", ["10.0.0.2:80"]],
      ["admin", ["10.0.0.2:81"]],
    ]);
    assert.deepEqual(routingOf(routes, whole, [container]), {
      known: true,
      routed: new Set([container.id]),
      strays: [],
    });
    assert.equal(routingOf([], whole, [container]), null);
  });
});
