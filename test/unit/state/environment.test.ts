import assert from "node:assert/strict";
import { it } from "node:test";
import { chooseEnvironment, environmentOf } from "../../../src/state/environment.ts";

const holder = (environment: string, branch: string, node = "n") => ({ environment, branch, node });
const choose = (
  branch: string,
  holders: ReturnType<typeof holder>[],
  remembered: string | null = null,
): string =>
  chooseEnvironment({
    branch,
    node: "n",
    remembered: remembered === null ? null : { branch, name: remembered },
    holders,
  });

it("main is production; any other branch is its name as a DNS label", () => {
  assert.equal(choose("main", []), "production");
  assert.equal(choose("feature/Auth", []), "feature-auth");
  assert.equal(choose("---", []), "branch");
  assert.match(choose("x".repeat(100), []), /^x{40}$/);
});

it("a branch called production, and one whose label another branch has, get four hash characters", () => {
  assert.match(choose("production", []), /^production-[0-9a-f]{4}$/);
  const own = choose("feature-a", [holder("feature-a", "feature/a")]);
  assert.match(own, /^feature-a-[0-9a-f]{4}$/);
  assert.equal(
    own,
    environmentOf("feature-a", () => "feature/a"),
  );
  assert.equal(choose("feature/a", [holder("feature-a", "feature/a")]), "feature-a");
});

it("keeps the name that it has, whoever holds the label by now", () => {
  const both = [holder("feature-a", "feature/a"), holder("feature-a-1234", "feature-a")];
  assert.equal(choose("feature-a", both), "feature-a-1234");
  assert.equal(choose("feature-a", [], "feature-a-1234"), "feature-a-1234");
  assert.equal(choose("feature-a", [holder("staging", "feature-a")]), "staging");
  // Another node's is not this one's.
  assert.equal(choose("feature-a", [holder("staging", "feature-a", "other")]), "feature-a");
  // What another branch has by now is lost.
  assert.match(
    choose("feature-a", [holder("feature-a", "feature/a")], "feature-a"),
    /^feature-a-[0-9a-f]{4}$/,
  );
});
