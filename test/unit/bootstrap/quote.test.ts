import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { it } from "node:test";
import fc from "fast-check";
import { shellCommand } from "../../../src/bootstrap/quote.ts";

it("leaves plain words readable and quotes the others", () => {
  assert.equal(
    shellCommand(["install", "-d", "/etc/orun", "a b", "it's", "$HOME", ""]),
    "install -d /etc/orun 'a b' 'it'\\''s' '$HOME' ''",
  );
});

it("gives a shell any arguments exactly as they are", () => {
  const word = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0") && text.isWellFormed());
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 6 }), (words) => {
      const seen = execFileSync("sh", ["-c", shellCommand(["printf", "%s\\0", ...words])], {
        encoding: "utf8",
      });
      assert.deepEqual(seen.split("\0").slice(0, -1), words);
    }),
    { numRuns: 60 },
  );
});

it("refuses what no shell can pass", () => {
  assert.throws(() => shellCommand(["a\0b"]), /NUL/);
});
