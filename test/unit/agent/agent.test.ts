/** The agent over the fake engine: what only several parts together show. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createRig, deployment } from "./rig.ts";

const probe = "health: {readiness: {tcp: 80}}";

describe("the agent", () => {
  it("deploys, updates and removes", async () => {
    const rig = createRig();
    rig.repository.push({ "deployments/a.yaml": deployment("a", probe) });
    rig.start();
    await rig.until("a runs", () => rig.state("a") === "running");
    rig.repository.push({ "deployments/a.yaml": deployment("a", `${probe}\nenv: {VERSION: 2}`) });
    await rig.until("version 2 runs alone", () => {
      const all = rig.docker.containers();
      return all.length === 1 && all[0]?.env["VERSION"] === "2" && rig.state("a") === "running";
    });
    rig.repository.push({ "deployments/b.yaml": deployment("b", probe) });
    await rig.until("b alone", () => rig.state("a") === null && rig.state("b") === "running");
    assert.equal(rig.docker.containers().length, 1);
    await rig.kill();
  });
});
