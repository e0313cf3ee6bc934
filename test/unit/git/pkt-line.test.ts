import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import {
  createPacketDecoder,
  delimiterPacket,
  encodePacket,
  flushPacket,
  type Packet,
  PktLineError,
} from "../../../src/git/pkt-line.ts";

const packet: fc.Arbitrary<Packet> = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes): Packet => ({ type: "data", data: Buffer.from(bytes) })),
  fc.constantFrom<Packet>({ type: "flush" }, { type: "delim" }, { type: "response-end" }),
);

function encode(one: Packet): Buffer {
  switch (one.type) {
    case "data":
      return encodePacket(one.data);
    case "flush":
      return Buffer.from(flushPacket);
    case "delim":
      return Buffer.from(delimiterPacket);
    case "response-end":
      return Buffer.from("0002");
  }
}

suite("pkt-line", () => {
  test("the examples of gitprotocol-common", () => {
    assert.equal(encodePacket("a\n").toString(), "0006a\n");
    assert.equal(encodePacket("").toString(), "0004");
    assert.equal(encodePacket("foobar\n").toString(), "000bfoobar\n");
  });

  test("what is encoded is decoded, however it is cut into chunks", () => {
    fc.assert(
      fc.property(
        fc.array(packet, { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 50 })),
        (packets, cuts) => {
          const bytes = Buffer.concat(packets.map(encode));
          const decoder = createPacketDecoder();
          const decoded: Packet[] = [];
          let at = 0;
          for (const cut of [...cuts, bytes.length]) {
            decoded.push(...decoder.push(bytes.subarray(at, at + cut)));
            at += cut;
          }
          assert.deepEqual(decoded, packets);
          assert.equal(decoder.pendingBytes(), 0);
        },
      ),
    );
  });

  test("any bytes are packets, wait for more, or are refused with a PktLineError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          createPacketDecoder().push(Buffer.from(bytes));
        } catch (error) {
          assert.ok(error instanceof PktLineError);
        }
      }),
    );
  });

  test("lengths that do not exist are refused, and too much data cannot be encoded", () => {
    for (const text of ["0003", "fff1", "zzzz", "<htm"]) {
      assert.throws(() => createPacketDecoder().push(Buffer.from(text)), PktLineError);
    }
    assert.equal(encodePacket(Buffer.alloc(65516)).length, 65520);
    assert.throws(() => encodePacket(Buffer.alloc(65517)), RangeError);
  });
});
