import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatDuration, parseDuration } from "../../../src/manifest/duration.ts";

test("durations are Go's, and days", () => {
  for (const [text, ms] of [
    ["500ms", 500],
    ["1h30m", 5_400_000],
    ["1.5s", 1500],
    ["7d", 604_800_000],
    ["0s", 0],
    ["1m0.5s", 60_500],
  ] as const)
    assert.equal(parseDuration(text), ms, text);
});

test("what is no duration is refused", () => {
  for (const text of [
    "",
    "5",
    "s",
    "-5s",
    "+5s",
    "5 s",
    "5S",
    ".5s",
    "5us",
    "1e3s",
    "9999999999999999d",
    "5s ",
    "٥s",
  ])
    assert.equal(parseDuration(text), null, text);
});

test("what is written is read back", () => {
  fc.assert(
    fc.property(fc.nat(Number.MAX_SAFE_INTEGER), (ms) => {
      assert.equal(parseDuration(formatDuration(ms)), ms);
    }),
  );
});

test("parts add up, in any order", () => {
  const part = fc.tuple(fc.nat(10_000), fc.constantFrom("ms", "s", "m", "h", "d"));
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
      const texts = parts.map(([amount, unit]) => `${String(amount)}${unit}`);
      const sum = texts.reduce((total, text) => total + (parseDuration(text) ?? Number.NaN), 0);
      assert.equal(parseDuration(texts.join("")), sum);
      assert.equal(parseDuration(texts.toReversed().join("")), sum);
    }),
  );
});

test("no text makes it throw or answer anything but whole ms", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const ms = parseDuration(text);
      assert.ok(ms === null || (Number.isSafeInteger(ms) && ms >= 0));
    }),
  );
});
