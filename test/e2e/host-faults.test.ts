/** A host whose disk is full or cannot be written, and whose clock is wrong (FAULTS 32, 33, 39): workloads go on, nothing is torn. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { globSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { mustApi } from "../testbed/engine-api.ts";
import { web } from "../testbed/manifests.ts";
import { mended } from "../testbed/fault-report.ts";
import { openSandbox } from "../testbed/sandbox.ts";
import { openStage, type Stage } from "../testbed/stage.ts";
import { until } from "../testbed/wait.ts";

const app = "deployments/app.yaml";

describe("a host that is ill", () => {
  const box = openSandbox({ after });
  let stage: Stage;
  let dataDir = "";

  before(async () => {
    dataDir = box.folder();
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m,nr_inodes=400", "tmpfs", dataDir]);
    box.defer(() => execFileSync("umount", [dataDir]));
    stage = await openStage(box, { dataDir });
    await stage.push({ [app]: web("app", "1") });
    stage.launch();
    await stage.serves("app", "1");
  });

  const filler = (name: string): string => join(dataDir, `filler-${name}`);
  const state = (): unknown => {
    const parsed: unknown = JSON.parse(readFileSync(join(dataDir, "state.json"), "utf8"));
    return parsed;
  };
  /** Removed by hand, it comes back, also with an agent that has just been killed. */
  const heals = async (version: string): Promise<void> => {
    await stage.agent().end("SIGKILL");
    stage.launch();
    await stage.agent().state("app", "running", 60_000);
    const [item] = await stage.of("app");
    await mustApi(stage.engine.socket, "DELETE", `/containers/${item?.Id ?? ""}?force=true`);
    const healed = await stage.serves("app", version);
    assert.notEqual(healed.Id, item?.Id);
  };
  /** A push that cannot be taken in is told; once all is well it is. */
  const told = async (words: RegExp): Promise<void> => {
    await until(
      `Git's trouble is told: ${String(words)}`,
      async () => words.test((await stage.seen())?.node.sync_error ?? ""),
      60_000,
    );
  };

  it("whose disk is full: keeps up what runs, tears no file, and goes on when there is room", async () => {
    fill(filler("blocks"));
    await stage.push({ [app]: web("app", "2"), "nodes/noise.yaml": noise() });
    await told(/space/i);
    await heals("1");
    assert.ok(state());
    rmSync(filler("blocks"));
    await mended("Host", "disk full", () => stage.serves("app", "2"));
    assert.ok(state());
  });

  it("whose inodes are used up: the same", async () => {
    let made = 0;
    try {
      for (; made < 1000; made += 1) writeFileSync(filler(`inode-${String(made)}`), "");
    } catch (error) {
      assert.match(String(error), /ENOSPC/);
    }
    await stage.push({ [app]: web("app", "3") });
    await told(/space/i);
    await heals("2");
    assert.ok(state());
    for (const name of readdirSync(dataDir)) if (name.startsWith("filler-")) rmSync(join(dataDir, name));
    await mended("Host", "no inodes left", () => stage.serves("app", "3"));
  });

  it("whose disk can only be read: the same", async () => {
    execFileSync("mount", ["-o", "remount,ro", dataDir]);
    await stage.push({ [app]: web("app", "4") });
    await told(/read-only/i);
    const [item] = await stage.of("app");
    await mustApi(stage.engine.socket, "POST", `/containers/${item?.Id ?? ""}/stop?t=1`);
    await stage.serves("app", "3");
    execFileSync("mount", ["-o", "remount,rw", dataDir]);
    await mended("Host", "disk read-only", () => stage.serves("app", "4"));
    assert.ok(state());
  });

  it("whose clock is wrong by half a century or by a year: nothing is done, and releases and repairs go on", async () => {
    const [preload] = globSync("/usr/lib/*/faketime/libfaketime.so.1");
    assert.ok(preload !== undefined, "libfaketime is installed (tools/prepare.mjs)");
    let version = 4;
    for (const clock of ["@1970-01-02 00:00:00", "+400d"]) {
      const [was] = await stage.of("app");
      await stage.agent().end("SIGTERM");
      stage.launch({ LD_PRELOAD: preload, FAKETIME: clock, FAKETIME_DONT_FAKE_MONOTONIC: "1" });
      await stage.agent().state("app", "running", 60_000);
      await stage.inForce();
      assert.equal((await stage.of("app"))[0]?.Id, was?.Id);
      version += 1;
      await stage.push({ [app]: web("app", String(version)) });
      const { Id } = await stage.serves("app", String(version));
      await mustApi(stage.engine.socket, "POST", `/containers/${Id}/stop?t=1`);
      assert.equal((await stage.serves("app", String(version))).Id, Id);
    }
    await stage.agent().end("SIGTERM");
    stage.launch();
    await stage.serves("app", String(version));
  });
});

/** Writes until not a byte more fits. */
function fill(path: string): void {
  for (const size of [65_536, 4096, 512, 1]) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(size), { flag: "a" });
    } catch (error) {
      assert.match(String(error), /ENOSPC/);
    }
  }
}

/** A manifest that needs more than a few blocks: nothing in it can be packed. */
function noise(): string {
  const lines = Array.from({ length: 400 }, () => `# ${Math.random().toString(36).repeat(3)}`);
  return `${lines.join("\n")}\napiVersion: run.orcra.dev/v0alpha\nkind: Node\nmetadata: {name: other}\nspec: {host: a, gitRepo: /a}\n`;
}
