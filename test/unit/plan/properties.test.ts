import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { canReturn, isProven } from "../../../src/plan/container.ts";
import { decide } from "../../../src/plan/decide.ts";
import { forecast, simulate } from "../../../src/plan/forecast.ts";
import type { DeploymentInput, TrackedContainer } from "../../../src/plan/input.ts";
import type { ImageState } from "../../../src/plan/target.ts";
import { containerOf, inputOf, revisionOf } from "./inputs.ts";

const specs = [
  "image: app:1",
  "image: app:2",
  "image: app:3\nreplicas: 3",
  "image: app:4\nstrategy: Recreate",
  "image: app:5\nstrategy: Recreate\nreplicas: 2",
  "image: app:6\nhealth: {readiness: {tcp: 80}}",
];
const revisions = specs.map(revisionOf);

const container = fc
  .record({
    revision: fc.constantFrom(...revisions),
    replica: fc.integer({ min: 1, max: 4 }),
    phase: fc.constantFrom("created", "running", "exited", "paused", "dead", "restarting"),
    restartPolicy: fc.constantFrom("no", "always"),
    readiness: fc.constantFrom("unknown", "passing", "failing"),
    alias: fc.boolean(),
    tried: fc.boolean(),
    network: fc.constantFrom("network", "network", "network", "gone"),
    busy: fc.constantFrom(null, null, null, null, "retire", "stop"),
  })
  .map(({ revision, replica, alias, network, ...rest }) =>
    containerOf(revision, replica, {
      ...rest,
      // The engine restarts only what has a policy that says so.
      restartPolicy: rest.phase === "restarting" ? "always" : rest.restartPolicy,
      attachment: {
        kind: "attached",
        networkId: network,
        staticAddress: "10.0.0.2",
        address: "10.0.0.2",
        aliases: alias ? ["app"] : [],
      },
    }),
  );

const input = fc
  .record({
    revision: fc.constantFrom(...revisions),
    containers: fc.uniqueArray(container, { maxLength: 5, selector: (item) => item.id }),
    image: fc.constantFrom<ImageState>(
      { kind: "ready" },
      { kind: "unknown" },
      { kind: "pulling", progress: null },
    ),
    routed: fc.option(fc.array(fc.boolean(), { minLength: 5, maxLength: 5 })),
    strays: fc.constantFrom([], ["10.9.9.9:80"]),
  })
  .map(
    ({ revision, containers, image, routed, strays }): DeploymentInput =>
      inputOf(revision, containers, {
        image,
        fallback: false,
        routing:
          routed === null
            ? null
            : {
                known: true,
                routed: new Set(containers.filter((_, index) => routed[index]).map((item) => item.id)),
                strays,
              },
      }),
  );

/** Plays decisions until nothing is left, answering every wait the lucky way, as forecast does. */
function settle(state: DeploymentInput): DeploymentInput {
  let current: DeploymentInput = {
    ...state,
    now: 1e9,
    containers: state.containers.map((item) => ({ ...item, busy: null })),
  };
  for (const action of forecast(current)) {
    current = simulate(current, action);
    if (action.kind === "await-ready")
      current = {
        ...current,
        containers: current.containers.map((item) =>
          item.id === action.container ? { ...item, since: -Infinity } : item,
        ),
      };
  }
  return { ...current, now: 2e9 };
}

describe("planning", () => {
  it("converges: after a whole plan there is nothing to do, from any state", () => {
    fc.assert(
      fc.property(input, (state) => {
        const end = settle(state);
        assert.equal(decide(end).kind === "act", false, JSON.stringify(forecast(end).slice(0, 3)));
        if (end.target.kind !== "run") return;
        const wanted = end.target.revision;
        assert.equal(
          end.containers.filter(
            (item) =>
              item.revision === wanted.revision &&
              (item.phase === "running" || item.phase === "restarting") &&
              isProven(item),
          ).length >= 1,
          true,
        );
      }),
      { numRuns: 2000 },
    );
  });

  it("does not depend on the order in which containers are listed", () => {
    fc.assert(
      fc.property(input, (state) => {
        const turned = { ...state, containers: [...state.containers].reverse() };
        const kinds = (from: DeploymentInput): string[] =>
          forecast(from)
            .map((action) => action.kind)
            .sort();
        assert.deepEqual(kinds(turned), kinds(state));
      }),
      { numRuns: 300 },
    );
  });

  it("never retires or stops what the ingress sends requests to, but under Recreate (I1)", () => {
    fc.assert(
      fc.property(input, (from) => {
        let state: DeploymentInput = {
          ...from,
          now: 1e9,
          containers: from.containers.map((item) => ({ ...item, busy: null })),
        };
        if (state.target.kind !== "run" || state.target.revision.spec.strategy === "Recreate") return;
        for (const action of forecast(state)) {
          if (action.kind === "retire" || action.kind === "stop") {
            const goes = state.containers.some(
              (item) =>
                item.id === action.container &&
                item.phase === "running" &&
                canReturn(state, item) &&
                state.routing?.routed.has(item.id) === true,
            );
            assert.ok(!goes, `${action.kind} ${action.name} (${action.reason})`);
          }
          state = simulate(state, action);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("start-first keeps a serving container at every step, once there was one", () => {
    const serving = (item: TrackedContainer): boolean =>
      item.phase === "running" &&
      isProven(item) &&
      item.attachment.kind === "attached" &&
      item.attachment.aliases.includes("app");
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 }), (from, to) => {
        const before = revisions[from];
        const after = revisions[to];
        if (before === undefined || after === undefined) return;
        let state = inputOf(
          after,
          Array.from({ length: before.spec.replicas }, (_, index) => containerOf(before, index + 1)),
          { fallback: false },
        );
        for (const action of forecast(state)) {
          state = simulate(state, action);
          assert.ok(state.containers.some(serving), `nothing serves after ${action.kind}`);
        }
      }),
    );
  });
});
