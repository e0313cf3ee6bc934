/** Properties of the plan for a whole node: several deployments, routes, strangers, and agents that die half way. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { ManifestFile } from "../../../src/manifest/parse.ts";
import type { Action } from "../../../src/plan/action.ts";
import { decide } from "../../../src/plan/decide.ts";
import { describe as describePlainly } from "../../../src/plan/describe.ts";
import { forecast, simulate } from "../../../src/plan/forecast.ts";
import type { DeploymentInput, TrackedContainer } from "../../../src/plan/input.ts";
import { isProven, isUp } from "../../../src/plan/container.ts";
import { planAll } from "../../../src/plan/plan.ts";
import type { DesiredState } from "../../../src/state/desired.ts";
import { emptyDeploymentMemory, emptyMemory, type Memory } from "../../../src/state/memory.ts";
import type { ObservedState } from "../../../src/state/observed.ts";
import { containerOf, desiredOf, inputOf, revisionOf } from "./inputs.ts";

const SPECS = [
  "image: app:1",
  "image: app:2\nreplicas: 3",
  "image: app:3\nstrategy: Recreate",
  "image: app:4\nports: [{containerPort: 80, port: 8080}]",
  "image: app:5\nnetwork: host",
  "image: app:6\nhealth: {readiness: {tcp: 80}}\nreplicas: 2",
  "image: app:7\nsuspend: true",
  "imagee: app:8",
] as const;
const runnable = SPECS.slice(0, 6).map(revisionOf);
const NAMES = ["alpha", "bravo", "charlie", "delta"];

const manifest = (name: string, spec: string): ManifestFile => {
  const content = `apiVersion: run.orcra.dev/v0alpha\nkind: Deployment\nmetadata: {name: ${name}}\nspec:\n${spec
    .split("\n")
    .map((line) => `  ${line}\n`)
    .join("")}`;
  return { path: `deployments/${name}.yaml`, blob: content, content };
};

const container = fc
  .record({
    deployment: fc.constantFrom(...NAMES),
    revision: fc.constantFrom(...runnable),
    replica: fc.integer({ min: 1, max: 4 }),
    phase: fc.constantFrom(
      "created",
      "running",
      "running",
      "exited",
      "paused",
      "dead",
      "restarting",
      "removing",
    ),
    restartPolicy: fc.constantFrom("no", "always"),
    network: fc.constantFrom("network", "network", "network", "gone", null),
    alias: fc.boolean(),
    renamed: fc.constantFrom(false, false, false, true),
    memory: fc.constantFrom(null, null, null, 1e6),
  })
  .map(({ deployment, revision, replica, network, alias, renamed, ...rest }): TrackedContainer => {
    const made = containerOf(revision, replica, {
      ...rest,
      deployment,
      id: `${deployment}-${revision.revision.slice(0, 8)}-${String(replica)}`,
      attachment:
        revision.spec.network === "host"
          ? { kind: "host" }
          : network === null
            ? { kind: "detached" }
            : {
                kind: "attached",
                networkId: network,
                staticAddress: "10.0.0.2",
                address: rest.phase === "running" ? "10.0.0.2" : null,
                aliases: alias ? [deployment] : [],
              },
    });
    return { ...made, name: renamed ? `${made.id}-by-hand` : made.id };
  });

interface Case {
  files: ManifestFile[];
  desired: DesiredState;
  observed: ObservedState;
  memory: Memory;
}

const world: fc.Arbitrary<Case> = fc
  .record({
    specs: fc.array(fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(...SPECS)), { maxLength: 4 }),
    containers: fc.uniqueArray(container, { maxLength: 8, selector: (item) => item.id }),
    good: fc.array(fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(...runnable)), { maxLength: 4 }),
    network: fc.boolean(),
  })
  .map(({ specs, containers, good, network }) => {
    const files = [...new Map(specs)].map(([name, spec]) => manifest(name, spec));
    const desired = desiredOf(files);
    const memory: Memory = {
      ...emptyMemory(),
      deployments: Object.fromEntries(
        good.map(([name, lastGood]) => [name, { ...emptyDeploymentMemory(), lastGood }]),
      ),
    };
    const observed: ObservedState = {
      containers: containers.map((item) => item),
      foreign: [{ id: "stranger", name: "stranger", running: true, ports: [], disowned: null }],
      unreadable: [],
      network: network ? { id: "network", name: "orun", subnet: "10.0.0.0/22", gateway: "10.0.0.1" } : null,
      at: 0,
    };
    return { files, desired, observed, memory };
  });

const plans = ({ desired, observed, memory }: Case): ReturnType<typeof planAll> =>
  planAll(desired, observed, memory, { routes: [], directed: new Map() }, "production", 1e6);

/** The ids that an action touches. */
const touched = (action: Action): string[] => ("container" in action ? [action.container] : []);

/** One step of a deployment's plan as it goes when all goes well; null: nothing is left. */
function step(state: DeploymentInput): DeploymentInput | null {
  const [action] = forecast(state);
  if (action === undefined) return null;
  const next = simulate(state, action);
  if (action.kind !== "await-ready") return next;
  const containers = next.containers.map((item) =>
    item.id === action.container ? { ...item, since: -1e9 } : item,
  );
  return { ...next, containers };
}

/** The same after an agent that died: it has seen nothing before. */
function restarted(state: DeploymentInput): DeploymentInput {
  const containers = state.containers.map((item) => ({
    ...item,
    tried: false,
    since: state.now,
    readiness: "unknown" as const,
  }));
  return { ...state, containers, image: { kind: "unknown" } };
}

function describeAction(action: Action | undefined): string {
  return action === undefined ? "nothing" : describePlainly(action);
}

describe("the plan of a node", () => {
  it("does not depend on the order of manifests, containers or memory", () => {
    fc.assert(
      fc.property(world, (state) => {
        const turned: Case = {
          files: state.files,
          desired: desiredOf([...state.files].reverse()),
          observed: { ...state.observed, containers: [...state.observed.containers].reverse() },
          memory: {
            ...state.memory,
            deployments: Object.fromEntries(Object.entries(state.memory.deployments).reverse()),
          },
        };
        assert.deepEqual(plans(turned), plans(state));
      }),
      { numRuns: 150 },
    );
  });

  it("touches only containers of the deployment it is for, and nothing of what is suspended or held without a last good form", () => {
    fc.assert(
      fc.property(world, (state) => {
        for (const plan of plans(state)) {
          const own = new Set(
            state.observed.containers.filter((item) => item.deployment === plan.name).map((item) => item.id),
          );
          for (const action of plan.actions)
            for (const id of touched(action))
              assert.ok(own.has(id) || id.startsWith("new:"), `${plan.name}: ${id}`);
          const wanted = state.desired.deployments.get(plan.name);
          if (wanted?.kind === "suspended") assert.deepEqual(plan.actions, []);
          if (wanted?.kind === "held" && state.memory.deployments[plan.name] === undefined)
            assert.ok(plan.actions.every((action) => action.kind !== "create" && action.kind !== "stop"));
        }
      }),
      { numRuns: 150 },
    );
  });

  it("removes nothing at all while a document cannot be identified, unless something else takes its place", () => {
    fc.assert(
      fc.property(world, (state) => {
        const broken = { path: "deployments/broken.yaml", blob: "broken", content: "kind: [" };
        const desired = desiredOf([...state.files, broken]);
        for (const plan of plans({ ...state, desired })) {
          if (desired.deployments.has(plan.name) || state.memory.deployments[plan.name] !== undefined)
            continue;
          assert.ok(plan.actions.every((action) => action.kind !== "stop" && action.kind !== "retire"));
        }
      }),
      { numRuns: 150 },
    );
  });

  it("converges from any point at which the agent dies, to exactly what is wanted", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...runnable),
        fc.uniqueArray(container, { maxLength: 5, selector: (item) => item.id }),
        fc.array(fc.nat(6), { maxLength: 4 }),
        fc.constantFrom(null, "network"),
        (wanted, some, deaths, networkId) => {
          const containers = some.map((item) => ({
            ...item,
            deployment: "app",
            // The engine restarts only what has a policy that says so.
            restartPolicy: item.phase === "restarting" ? "always" : item.restartPolicy,
            phase: item.phase === "removing" ? ("exited" as const) : item.phase,
          }));
          let state: DeploymentInput = inputOf(wanted, containers, { networkId, fallback: false, now: 1e9 });
          for (const steps of deaths) {
            for (let count = 0; count < steps; count++) state = step(state) ?? state;
            state = restarted(state);
          }
          for (let count = 0; ; count++) {
            assert.ok(count < 200, `no end: ${JSON.stringify(forecast(state)[0])}`);
            const next = step(state);
            if (next === null) break;
            state = next;
          }
          assert.notEqual(decide({ ...state, now: 2e9 }).kind, "act");
          assert.deepEqual(
            state.containers.map((item) => [item.revision, item.replica, isUp(item), isProven(item)]).sort(),
            Array.from({ length: wanted.spec.replicas }, (_, index) => [
              wanted.revision,
              index + 1,
              true,
              true,
            ]),
          );
        },
      ),
      { numRuns: 150 },
    );
  });

  it("keeps a ready replica at every step of a RollingUpdate, whatever else is there", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...runnable.filter((item) => item.spec.strategy === "RollingUpdate")),
        fc.constantFrom(...runnable.filter((item) => item.spec.strategy === "RollingUpdate")),
        fc.uniqueArray(container, { maxLength: 3, selector: (item) => item.id }),
        (before, after, others) => {
          const serving = containerOf(before, 1, { deployment: "app" });
          const rest = others
            .map((item) => ({
              ...item,
              deployment: "app",
              id: `${item.id}-other`,
              readiness: "failing" as const,
            }))
            .filter((item) => item.phase !== "removing");
          let state: DeploymentInput = inputOf(after, [serving, ...rest], { fallback: false, now: 1e9 });
          const done: string[] = [];
          for (let count = 0; count < 200; count++) {
            const next = step(state);
            if (next === null) break;
            done.push(describeAction(forecast(state)[0]));
            state = next;
            const ready = state.containers.filter(
              (item) => item.phase === "running" && isProven(item) && item.readiness !== "failing",
            );
            assert.ok(ready.length > 0, `nothing is ready: ${done.join("; ")}`);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe("anything at all in the repository", () => {
  it("is parsed and planned without an exception", () => {
    const piece = fc.oneof(
      fc.constantFrom(
        "apiVersion: run.orcra.dev/v0alpha\n",
        "kind: Deployment\n",
        "kind: Service\n",
        "kind: Node\n",
        "metadata: {name: alpha}\n",
        "metadata:\n  name: bravo\n",
        "spec:\n",
        "  image: app:1\n",
        "  replicas: 2\n",
        "  ports: [{containerPort: 80, port: 80}]\n",
        "  dependsOn: [alpha]\n",
        "  deployment: alpha\n",
        "  ingress: {domain: {default: a.example.com}}\n",
        "  host: 192.0.2.1\n  gitRepo: x\n",
        "---\n",
        "...\n",
        "&a [*a]\n",
        "\t- x\n",
        "? [\n",
      ),
      fc.string({ maxLength: 20 }),
    );
    fc.assert(
      fc.property(fc.array(fc.array(piece, { maxLength: 14 }), { maxLength: 3 }), (texts) => {
        const files = texts.map((pieces, index) => {
          const content = pieces.join("");
          return { path: `deployments/${String(index)}.yaml`, blob: content, content };
        });
        const desired = desiredOf(files);
        const observed = { containers: [], foreign: [], unreadable: [], network: null, at: 0 };
        plans({ files, desired, observed, memory: emptyMemory() });
      }),
      { numRuns: 150 },
    );
  });
});
