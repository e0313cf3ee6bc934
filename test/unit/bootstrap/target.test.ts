import assert from "node:assert/strict";
import { it } from "node:test";
import { targetOf } from "../../../src/bootstrap/target.ts";

it("leaves a key out that does not exist on this machine, and keeps one that does", () => {
  const spec = { host: "203.0.113.10", sshPort: 2222, user: "admin" };
  const missing = targetOf({ ...spec, sshKeyPath: "~/.ssh/no-such-key-of-orun" });
  assert.deepEqual(missing, { host: "203.0.113.10", port: 2222, user: "admin", keyPath: null });
  assert.equal(targetOf({ ...spec, sshKeyPath: import.meta.filename }).keyPath, import.meta.filename);
});
