import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, it } from "node:test";
import { createStateWriter, readState } from "../../../src/host/state-file.ts";
import { emptyMemory } from "../../../src/state/memory.ts";
import { until } from "../../testbed/wait.ts";

const folder = mkdtempSync(join(tmpdir(), "orun-state-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const withCommit = (acceptedCommit: string) => ({ ...emptyMemory(), acceptedCommit });

it("a reader leaves a damaged file where it is; the agent sets it aside", () => {
  const path = join(folder, "damaged.json");
  writeFileSync(path, '{"version": 1, "mem');
  const seen = readState(path, "reader");
  assert.deepEqual(seen.memory, emptyMemory());
  assert.match(seen.warning ?? "", /is damaged/);
  assert.ok(existsSync(path) && !existsSync(`${path}.damaged`));
  assert.match(readState(path, "agent").warning ?? "", /is now .*\.damaged/);
  assert.ok(!existsSync(path) && existsSync(`${path}.damaged`));
});

it("a write that fails is tried again until it works, and said once", async () => {
  const path = join(folder, "state.json");
  const said: string[] = [];
  const writer = createStateWriter(path, (message) => said.push(message));
  writer.save(withCommit("one"));
  await until("the first is written", () => existsSync(path));
  rmSync(path);
  mkdirSync(path); // Nothing can be renamed onto a folder.
  writer.save(withCommit("two"));
  await until("it is said", () => said.length > 0);
  writer.save(withCommit("three"));
  rmdirSync(path);
  await until(
    "the newest is written",
    () => existsSync(path) && readFileSync(path, "utf8").includes("three"),
  );
  assert.equal(said.length, 1);
  await writer.flush();
});

it("an end does not wait for what cannot be written", async () => {
  const path = join(folder, "never.json");
  mkdirSync(path);
  const writer = createStateWriter(path, () => undefined);
  writer.save(withCommit("one"));
  await writer.flush();
  assert.deepEqual(readFileSync(join(folder, "state.json"), "utf8").length > 0, true);
});
