import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { renderText } from "../../../src/manifest/diagnostic.ts";
import { parseManifests } from "../../../src/manifest/parse.ts";
import { frameLines } from "../../../src/manifest/source-line.ts";
import { file, manifest } from "./manifests.ts";

function linesOf(content: string): string[] {
  const starts = [0, ...[...content.matchAll(/\n/g)].map((match) => match.index + 1)];
  const frame = frameLines(content, starts);
  return starts.map((_, index) => frame(index + 1));
}

test("values of env and of options are masked, everything else is shown", () => {
  const content = `spec:
  image: nginx
  env:
    TOKEN: secret
    # a comment about secret
    BLOCK: |
      secret: secret
    FLOW: {a: secret}
  args: [shown]
  env: {A: secret}
  logging:
    options:
      token: secret
    driver: shown
  env:
  - A=secret
  - name: A
    value: secret
  user: shown`;
  assert.deepEqual(linesOf(content), [
    "spec:",
    "  image: nginx",
    "  env:",
    "    TOKEN: ***",
    "    ***",
    "    BLOCK: ***",
    "      ***",
    "    FLOW: ***",
    "  args: [shown]",
    "  env: ***",
    "  logging:",
    "    options:",
    "      token: ***",
    "    driver: shown",
    "  env:",
    "  ***",
    "  ***",
    "    ***",
    "  user: shown",
  ]);
});

test("what cannot be parsed is masked by its text", () => {
  for (const content of [
    'spec:\n  env:\n    A: "secret\nsecret\n',
    "spec:\n  env: {A: secret,\nB: secret\n",
    '{"spec": {"env": {\n"A": "secret"',
    '{"spec": {"image": "a", "env": {"A": "secret"}}}',
    "spec:\n  env: [secret",
    "? env\n: A: secret",
  ])
    assert.doesNotMatch(linesOf(content).join("\n"), /secret/, content);
});

test("credentials in a URL are masked", () => {
  assert.deepEqual(linesOf("  gitRepo: https://me:secret@example.com/a"), [
    "  gitRepo: https://***@example.com/a",
  ]);
});

test("control characters become visible, one for one, and a long line is cut", () => {
  assert.deepEqual(linesOf("a:\t\u001b[2J\u202e"), ["a: \u241b[2J\ufffd"]);
  assert.equal(linesOf("x".repeat(1000))[0]?.length, 200);
});

test("whatever is wrong with a manifest, no env value is in what is said about it", () => {
  const secret = "hunter2hunter2";
  const text = manifest(
    "Deployment",
    "app",
    `  image: a\n  env:\n    PLAIN: ${secret}\n    QUOTED: "${secret}"\n    BLOCK: |\n      ${secret}\n      X: ${secret}\n    TAGGED: !!str ${secret}\n    LIST: [${secret}]\n  args: [a]`,
  );
  const breaking = fc.constantFrom(
    '"',
    "'",
    "[",
    "]",
    "{",
    "}",
    ":",
    "- ",
    "\n",
    "\t",
    "&",
    "*",
    "!",
    "|",
    "#",
    " ",
    "%",
    "@",
    ": ",
  );
  fc.assert(
    fc.property(fc.nat(text.length), fc.array(breaking, { minLength: 1, maxLength: 3 }), (at, parts) => {
      const broken = text.slice(0, at) + parts.join("") + text.slice(at);
      // Breaking the word `env` itself, or its indentation, makes another field of it, which nobody can know to be secret.
      const env = text.indexOf("  env:");
      if (at >= env - 1 && at <= env + 7) return;
      const parsed = parseManifests([file("deployments/a.yaml", broken)]);
      assert.doesNotMatch(parsed.diagnostics.map(renderText).join("\n"), /hunter2hunter2/);
      assert.doesNotMatch(JSON.stringify(parsed.diagnostics), /hunter2hunter2/);
    }),
    { numRuns: 500 },
  );
});
