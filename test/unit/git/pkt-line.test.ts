/** pkt-line framing: whatever the network cuts, the same packets come out. */
import assert from "node:assert/strict";
import { test } from "node:test";
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
  fc.uint8Array({ maxLength: 300 }).map((data): Packet => ({ type: "data", data: Buffer.from(data) })),
  fc.constant<Packet>({ type: "flush" }),
  fc.constant<Packet>({ type: "delim" }),
);

function encoded(packets: readonly Packet[]): Buffer {
  return Buffer.concat(
    packets.map((one) => {
      if (one.type === "data") return encodePacket(one.data);
      return Buffer.from(one.type === "flush" ? flushPacket : delimiterPacket);
    }),
  );
}

test("decodes what was encoded, however it is cut", () => {
  fc.assert(
    fc.property(
      fc.array(packet, { maxLength: 20 }),
      fc.array(fc.nat(6000), { maxLength: 30 }),
      (packets, cuts) => {
        const bytes = encoded(packets);
        const decoder = createPacketDecoder();
        const ends = [...cuts.filter((cut) => cut < bytes.length), bytes.length].sort((a, b) => a - b);
        const found: Packet[] = [];
        let from = 0;
        for (const end of ends) {
          found.push(...decoder.push(bytes.subarray(from, end)));
          from = end;
        }
        assert.deepEqual(found, packets);
        assert.equal(decoder.pendingBytes(), 0);
      },
    ),
  );
});

test("keeps an incomplete packet waiting", () => {
  const decoder = createPacketDecoder();
  const bytes = encodePacket("hello\n");
  assert.equal(bytes.toString(), "000ahello\n");
  assert.deepEqual(decoder.push(bytes.subarray(0, 7)), []);
  assert.equal(decoder.pendingBytes(), 7);
  assert.deepEqual(decoder.push(bytes.subarray(7)), [{ type: "data", data: Buffer.from("hello\n") }]);
});

test("any bytes give packets or a PktLineError, nothing else", () => {
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

test("refuses what is no pkt-line, and data that is too long", () => {
  for (const text of ["<htm", "0003", "fff5", " 123", "-001", "0x12"])
    assert.throws(() => createPacketDecoder().push(Buffer.from(text)), PktLineError, text);
  assert.equal(encodePacket(Buffer.alloc(65_516)).toString("latin1", 0, 4), "fff0");
  assert.throws(() => encodePacket(Buffer.alloc(65_517)), RangeError);
});
