import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { branchNameProblem } from "../../../src/git/branch-name.ts";

function gitAccepts(name: string): boolean {
  return spawnSync("git", ["check-ref-format", `refs/heads/${name}`], { stdio: "ignore" }).status === 0;
}

test("usual names are allowed", () => {
  for (const name of ["main", "feature/Auth", "v1.2", "a-b_c", "ümlaut", "fix#12", "a;b", "$(x)"]) {
    assert.equal(branchNameProblem(name), null, name);
  }
});

test("a problem says what it is", () => {
  assert.match(branchNameProblem("a b") ?? "", /contains ' '/);
  assert.match(branchNameProblem("a.lock/b") ?? "", /'\.lock'/);
  assert.match(branchNameProblem("x".repeat(201)) ?? "", /200 bytes/);
  assert.match(branchNameProblem("a\u0007") ?? "", /control character/);
});

test("what is allowed here is allowed by Git, and the other way round but for what only we reserve", () => {
  const part = fc.constantFrom(
    "a",
    "B",
    "-",
    ".",
    "/",
    "@",
    "{",
    "~",
    "..",
    ".lock",
    "\\",
    "*",
    "é",
    " ",
    "\u007f",
    "HEAD",
  );
  const name = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(name, (text) => {
      const problem = branchNameProblem(text);
      const ours = text.startsWith("-") || text === "HEAD" || text === "@";
      assert.equal(problem === null, gitAccepts(text) && !ours, `${text}: ${problem ?? "allowed"}`);
    }),
    { numRuns: 300 },
  );
});
