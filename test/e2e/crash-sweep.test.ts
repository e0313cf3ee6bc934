/**
 * The crash sweep (FAULTS 35, "Harness" 1): a clean run of each scenario tells how many calls change something; then the agent
 * is killed before each of them, killed after the engine has carried it out, or never hears the answer. Whenever it happens, the
 * next run of the agent leads to the very state of the clean run, and no invariant is broken on the way.
 *
 * Every run is an environment of its own, so that all share one engine. A part of the runs by default; all of them with
 * ORUN_CRASH_SWEEP=full.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { crashScenarios } from "./crash-scenarios.ts";
import { type Changed, type Moment, openCrashRun } from "./crash-run.ts";
import { type Dockerd, startDockerd } from "../testbed/dockerd.ts";
import { noteFault } from "../testbed/fault-report.ts";
import { freePort } from "../testbed/free-port.ts";
import { demoImage } from "../testbed/images.ts";

const MOMENTS: readonly Moment[] = ["killed before", "killed after", "answer lost"];
const full = process.env["ORUN_CRASH_SWEEP"] === "full";

describe("the crash sweep", { concurrency: 3 }, () => {
  let engine: Dockerd;
  let runs = 0;
  before(async () => {
    engine = await startDockerd();
    await demoImage(engine.socket, { tag: "demo:1" });
  });
  after(() => engine.stop());

  const run = async (place: number, crash: { at: number; moment: Moment } | null): Promise<Changed> => {
    runs += 1;
    const branch = `sweep-${String(runs)}`;
    const scenario = crashScenarios([await freePort(), await freePort()])[place];
    assert.ok(scenario !== undefined);
    const staged = await openCrashRun(engine.socket, scenario, branch);
    try {
      await staged.start();
      return await staged.change(crash);
    } finally {
      await staged.close();
    }
  };

  for (const [place, scenario] of crashScenarios([1, 2]).entries()) {
    it(scenario.name, async () => {
      const clean = await run(place, null);
      assert.ok(clean.calls.length > 0, "the clean run changed nothing");
      const plan = full ? everything(clean.calls.length) : some(clean.calls.length, place);
      let slowest = 0;
      for (const crash of plan) {
        const what = `${scenario.name}, ${crash.moment} call ${String(crash.at)} of ${String(clean.calls.length)} (${clean.calls[crash.at - 1] ?? ""})`;
        const crashed = await run(place, crash);
        assert.ok(crashed.hit, `${what}: the fault was never met`);
        assert.deepEqual(crashed.outcome, clean.outcome, what);
        slowest = Math.max(slowest, crashed.healedMs);
      }
      noteFault({
        area: "Crashes of the agent",
        fault: `${scenario.name}: at ${String(plan.length)} of ${String(MOMENTS.length * clean.calls.length)} moments`,
        injected: plan.length,
        healedMs: slowest,
        violations: 0,
      });
    });
  }
});

function everything(count: number): { at: number; moment: Moment }[] {
  return Array.from({ length: count }, (_, index) => index + 1).flatMap((at) =>
    MOMENTS.map((moment) => ({ at, moment })),
  );
}

/** Every third call, beginning elsewhere for each scenario, the moments in turn: together they cover all kinds of calls. */
function some(count: number, place: number): { at: number; moment: Moment }[] {
  return Array.from({ length: count }, (_, index) => index + 1)
    .filter((at) => (at + place) % 3 === 0)
    .map((at) => ({ at, moment: MOMENTS[((at + place) / 3) % 3] ?? "killed after" }));
}
