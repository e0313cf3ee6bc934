import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  candidates,
  formatAddress,
  formatCidr,
  freeAddress,
  overlaps,
  parseAddress,
  parseCidr,
  upperHalf,
} from "../../../src/state/subnet.ts";

const address = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const cidr = fc.tuple(address, fc.integer({ min: 0, max: 32 })).map(([base, bits]) => {
  const parsed = parseCidr(`${formatAddress(base)}/${String(bits)}`);
  assert.ok(parsed !== null);
  return parsed;
});

test("addresses and blocks read back as they are written", () => {
  fc.assert(fc.property(address, (value) => assert.equal(parseAddress(formatAddress(value)), value)));
  fc.assert(fc.property(cidr, (value) => assert.deepEqual(parseCidr(formatCidr(value)), value)));
  for (const bad of ["", "10.0.0.0", "10.0.0/8", "10.0.0.256/8", "10.0.0.0/33", "::/0", "a.b.c.d/8"])
    assert.equal(parseCidr(bad), null);
});

test("two blocks overlap exactly when they share an address", () => {
  fc.assert(
    fc.property(cidr, cidr, (a, b) => {
      const end = (block: typeof a): number => block.base + 2 ** (32 - block.bits);
      assert.equal(overlaps(a, b), a.base < end(b) && b.base < end(a));
    }),
  );
});

test("static addresses are the lowest free ones, never the gateway's, never the engine's own half", () => {
  fc.assert(
    fc.property(fc.nat(255), fc.integer({ min: 0, max: 600 }), (index, count) => {
      const block = candidates("x")[index];
      assert.ok(block !== undefined);
      const gateway = formatAddress(block.base + 1);
      const used = new Set(Array.from({ length: count }, (_, at) => formatAddress(block.base + 2 + at)));
      const free = freeAddress(formatCidr(block), gateway, used);
      if (count >= 510) assert.equal(free, null);
      else {
        assert.equal(free, formatAddress(block.base + 2 + count));
        assert.ok((parseAddress(free) ?? 0) < upperHalf(block).base);
      }
    }),
  );
});

test("the candidates are all 256 blocks, in an order that is the environment's own", () => {
  const blocks = candidates("feature-auth").map(formatCidr);
  assert.equal(new Set(blocks).size, 256);
  assert.deepEqual(candidates("feature-auth").map(formatCidr), blocks);
  assert.notEqual(candidates("production").map(formatCidr)[0], blocks[0]);
});
