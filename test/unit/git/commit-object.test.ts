import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseCommit } from "../../../src/git/commit-object.ts";

const id = "a".repeat(40);

function commit(author: string, message: string, extra = ""): Buffer {
  return Buffer.from(
    `tree ${id}\nparent ${id}\nauthor ${author} 1700000000 +0100\ncommitter C <c@x> 1700000001 +0100\n${extra}\n${message}`,
  );
}

test("author, subject and time", () => {
  assert.deepEqual(parseCommit(id, commit("Ada Lovelace <ada@x>", "One\nand two\n\nBody\n")), {
    id,
    author: "Ada Lovelace",
    subject: "One and two",
    time: 1_700_000_001_000,
  });
});

test("a signed commit, no name, no message, an old encoding", () => {
  const signature =
    "gpgsig -----BEGIN PGP SIGNATURE-----\n \n author Eve <e@x> 1 +0000\n -----END PGP SIGNATURE-----\n";
  assert.equal(parseCommit(id, commit("A <a@x>", "Signed\n", signature)).subject, "Signed");
  assert.equal(parseCommit(id, commit("A <a@x>", "Signed\n", signature)).author, "A");
  assert.equal(parseCommit(id, commit("<only@x>", "x")).author, "only@x");
  assert.equal(parseCommit(id, commit("A <a@x>", "")).subject, "");
  const latin = Buffer.from(
    commit("J\u00fcrgen <j@x>", "Gr\u00fc\u00dfe", "encoding ISO-8859-1\n").toString(),
    "latin1",
  );
  assert.deepEqual([parseCommit(id, latin).author, parseCommit(id, latin).subject], ["Jürgen", "Grüße"]);
});

test("control, format and bidi characters are replaced, and length is limited", () => {
  const { author, subject } = parseCommit(
    id,
    commit("E\u001bve\u202e <e@x>", `a\u0007b\u2028c${"x".repeat(500)}`),
  );
  assert.equal(author, "E\uFFFDve\uFFFD");
  assert.ok(subject.startsWith("a\uFFFDb\uFFFDcx"));
  assert.equal(subject.length, 201);
});

test("any bytes are a commit of some kind", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const parsed = parseCommit(id, Buffer.from(bytes));
      assert.doesNotMatch(parsed.subject + parsed.author, /[\p{Cc}]/u);
      assert.ok(Number.isFinite(parsed.time));
    }),
  );
});
