/** An agent killed between two calls that belong together: the next one takes up what it finds (FAULTS 35). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createRig, deployment } from "./rig.ts";

const probe = "health: {readiness: {tcp: 80}}";

describe("an agent that takes over from one that was killed", () => {
  it("reconnects a container that was being given its name, at an address that nobody else has", async () => {
    let killAtAttach = false;
    const rig = createRig({
      wrap: (engine) => ({
        ...engine,
        attach: (id, network, signal) =>
          // As if the agent ended here: the call is never made, and nothing comes after it.
          killAtAttach ? endOf(signal) : engine.attach(id, network, signal),
      }),
    });
    const others = {
      "deployments/a.yaml": deployment("a", probe),
      "deployments/c.yaml": deployment("c", probe),
    };
    rig.repository.push({ ...others, "deployments/b.yaml": deployment("b", probe) });
    rig.start();
    const all = ["a", "b", "c"];
    await rig.until("all run", () => all.every((name) => rig.state(name) === "running"));
    killAtAttach = true;
    rig.repository.push({
      ...others,
      "deployments/b.yaml": deployment("b", `${probe}\nprogressDeadline: 5s\nenv: {VERSION: 2}`),
    });
    const detached = (): boolean =>
      rig.docker.containers().some((item) => item.env["VERSION"] === "2" && item.endpoints.size === 0);
    await rig.until("the new one is disconnected", detached);
    await rig.kill();
    killAtAttach = false;
    rig.events.length = 0;
    rig.start();
    await rig.until("version 2 runs", () => rig.state("b") === "running", 30);
    assert.deepEqual(
      rig.events.filter((event) => event.type === "action.failed"),
      [],
    );
    await rig.kill();
  });
});

function endOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("killed")), { once: true });
  });
}
