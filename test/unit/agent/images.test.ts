/** Which image a revision gets, and which images go when nothing needs them (SPEC 3, "What is ours"; SPEC 4; invariant I7). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { demonstration } from "../../fakes/engine-behaviour.ts";
import { createRig, deployment, type Rig } from "./rig.ts";

const host = "registry.test";

/** Pushes a version of `a` with an image of its own, and waits until it runs alone. */
async function release(rig: Rig, image: string): Promise<void> {
  rig.repository.push({
    "deployments/a.yaml": deployment("a", `image: ${image}\nhealth: {readiness: {tcp: 80}}`),
  });
  await rig.until(`a runs ${image} alone`, () => {
    const [only, second] = rig.docker.containers();
    const { a } = rig.agent().status.snapshot().deployments;
    return second === undefined && only?.phase === "running" && a?.state === "running" && a.image === image;
  });
}

function published(rig: Rig, versions: readonly number[]): string[] {
  return versions.map((version) => {
    const reference = `${host}/app:${String(version)}`;
    rig.docker.publish(reference, demonstration);
    return reference;
  });
}

const removed = (rig: Rig): string[] =>
  rig.docker.calls.filter((call) => call.method === "removeImage").map((call) => call.target);

describe("images", () => {
  it("are resolved anew for a deployment that was deleted and comes back as it was", async () => {
    const rig = createRig();
    rig.start();
    const [one = ""] = published(rig, [1]);
    await release(rig, one);
    rig.repository.push({ "deployments/b.yaml": deployment("b", "") });
    await rig.until("a is gone", () => rig.docker.containers().every((item) => !item.name.startsWith("a-")));
    await release(rig, one);
    await rig.kill();
  });

  it("are resolved anew for a version of long ago", async () => {
    const rig = createRig();
    rig.start();
    const versions = published(rig, [1, 2, 3]);
    for (const version of [...versions, ...versions.slice(0, 1)]) await release(rig, version);
    await rig.kill();
  });

  it("go when neither this version nor the one before needs them, and nothing else does", async () => {
    const rig = createRig();
    rig.start();
    for (const version of published(rig, [1, 2, 3])) await release(rig, version);
    await rig.until("the first one is removed", () => removed(rig).length === 1, 90);
    await rig.seconds(90);
    assert.equal(removed(rig).length, 1, "the version before stays");
    await rig.kill();
  });

  it("stay when they were here before, or when somebody gave them another name", async () => {
    const names = new Map<string, string>();
    const rig = createRig({
      wrap: (engine) => ({
        ...engine,
        async image(reference, signal) {
          const facts = await engine.image(reference, signal);
          const name = facts === null ? undefined : names.get(facts.id);
          return facts === null || name === undefined ? facts : { ...facts, tags: [...facts.tags, name] };
        },
      }),
    });
    rig.start();
    const [one = "", two = "", three = ""] = published(rig, [1, 2, 3]);
    await release(rig, one);
    const precious = rig.docker.containers()[0]?.image.id ?? "";
    names.set(precious, `${host}/app:precious`);
    await release(rig, "demo:1");
    await release(rig, two);
    await release(rig, three);
    await rig.seconds(90);
    assert.deepEqual(removed(rig), []);
    names.clear();
    await rig.until("its other name is gone, and so is it", () => removed(rig).length > 0, 90);
    assert.deepEqual(removed(rig), [precious]);
    await rig.kill();
  });
});
