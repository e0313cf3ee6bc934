import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decide } from "../../../src/plan/decide.ts";
import { describe as prose } from "../../../src/plan/describe.ts";
import { forecast } from "../../../src/plan/forecast.ts";
import type { DeploymentInput } from "../../../src/plan/input.ts";
import { containerOf, inputOf, revisionOf } from "./inputs.ts";

const a = revisionOf("image: app:1");
const b = revisionOf("image: app:2");
const plan = (input: DeploymentInput): string[] =>
  forecast(input).map((action) =>
    prose(action).replaceAll(a.revision.slice(0, 8), "A").replaceAll(b.revision.slice(0, 8), "B"),
  );

describe("decide", () => {
  it("creates, starts, proves a first deployment", () => {
    assert.deepEqual(plan(inputOf(a, [], { imageReady: false, networkId: null })), [
      "pull app:1 (image app:1 is needed)",
      "create the environment's network (the environment has no network yet)",
      "create app-A-1 (new)",
      "start app-A-1 (new)",
      "wait until app-A-1 is ready (new)",
      "promote app-A-1 (ready)",
    ]);
  });

  it("does nothing when nothing changed", () => {
    assert.deepEqual(decide(inputOf(a, [containerOf(a)])), { kind: "done" });
  });

  it("starts first and stops the old one only when the new one is proven (RollingUpdate)", () => {
    const reason = "(image changed from app:1 to app:2)";
    assert.deepEqual(plan(inputOf(b, [containerOf(a)])), [
      `create app-B-1 ${reason}`,
      "start app-B-1 (new)",
      "wait until app-B-1 is ready (new)",
      "promote app-B-1 (ready)",
      `retire app-A-1 ${reason}`,
      `stop app-A-1 ${reason}`,
      `remove app-A-1 ${reason}`,
    ]);
  });

  it("creates everything before it stops the old one (Recreate), and removes that only at the end", () => {
    const oldOne = revisionOf("image: app:1\nstrategy: Recreate");
    const newOne = revisionOf("image: app:2\nstrategy: Recreate");
    const kinds = forecast(inputOf(newOne, [containerOf(oldOne)])).map((action) => action.kind);
    assert.deepEqual(kinds, ["create", "retire", "stop", "start", "await-ready", "promote", "remove"]);
  });

  it("gives a new container up that exits before it is ready, when there is something to return to", () => {
    const exited = containerOf(b, 1, { phase: "exited", exitCode: 3, restartPolicy: "no", tried: true });
    const decision = decide(inputOf(b, [containerOf(a), exited]));
    assert.equal(decision.kind === "act" && decision.action.kind, "fail");
  });

  it("gives a new container up that is not ready within its deadline, and not before", () => {
    const late = revisionOf("image: app:2\nhealth: {readiness: {tcp: 80}}");
    const unready = containerOf(late, 1, {
      restartPolicy: "no",
      readiness: "unknown",
      since: 1000,
      tried: true,
    });
    const at = (now: number): unknown => {
      const decision = decide(inputOf(late, [containerOf(a), unready], { now }));
      return decision.kind === "act" ? decision.action.kind : decision.kind;
    };
    assert.equal(at(1000 + 119_999), "wait");
    assert.equal(at(1000 + 120_000), "fail");
  });

  it("never ends a slow first start: there is nothing to return to", () => {
    const slow = revisionOf("image: app:1\nhealth: {readiness: {tcp: 80}}");
    const unready = containerOf(slow, 1, { restartPolicy: "no", readiness: "unknown", tried: true });
    assert.equal(decide(inputOf(slow, [unready], { now: 1e9 })).kind, "wait");
  });

  it("turns back by starting what it kept aside, after stopping what failed (Recreate)", () => {
    const oldOne = revisionOf("image: app:1\nstrategy: Recreate");
    const newOne = revisionOf("image: app:2\nstrategy: Recreate");
    const kept = containerOf(oldOne, 1, { phase: "exited", restartPolicy: "no" });
    const bad = containerOf(newOne, 1, { restartPolicy: "no", readiness: "failing" });
    const kinds = forecast(inputOf(oldOne, [kept, bad], { lastGood: oldOne.revision })).map(
      (action) => `${action.kind} ${"name" in action ? action.name.slice(4, 8) : ""}`,
    );
    const [oldName, newName] = [oldOne.revision.slice(0, 4), newOne.revision.slice(0, 4)];
    assert.deepEqual(kinds, [
      `stop ${newName}`,
      `start ${oldName}`,
      `await-ready ${oldName}`,
      `promote ${oldName}`,
      `remove ${newName}`,
    ]);
  });

  it("waits a second for a person's restart, then starts what exited", () => {
    const exited = containerOf(a, 1, { phase: "exited", since: 500 });
    assert.deepEqual(decide(inputOf(a, [exited], { now: 600 })), {
      kind: "wait",
      for: `${exited.name} to come back by itself`,
      until: 1500,
      container: null,
    });
    const later = decide(inputOf(a, [exited], { now: 1500 }));
    assert.equal(later.kind === "act" && later.action.kind, "start");
  });

  it("resumes a paused container after ten seconds, and not before", () => {
    const paused = containerOf(a, 1, { phase: "paused", since: 0 });
    assert.equal(decide(inputOf(a, [paused], { now: 9_999 })).kind, "wait");
    const later = decide(inputOf(a, [paused], { now: 10_000 }));
    assert.equal(later.kind === "act" && later.action.kind, "resume");
  });

  it("makes containers anew whose network is gone", () => {
    const orphan = containerOf(a, 1, {
      attachment: {
        kind: "attached",
        networkId: "gone",
        staticAddress: "10.0.0.2",
        address: null,
        aliases: ["app"],
      },
      phase: "exited",
    });
    const kinds = forecast(inputOf(a, [orphan])).map((action) => action.kind);
    assert.deepEqual(kinds, ["retire", "remove", "create", "start", "await-ready", "promote"]);
  });

  it("restarts for liveness one replica at a time", () => {
    const three = revisionOf("image: app:1\nreplicas: 3");
    const sick = [1, 2, 3].map((replica) =>
      containerOf(three, replica, { alive: false, readiness: "failing" }),
    );
    assert.notEqual(decide(inputOf(three, sick)).kind, "act");
    const oneWell = [...sick.slice(0, 2), containerOf(three, 3)];
    const decision = decide(inputOf(three, oneWell));
    assert.equal(decision.kind === "act" && decision.action.kind, "restart");
  });

  it("keeps hands off what is suspended", () => {
    assert.deepEqual(
      decide(inputOf(a, [containerOf(a, 1, { phase: "exited" })], { target: { kind: "leave" } })),
      { kind: "done" },
    );
  });
});
