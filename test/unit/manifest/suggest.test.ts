import assert from "node:assert/strict";
import { test } from "node:test";
import { suggest } from "../../../src/manifest/suggest.ts";

const fields = ["image", "build", "ports", "health", "replicas", "containerPort", "readOnlyRootFilesystem"];

for (const [word, meant] of [
  ["imgae", "image"],
  ["iamge", "image"],
  ["Image", "image"],
  ["port", "ports"],
  ["containerport", "containerPort"],
  ["replica", "replicas"],
  ["readOnlyRootFileSystem", "readOnlyRootFilesystem"],
  ["readOnly", "readOnlyRootFilesystem"],
  ["status", null],
  ["x", null],
  ["", null],
  ["a".repeat(1000), null],
] as const) {
  test(`'${word.slice(0, 30)}' means ${String(meant)}`, () => {
    assert.equal(suggest(word, fields), meant);
  });
}
