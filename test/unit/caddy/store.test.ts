import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { openStore } from "../../../src/caddy/store.ts";

it("a folder that went with another agent's data holds nothing, and says that it is gone", () => {
  const folder = mkdtempSync(join(tmpdir(), "orun-store-"));
  const store = openStore(join(folder, "ingress"));
  assert.equal(store.present(), true);
  rmSync(folder, { recursive: true });
  assert.equal(store.present(), false);
  assert.deepEqual(store.fragments(), []);
});
