import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { unitText } from "../../src/bootstrap/unit.ts";
import { openSandbox } from "../testbed/sandbox.ts";

/** Tenths of the exposure level of `systemd-analyze security`, 100 at worst. An agent of the engine cannot do without root. */
const EXPOSURE = 25;

it("systemd understands the unit, and finds it no more exposed than it has to be (attack 33)", (test) => {
  const folder = openSandbox(test).folder();
  const analyze = (...args: string[]): string =>
    execFileSync("systemd-analyze", args, { encoding: "utf8", stdio: "pipe", cwd: folder });
  const text = unitText({ executable: "/bin/true", systemdVersion: 252 });
  const file = join(folder, "orun@.service");
  writeFileSync(file, text);
  assert.equal(analyze("verify", "--recursive-errors=no", file), "");

  const security = (): string =>
    analyze("security", "--offline=true", `--threshold=${EXPOSURE}`, "--no-pager", file);
  assert.match(security(), /Overall exposure level for .*: [0-9.]+ OK/);
  writeFileSync(file, text.replace("NoNewPrivileges=yes\n", ""));
  assert.throws(security, "a weaker sandbox is noticed");
});
