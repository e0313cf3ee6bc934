/** Branch names, by the rules of git-check-ref-format(1). */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { branchNameProblem } from "../../../src/git/branch-name.ts";

const run = promisify(execFile);

async function gitAllows(name: string): Promise<boolean> {
  try {
    await run("git", ["check-ref-format", `refs/heads/${name}`]);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === 1) return false;
    throw error;
  }
}

test("what is allowed, Git allows; what Git refuses is refused", async () => {
  const names = ["main", "feature/a", "feature-a", "v1.2", "ü/ñ", "a@b", "x/y/z", "a{b", "@x", "a-"];
  const bad = [
    ...[
      "",
      "a..b",
      ".a",
      "a/.b",
      "a.lock",
      "a/b.lock/c",
      "a b",
      "a~1",
      "a^",
      "a:b",
      "a?",
      "a*",
      "a[b",
      "a\\b",
    ],
    ...["/a", "a/", "a//b", "a.", "a@{1}", "a\u0001", "a\u007f"],
  ];
  for (const name of names) {
    assert.equal(branchNameProblem(name), null, name);
    assert.equal(await gitAllows(name), true, name);
  }
  for (const name of bad) {
    assert.notEqual(branchNameProblem(name), null, JSON.stringify(name));
    assert.equal(await gitAllows(name), false, JSON.stringify(name));
  }
});

test("refuses options and reserved names, which Git's format would allow", () => {
  for (const name of ["-b", "--upload-pack=x", "HEAD", "@", "a".repeat(201), "a\ud800", "a\u0000b"])
    assert.notEqual(branchNameProblem(name), null, JSON.stringify(name));
});
