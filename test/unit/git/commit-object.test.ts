/** The facts of a commit, written by strangers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseCommit } from "../../../src/git/commit-object.ts";

const id = "a".repeat(40);

function commit(message: string, extra = "", author = "Ada Lovelace"): Buffer {
  const tree = `tree ${"b".repeat(40)}\n`;
  const who = `author ${author} <ada@example.com> 1 +0000\ncommitter C <c@example.com> 1700000000 +0100\n`;
  return Buffer.from(`${tree}${who}${extra}\n${message}`);
}

test("reads author, committer's time and subject", () => {
  assert.deepEqual(parseCommit(id, commit("Bring up\nweb-01\n\nBody\n")), {
    id,
    author: "Ada Lovelace",
    subject: "Bring up web-01",
    time: 1_700_000_000_000,
  });
});

test("decodes what the encoding header names", () => {
  const bytes = Buffer.concat([commit("", "encoding ISO-8859-1\n"), Buffer.from([0x47, 0xfc, 0x6e])]);
  assert.equal(parseCommit(id, bytes).subject, "G\u00fcn");
  assert.equal(parseCommit(id, commit("x", "encoding none-such\n")).subject, "x");
});

test("replaces control, bidi and escape characters, and ends long subjects", () => {
  const { author, subject } = parseCommit(id, commit("a\u001b[31m\u202eb\u0085c", "", "E\u0007ve"));
  assert.doesNotMatch(author + subject, /[\p{Cc}\p{Cf}]/u);
  assert.ok(parseCommit(id, commit("x".repeat(5000))).subject.length <= 201);
});

test("a signature's blank-looking lines do not end the header early", () => {
  const signed = commit(
    "Subject\n",
    "gpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----\n",
  );
  assert.equal(parseCommit(id, signed).subject, "Subject");
});

test("never throws", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => parseCommit(id, Buffer.from(bytes)).id === id),
  );
});
