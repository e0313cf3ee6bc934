import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatDockerSize, parseCpus, parseSize } from "../../../src/manifest/quantity.ts";

const MIB = 1024 ** 2;

test("every unit of size is binary, as Docker has it", () => {
  for (const text of ["64m", "64M", "64Mi", "64MB", "64MiB", "64 MiB", "65536k", "67108864"])
    assert.equal(parseSize(text), 64 * MIB, text);
  assert.equal(parseSize("1.5Gi"), 1536 * MIB);
  assert.equal(parseSize("12b"), 12);
});

test("what is no size is refused", () => {
  for (const text of ["", "m", "-1m", "1x", "1mm", "1 m i", "1e3", "0x10", "1ki b", "9999999999999999t"])
    assert.equal(parseSize(text), null, text);
});

test("Docker's form of a size is read back", () => {
  fc.assert(
    fc.property(fc.nat(Number.MAX_SAFE_INTEGER), (bytes) => {
      assert.equal(parseSize(formatDockerSize(bytes)), bytes);
      assert.match(formatDockerSize(bytes), /^\d+[kmg]?$/);
    }),
  );
  assert.equal(formatDockerSize(10 * MIB), "10m");
});

test("CPUs are a number, or thousandths", () => {
  assert.equal(parseCpus("0.5"), 0.5);
  assert.equal(parseCpus("500m"), 0.5);
  assert.equal(parseCpus("2"), 2);
  for (const text of ["", "0", "0m", "-1", "1e3", "fast", "2000", "1.5.2"])
    assert.equal(parseCpus(text), null, text);
});
