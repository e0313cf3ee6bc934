import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseManifests } from "../../../src/manifest/parse.ts";
import { deployment, file, manifest } from "./manifests.ts";

/** An invalid document is never read as a deleted one (SPEC 2): its name is known to be held, or nothing is pruned. */
function keeps(name: string, content: string): boolean {
  const parsed = parseManifests([file("deployments/a.yaml", content)]);
  return parsed.unidentified || [...parsed.resources, ...parsed.invalid].some((item) => item.name === name);
}

test("an error beside the name, which makes it unreadable, forbids pruning", () => {
  for (const content of [
    manifest("Deployment", "hello\n   labels: x", "  image: a"),
    manifest("Deployment", '"hello', "  image: a"),
    manifest("Deployment", "Hello", "  image: a"),
    manifest("Deployment", "[hello]", "  image: a"),
    manifest("Deployments", "hello", "  image: a"),
    `kind: Deployment\n${manifest("Deployment", "hello", "  image: a")}`,
  ])
    assert.ok(keeps("hello", content), content);
});

test("a quote or bracket that is not closed swallows no other document", () => {
  for (const broken of [
    '  image: "a',
    "  image: 'a",
    "  args: [a",
    "  env: {A: b",
    "  args: !<a",
    "  image: |\n a",
  ]) {
    const content = ["one", "two", "three"]
      .map((name) => manifest("Deployment", name, name === "one" ? broken : "  image: a"))
      .join("---\n");
    const parsed = parseManifests([file("deployments/a.yaml", content)]);
    assert.deepEqual(
      parsed.resources.map((item) => item.name),
      ["two", "three"],
      broken,
    );
    assert.ok(keeps("one", content), broken);
  }
});

test("comments, separators and directives alone are no documents, and forbid nothing", () => {
  for (const content of [
    "",
    "# a\n",
    "---\n",
    "---\n# a\n---\n",
    "---\n...\n",
    "\ufeff# a\n",
    "%YAML 1.2\n---\n# a\n",
  ]) {
    const parsed = parseManifests([file("deployments/a.yaml", content)]);
    assert.deepEqual([parsed.documents, parsed.unidentified, parsed.diagnostics], [0, false, []], content);
  }
  const { content } = deployment("a");
  const parsed = parseManifests([file("deployments/a.yaml", `# first\n---\n${content}...\n---\n# last\n`)]);
  assert.deepEqual([parsed.documents, parsed.resources.length, parsed.unidentified], [1, 1, false]);
});

test("one broken document of many: the others keep their names, whatever is broken", () => {
  const names = ["alpha", "bravo", "charlie"];
  const texts = names.map((name) => manifest("Deployment", name, "  image: app:1\n  env:\n    A: 'b'"));
  fc.assert(
    fc.property(
      fc.nat(texts[1]?.length ?? 0),
      fc.nat(8),
      fc.stringMatching(/^[^\n-]{0,6}$/),
      (at, cut, put) => {
        const middle = texts[1] ?? "";
        const mutated = middle.slice(0, at) + put + middle.slice(at + cut);
        const parsed = parseManifests([
          file("deployments/a.yaml", [texts[0], mutated, texts[2]].join("---\n")),
        ]);
        const known = [...parsed.resources, ...parsed.invalid].map((item) => item.name);
        // Cutting at its end may join it with the next one, which YAML then reads as a part of it.
        if (at + cut >= middle.length) return;
        assert.ok(known.includes("alpha") && known.includes("charlie"), JSON.stringify(mutated));
      },
    ),
    { numRuns: 500 },
  );
});
