import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decide } from "../../../src/plan/decide.ts";
import { describe as prose } from "../../../src/plan/describe.ts";
import { forecast } from "../../../src/plan/forecast.ts";
import type { Decision, DeploymentInput, TrackedContainer } from "../../../src/plan/input.ts";
import { containerOf, inputOf, revisionOf } from "./inputs.ts";

const a = revisionOf("image: app:1");
const b = revisionOf("image: app:2");
const plan = (input: DeploymentInput): string[] =>
  forecast(input).map((action) =>
    prose(action).replaceAll(a.revision.slice(0, 8), "A").replaceAll(b.revision.slice(0, 8), "B"),
  );

describe("decide", () => {
  it("creates, starts, proves a first deployment", () => {
    assert.deepEqual(plan(inputOf(a, [], { image: { kind: "unknown" }, networkId: null })), [
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
      late: false,
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
    const three = revisionOf("image: app:1\nreplicas: 3\nhealth: {readiness: {tcp: 80}}");
    const sick = [1, 2, 3].map((replica) =>
      containerOf(three, replica, { alive: false, readiness: "failing" }),
    );
    const next = (containers: TrackedContainer[]): string => {
      const decision = decide(inputOf(three, containers));
      return decision.kind === "act"
        ? `${decision.action.kind} ${containers.findIndex((item) => "container" in decision.action && item.id === decision.action.container).toString()}`
        : decision.kind;
    };
    assert.equal(next(sick), "restart 0");
    const [first, second, third] = sick;
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    // While one is under way, or not ready again, the others stay.
    assert.notEqual(next([{ ...first, busy: "restart" }, second, third]).split(" ")[0], "restart");
    assert.equal(
      next([{ ...first, alive: true, readiness: "unknown", since: 999_000 }, second, third]),
      "done",
    );
    assert.equal(next([{ ...first, alive: true, readiness: "passing" }, second, third]), "restart 1");
    // The last one that serves stays.
    assert.equal(
      next([
        { ...first, alive: true },
        { ...second, alive: true },
        { ...third, readiness: "passing" },
      ]),
      "done",
    );
  });

  it("retires an old container that exited before its successor starts: the engine would bring it back (Recreate)", () => {
    const [before, after] = ["image: app:1", "image: app:2"].map((spec) =>
      revisionOf(`${spec}\nstrategy: Recreate`),
    );
    assert.ok(before !== undefined && after !== undefined);
    const old = containerOf(before, 1, { phase: "exited", since: 999_900 });
    const fresh = containerOf(after, 1, { phase: "created", restartPolicy: "no" });
    const kinds = forecast(inputOf(after, [old, fresh])).map((action) => action.kind);
    assert.deepEqual(kinds, ["retire", "start", "await-ready", "promote", "remove"]);
  });

  it("heals the old container while the new one waits for its image (Recreate)", () => {
    const [before, after] = ["image: app:1", "image: app:2"].map((spec) =>
      revisionOf(`${spec}\nstrategy: Recreate`),
    );
    assert.ok(before !== undefined && after !== undefined);
    const at = (now: number): Decision =>
      decide(
        inputOf(after, [containerOf(before, 1, { phase: "exited", since: 1000 })], {
          now,
          image: { kind: "pulling", progress: null },
        }),
      );
    const first = at(1500);
    assert.equal(first.kind === "wait" && first.until, 2000);
    const later = at(2000);
    assert.equal(later.kind === "act" && later.action.kind, "start");
  });

  it("makes its way past a container that cannot be healed", () => {
    const now = 1_000_000;
    const broken = containerOf(a, 1, { phase: "exited", since: 0, retryAt: now + 5000 });
    const renamed = containerOf(a, 2, { name: "somebody-elses", retryAt: now + 5000 });
    for (const old of [broken, renamed]) {
      const decision = decide(inputOf(b, [old], { now }));
      assert.equal(decision.kind === "act" && decision.action.kind, "create");
    }
    const dead = containerOf(b, 1, { phase: "dead", retryAt: now + 5000 });
    assert.equal(decide(inputOf(a, [dead], { now })).kind, "act");
    const two = revisionOf("image: app:1\nreplicas: 2");
    const waiting = decide(
      inputOf(two, [containerOf(two, 1, { phase: "exited", retryAt: now + 5000 }), containerOf(two, 2)], {
        now,
      }),
    );
    assert.equal(waiting.kind === "wait" && waiting.until, now + 5000);
  });

  it("lets a restart end before the old container makes way", () => {
    const specs = ["image: app:1\nstrategy: Recreate", "image: app:2\nstrategy: Recreate"];
    const [before, after] = specs.map(revisionOf);
    assert.ok(before !== undefined && after !== undefined);
    const old = containerOf(before, 1, { phase: "exited", busy: "restart" });
    const fresh = containerOf(after, 1, { phase: "created", restartPolicy: "no" });
    assert.deepEqual(decide(inputOf(after, [old, fresh])).kind, "wait");
    const rolling = [a, b].map((revision) => containerOf(revision));
    const [first, second] = rolling;
    assert.ok(first !== undefined && second !== undefined);
    assert.notEqual(decide(inputOf(b, [{ ...first, phase: "exited", busy: "restart" }, second])).kind, "act");
  });

  it("keeps hands off what is suspended", () => {
    assert.deepEqual(
      decide(inputOf(a, [containerOf(a, 1, { phase: "exited" })], { target: { kind: "leave" } })),
      { kind: "done" },
    );
  });
});
