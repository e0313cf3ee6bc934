/** Finding one branch in what servers say. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  branchInAnswer,
  branchInRefs,
  isObjectId,
  lsRefsRequest,
  parseAdvertisement,
  RemoteMessage,
} from "../../../src/git/ls-refs.ts";
import { type Packet, PktLineError } from "../../../src/git/pkt-line.ts";

const a = "a".repeat(40);
const b = "b".repeat(40);

function lines(...texts: string[]): Packet[] {
  const packets: Packet[] = texts.map((text) => ({ type: "data", data: Buffer.from(text) }));
  return [...packets, { type: "flush" }];
}

test("a prefix finds longer names, too: only the exact one counts", () => {
  const answer = lines(`${a} refs/heads/main-2\n`, `${b} refs/heads/main\n`, `${a} refs/heads/main/x\n`);
  assert.deepEqual(branchInAnswer(answer, "main"), { kind: "head", commit: b });
  assert.deepEqual(branchInAnswer(answer, "mai"), { kind: "branch-missing" });
  assert.deepEqual(branchInAnswer(lines(), "main"), { kind: "branch-missing" });
});

test("an answer that lists no refs is refused, not read as an absent branch", () => {
  assert.throws(() => branchInAnswer(lines("hello"), "main"), PktLineError);
  assert.throws(() => branchInAnswer(lines("unborn HEAD\n"), "main"), PktLineError);
});

test("version 0 lists its refs, with capabilities after a NUL", () => {
  const found = parseAdvertisement(
    lines(`${a} HEAD\0multi_ack agent=git/2\n`, `${b} refs/heads/main\n`, `shallow ${a}`),
  );
  assert.ok(found.version === 0);
  assert.deepEqual(branchInRefs(found.refs, "main"), { kind: "head", commit: b });
  assert.deepEqual(branchInRefs(found.refs, "HEAD"), { kind: "branch-missing" });
});

test("an empty repository in version 0 has no branch", () => {
  const found = parseAdvertisement(lines(`${"0".repeat(40)} capabilities^{}\0agent=git/2`));
  assert.ok(found.version === 0);
  assert.deepEqual(branchInRefs(found.refs, "main"), { kind: "branch-missing" });
});

test("version 2 tells its object format, and has to know ls-refs", () => {
  const sha256 = lines("version 2\n", "ls-refs=unborn\n", "object-format=sha256\n");
  assert.deepEqual(parseAdvertisement(sha256), { version: 2, objectFormat: "sha256" });
  assert.deepEqual(parseAdvertisement(lines("version 2\n", "ls-refs\n")), {
    version: 2,
    objectFormat: "sha1",
  });
  assert.throws(() => parseAdvertisement(lines("version 2\n", "fetch\n")), PktLineError);
  assert.throws(() => parseAdvertisement(lines("version 2", "ls-refs", "object-format=md5")), PktLineError);
});

test("the server's own words are kept apart", () => {
  assert.throws(() => parseAdvertisement(lines("ERR access denied\n")), RemoteMessage);
  assert.throws(() => branchInAnswer(lines("ERR gone\n"), "main"), /^RemoteMessage: gone$/);
});

test("the request is the one of gitprotocol-v2(5)", () => {
  assert.equal(
    lsRefsRequest("main", "sha1").toString(),
    "0014command=ls-refs\n0017object-format=sha1\n0001001fref-prefix refs/heads/main\n0000",
  );
});

test("object ids are full, lower case and not null", () => {
  for (const good of [a, "0f".repeat(32)]) assert.ok(isObjectId(good));
  for (const bad of ["", "a", "A".repeat(40), "0".repeat(40), "a".repeat(41), `${a}\n`, `--${a.slice(2)}`])
    assert.ok(!isObjectId(bad), JSON.stringify(bad));
});
