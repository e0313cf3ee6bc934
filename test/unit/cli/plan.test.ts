import assert from "node:assert/strict";
import { it } from "node:test";
import { fieldChanges, renderPlan } from "../../../src/cli/render-plan.ts";
import { paintFor } from "../../../src/cli/terminal.ts";
import { containerOf, desiredOf, revisionOf } from "../plan/inputs.ts";
import { golden } from "./golden.ts";

const plain = paintFor({ size: null, colours: false });
const before = revisionOf(
  "image: app:1\nenv: {LEVEL: info, OLD: x}\nreplicas: 2\nvolumes: [{name: data, containerPath: /data}]",
);
const content = `apiVersion: run.orcra.dev/v0alpha
kind: Deployment
metadata: {name: app}
spec:
  image: app:2
  env: {LEVEL: debug, NEW: s3cret}
  replicas: 3
  volumes: [{name: data, containerPath: /data, readOnly: true}]
  resources: {memory: 512Mi}
`;
const desired = desiredOf([{ path: "deployments/app.yaml", blob: "1", content }]);
const observed = { containers: [containerOf(before), containerOf(before, 2)] };

it("a plan names every field that changes, and no value of the environment", () => {
  const changes = fieldChanges(desired, observed, "app");
  const reason = changes.join(", ");
  const text = renderPlan(
    [
      {
        name: "app",
        note: null,
        changes,
        actions: [
          { kind: "pull", revision: "r", image: "app:2", reason: "image app:2 is needed" },
          { kind: "create", revision: "r", replica: 1, name: "app-5e6f7a8b-1", alias: false, reason },
          { kind: "start", container: "x", name: "app-5e6f7a8b-1", reason: "new" },
          { kind: "stop", container: "y", name: "app-1a2b3c4d-1", graceMs: 1, reason },
        ],
      },
      {
        name: "cron",
        note: "held: deployments/cron.yaml:7: unknown field 'imagee'",
        changes: [],
        actions: [],
      },
      { name: "idle", note: null, changes: [], actions: [] },
      {
        name: "old\u001b[2J",
        note: null,
        changes: [],
        actions: [
          { kind: "remove", container: "z", name: "old-1", reason: "not in the repository any more" },
        ],
      },
    ],
    [],
    plain,
  );
  golden("plan.txt", text);
  assert.doesNotMatch(text, /s3cret|info|debug/);
});

it("a plan without steps says so", () => {
  assert.equal(
    renderPlan([{ name: "app", note: null, changes: [], actions: [] }], [], plain),
    "nothing to do\n",
  );
});
