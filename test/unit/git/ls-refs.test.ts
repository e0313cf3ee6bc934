import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import {
  branchInAnswer,
  branchInRefs,
  isObjectId,
  lsRefsRequest,
  parseAdvertisement,
  RemoteMessage,
} from "../../../src/git/ls-refs.ts";
import { createPacketDecoder, type Packet, PktLineError } from "../../../src/git/pkt-line.ts";

const id = "a".repeat(40);

function lines(...texts: string[]): Packet[] {
  return texts.map((text) => ({ type: "data", data: Buffer.from(`${text}\n`) }));
}

suite("ls-refs", () => {
  test("an advertisement of version 2", () => {
    const packets = lines(
      "version 2",
      "agent=git/2.39",
      "ls-refs=unborn",
      "fetch=shallow",
      "object-format=sha256",
    );
    assert.deepEqual(parseAdvertisement(packets), { version: 2, objectFormat: "sha256" });
    assert.deepEqual(parseAdvertisement(lines("version 2", "ls-refs")), { version: 2, objectFormat: "sha1" });
    assert.throws(() => parseAdvertisement(lines("version 2", "fetch")), PktLineError);
    assert.throws(() => parseAdvertisement(lines("version 2", "ls-refs", "object-format=md5")), PktLineError);
  });

  test("an advertisement of version 0 or 1", () => {
    const refs = [`${id} HEAD\0multi_ack side-band`, `${id} refs/heads/main`, `shallow ${id}`];
    for (const packets of [lines(...refs), lines("version 1", ...refs)]) {
      const parsed = parseAdvertisement(packets);
      assert.ok(parsed.version === 0);
      assert.deepEqual(branchInRefs(parsed.refs, "main"), { kind: "head", commit: id });
      assert.deepEqual(branchInRefs(parsed.refs, "mai"), { kind: "branch-missing" });
    }
    const empty = parseAdvertisement(lines(`${"0".repeat(40)} capabilities^{}\0side-band`));
    assert.ok(empty.version === 0);
    assert.equal(empty.refs.size, 0);
  });

  test("the server's own words", () => {
    assert.throws(() => parseAdvertisement(lines("ERR access denied")), new RemoteMessage("access denied"));
    assert.throws(() => branchInAnswer(lines("ERR no"), "main"), RemoteMessage);
  });

  test("only the very branch counts", () => {
    const answer = lines(`${id} refs/heads/main-2`, `${"b".repeat(40)} refs/heads/main symref-target:x`);
    assert.deepEqual(branchInAnswer(answer, "main"), { kind: "head", commit: "b".repeat(40) });
    assert.deepEqual(branchInAnswer(lines(`${id} refs/heads/main-2`), "main"), { kind: "branch-missing" });
    assert.deepEqual(branchInAnswer([], "main"), { kind: "branch-missing" });
    assert.throws(() => branchInAnswer(lines("<html>"), "main"), PktLineError);
  });

  test("the request is four packets around a delimiter", () => {
    const packets = createPacketDecoder().push(lsRefsRequest("feature/ü", "sha1"));
    const shown = packets.map((packet) => (packet.type === "data" ? packet.data.toString() : packet.type));
    assert.deepEqual(shown, [
      "command=ls-refs\n",
      "object-format=sha1\n",
      "delim",
      "ref-prefix refs/heads/feature/ü\n",
      "flush",
    ]);
  });

  test("any packets are an advertisement or refused", () => {
    const data = fc
      .uint8Array({ maxLength: 80 })
      .map((bytes): Packet => ({ type: "data", data: Buffer.from(bytes) }));
    fc.assert(
      fc.property(fc.array(data), (packets) => {
        try {
          parseAdvertisement(packets);
        } catch (error) {
          assert.ok(error instanceof PktLineError || error instanceof RemoteMessage);
        }
      }),
    );
  });

  test("object ids are full, lower case and not null", () => {
    assert.equal(isObjectId(id), true);
    assert.equal(isObjectId("a".repeat(64)), true);
    for (const text of [
      "",
      "a".repeat(39),
      "a".repeat(41),
      "A".repeat(40),
      "0".repeat(40),
      `${id}\n`,
      "main",
    ]) {
      assert.equal(isObjectId(text), false);
    }
  });
});
