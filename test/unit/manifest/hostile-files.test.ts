import assert from "node:assert/strict";
import { test } from "node:test";
import { renderText } from "../../../src/manifest/diagnostic.ts";
import { parseManifests, type ParsedManifests } from "../../../src/manifest/parse.ts";
import { checkReferences } from "../../../src/manifest/references.ts";
import { deployment, file, manifest, messages } from "./manifests.ts";

const MIB = 1024 * 1024;

function refused(content: string, expected: RegExp): ParsedManifests {
  const parsed = parseManifests([deployment("good"), file("deployments/z.yaml", content)]);
  assert.deepEqual(
    parsed.resources.map((item) => item.name),
    ["good"],
  );
  assert.match(messages(parsed).join("\n"), expected);
  return parsed;
}

test("an alias bomb is cut off, and its document's name is known all the same", () => {
  const levels = Array.from({ length: 9 }, (_, index) => {
    const inner = index === 0 ? "x" : `*a${String(index - 1)}`;
    return `    k${String(index)}: &a${String(index)} [${Array<string>(9).fill(inner).join(", ")}]`;
  });
  const content = manifest("Deployment", "bomb", `  image: a\n  nodeSelector:\n${levels.join("\n")}`);
  const parsed = refused(content, /more than 50000 values, aliases expanded/);
  assert.deepEqual(
    parsed.invalid.map((item) => item.name),
    ["bomb"],
  );
});

test("an alias of itself, and one without an anchor", () => {
  refused(manifest("Deployment", "a", "  image: a\n  nodeSelector: &me {a: *me}"), /alias has no anchor/);
  refused(manifest("Deployment", "a", "  image: *gone"), /alias has no anchor/);
});

test("depth, size and number of values have caps", () => {
  const deep = `${"[".repeat(60)}${"]".repeat(60)}`;
  refused(manifest("Deployment", "a", `  image: a\n  args: ${deep}`), /more than 40 levels deep/);
  refused("[".repeat(500_000), /nested too deeply/);
  refused("- ".repeat(400_000), /nested too deeply/);
  refused(`a: 1\n${"b: 1\n".repeat(150_000)}`, /100,000 values/);
  refused("#".repeat(MIB + 1), /larger than 1 MiB/);
  refused(
    manifest("Deployment", "a", `  image: a\n  args: [${"x,".repeat(60_000)}]`),
    /50000 values|100,000 values/,
  );
});

test("keys are compared once each, not with each other", () => {
  const keys = Array.from({ length: 20_000 }, (_, index) => `    k${String(index)}: x`).join("\n");
  const parsed = parseManifests([
    file("deployments/a.yaml", manifest("Deployment", "a", `  image: a\n  env:\n${keys}`)),
  ]);
  assert.deepEqual(messages(parsed), []);
});

test("control and invisible characters in a file, a path and a key", () => {
  refused(manifest("Deployment", "a", "  image: a\u0000"), /control character \\u0000/);
  refused(manifest("Deployment", "a", "  image: a # \u001b[2J"), /control character \\u001b/);
  refused(manifest("Deployment", "a", "  image: a\n  env: {A\u200bB: 1}"), /not allowed: it has control/);
  const parsed = parseManifests([{ ...deployment("a"), path: "deployments/\u202ea.yaml" }]);
  assert.deepEqual([parsed.resources.length, parsed.unidentified], [0, true]);
  assert.doesNotMatch(parsed.diagnostics.map(renderText).join(), /\u202e/);
});

test("tags, hostile and doubled keys", () => {
  refused(manifest("Deployment", "a", "  image: !!binary aGk="), /tag '!!binary' is not allowed/);
  refused(manifest("Deployment", "a", "  image: !local a"), /tag '!local' is not allowed/);
  for (const key of ["__proto__", "constructor", "prototype"])
    refused(
      manifest("Deployment", "a", `  image: a\n  env: {${key}: x}`),
      new RegExp(`key '${key}' is not allowed`),
    );
  refused(
    manifest("Deployment", "a", "  image: a\n  image: b"),
    /duplicate key 'image': it is already there on line 6/,
  );
  refused(manifest("Deployment", "a", "  image: a\n  ? [a, b]\n  : c"), /expected a text as a key/);
  assert.equal(Object.hasOwn(Object.prototype, "suspend"), false);
});

test("thousands of names, doubled or in a knot, stay cheap to check", () => {
  const same = Array.from({ length: 1000 }, (_, index) => ({
    ...deployment("a"),
    path: `deployments/${String(index)}.yaml`,
  }));
  const doubled = parseManifests(same);
  assert.equal(doubled.invalid.length, 1000);
  const ring = Array.from({ length: 1000 }, (_, index) =>
    deployment(`d${String(index)}`, `\n  dependsOn: [d${String((index + 1) % 1000)}]`),
  );
  assert.equal(checkReferences(parseManifests(ring)).held.length, 1000);
});
