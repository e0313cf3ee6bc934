import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { renderText } from "../../../src/manifest/diagnostic.ts";
import { parseManifests, type ParseCache } from "../../../src/manifest/parse.ts";
import { checkReferences } from "../../../src/manifest/references.ts";
import { deployment, file, manifest, messages, specOf } from "./manifests.ts";

test("env: a plain scalar is its source text, a quoted one its value, null is empty", () => {
  const { env } = specOf(`
  env:
    PLAIN: 1.10
    QUOTED: "a\\tb"
    BLOCK: |
      two
      lines
    NOTHING:
    TILDE: ~
    OCTAL: 0o17
    YES: yes`);
  assert.deepEqual(
    { ...env },
    {
      PLAIN: "1.10",
      QUOTED: "a\tb",
      BLOCK: "two\nlines\n",
      NOTHING: "",
      TILDE: "",
      OCTAL: "0o17",
      YES: "yes",
    },
  );
});

test("env: the source text survives an alias and a merge", () => {
  const { env } = specOf(`
  env:
    A: &version 1.10
    B: *version`);
  assert.deepEqual({ ...env }, { A: "1.10", B: "1.10" });
});

for (const value of ["[a]", "{a: b}", "!!str 5", "!custom 5"]) {
  test(`env: ${value} is refused`, () => {
    const parsed = parseManifests([deployment("app", `\n  env:\n    A: ${value}`)]);
    assert.deepEqual(
      parsed.invalid.map((item) => item.name),
      ["app"],
    );
  });
}

test("a misspelt field is named with its position and the field that was meant, and no secret is shown", () => {
  const parsed = parseManifests([deployment("app", "\n  replica: 2\n  env: {TOKEN: [s3cret]}")]);
  assert.equal(parsed.diagnostics.length, 2);
  const text = parsed.diagnostics.map(renderText).join("\n");
  assert.match(text, /deployments\/app\.yaml:7:3: error: .*did you mean 'replicas'\?/);
  assert.doesNotMatch(text, /s3cret/);
});

test("a document with an error holds back that resource alone, and every error is reported", () => {
  const parsed = parseManifests([
    deployment("good"),
    file(
      "deployments/two.yaml",
      `${manifest("Deployment", "bad", "  image: A")}---\n${manifest("Deployment", "fine", "  image: a")}`,
    ),
    deployment("worse", "\n  replicas: many"),
  ]);
  assert.deepEqual(
    parsed.resources.map((item) => item.name),
    ["good", "fine"],
  );
  assert.deepEqual(
    parsed.invalid.map((item) => item.name),
    ["bad", "worse"],
  );
  assert.equal(parsed.unidentified, false);
});

test("a name that cannot be read, or is written twice, forbids pruning", () => {
  for (const content of ["kind: Deployment\n", "a: [", "kind: Deployment\nmetadata: {name: a, name: b}\n"])
    assert.equal(parseManifests([file("deployments/a.yaml", content)]).unidentified, true, content);
});

test("kind and name defined twice: both are held, each message names the other place", () => {
  const again = { ...deployment("app"), path: "deployments/z.yaml" };
  const parsed = parseManifests([deployment("app"), again]);
  assert.equal(parsed.resources.length, 0);
  assert.match(messages(parsed).join("\n"), /z\.yaml:1[^]*app\.yaml:1/);
});

for (const [what, content] of [
  [
    "an alias bomb",
    `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefgh"
      .split("")
      .map(
        (key, index) =>
          `${key}: &${key} [${Array(9)
            .fill(`*${"abcdefg"[index] ?? ""}`)
            .join(",")}]`,
      )
      .join("\n")}`,
  ],
  ["deep nesting", "[".repeat(100_000)],
  ["a large file", "#".repeat(1024 * 1024 + 1)],
  ["__proto__", manifest("Deployment", "a", "  image: a\n  __proto__: {suspend: true}")],
  ["a bidirectional key", manifest("Deployment", "a", '  image: a\n  "x\u202ey": 1')],
  ["a duplicate key", manifest("Deployment", "a", "  image: a\n  image: b")],
  ["a status", `${manifest("Deployment", "a", "  image: a")}status: {}\n`],
] as const) {
  test(`${what} is a diagnostic`, () => {
    const parsed = parseManifests([file("deployments/a.yaml", content)]);
    assert.equal(parsed.resources.length, 0);
    assert.notEqual(parsed.diagnostics.length, 0);
  });
}

test("a comment is no document; a kind in another kind's folder is a warning", () => {
  assert.equal(parseManifests([file("nodes/a.yaml", "# nothing\n")]).documents, 0);
  const parsed = parseManifests([{ ...deployment("app"), path: "services/app.yaml" }]);
  assert.deepEqual(
    parsed.diagnostics.map((item) => item.severity),
    ["warning"],
  );
  assert.equal(parsed.resources.length, 1);
});

test("never throws, and no text is read as valid and invalid at once", () => {
  const valid = deployment("app", "\n  env:\n    A: 1\n  ports:\n    - containerPort: 80").content;
  const mutated = fc
    .tuple(fc.nat(valid.length), fc.nat(20), fc.string({ unit: "binary", maxLength: 12 }))
    .map(([at, cut, text]) => valid.slice(0, at) + text + valid.slice(at + cut));
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), mutated), (content) => {
      const parsed = parseManifests([file("deployments/a.yaml", content)]);
      checkReferences(parsed);
      parsed.diagnostics.forEach(renderText);
      assert.ok(parsed.documents === 0 || parsed.resources.length + parsed.diagnostics.length > 0);
    }),
    { numRuns: 500 },
  );
});

test("an unchanged file is not parsed again, a removed one is forgotten", () => {
  const cache: ParseCache = new Map();
  const first = parseManifests([deployment("a"), deployment("b")], cache);
  const second = parseManifests([deployment("a")], cache);
  assert.equal(second.resources[0], first.resources[0]);
  assert.equal(cache.size, 1);
});

test("the quick start's manifests are valid", () => {
  const root = join(import.meta.dirname, "../../../examples/quickstart");
  const files = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".yaml"))
    .map((path) => file(path, readFileSync(join(root, path), "utf8")));
  const parsed = parseManifests(files);
  assert.deepEqual(
    new Set(parsed.resources.map((item) => item.kind)),
    new Set(["Node", "Deployment", "Service"]),
  );
  assert.deepEqual([...parsed.diagnostics, ...checkReferences(parsed).diagnostics].map(renderText), []);
});
