import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readUpstreams, switchTo } from "../../../src/caddy/upstream-names.ts";

/** What Caddy's file matcher and regular expression make of a folder, for a client port that ends in `digit`. */
function asCaddy(names: readonly string[], digit: number): string[] | null {
  const sorted = [...names].sort();
  const chosen =
    sorted.find((name) => /^[^/]*,-,/.test(name)) ??
    sorted.find((name) => name.includes(`,${String(digit)},`));
  const match = chosen === undefined ? null : /^[0-9]{8},[-0-9]((?:,[0-9.]+:[0-9]+){10})$/.exec(chosen);
  return match === null ? null : [...new Set((match[1] ?? "").slice(1).split(","))].sort();
}

const address = fc
  .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 1, max: 65_535 }))
  .map(([last, port]) => `255.255.255.${String(last)}:${String(port)}`);

describe("upstreams as file names", () => {
  it("read back as they were written, through any number of switches, and fit into a file name", () => {
    fc.assert(
      fc.property(fc.array(fc.uniqueArray(address, { maxLength: 100 }), { maxLength: 8 }), (switches) => {
        let names: string[] = [];
        for (const upstreams of switches) {
          const { add, remove } = switchTo(names, upstreams);
          names = [...new Set([...names, ...add])];
          // From the moment that the last name was added nothing else is used, whatever is removed when.
          const wanted = [...upstreams].sort();
          if (wanted.length > 0 && wanted.length <= 10)
            for (const digit of [0, 3, 9]) assert.deepEqual(asCaddy(names, digit), wanted);
          names = names.filter((name) => !remove.includes(name));
          assert.deepEqual(readUpstreams(names), wanted);
          const used = Array.from({ length: 10 }, (_, digit) => asCaddy(names, digit));
          if (wanted.length === 0) assert.ok(used.every((item) => item === null));
          else assert.deepEqual([...new Set(used.flatMap((item) => item ?? []))].sort(), wanted);
          for (const name of names) assert.ok(Buffer.byteLength(name) <= 255, name);
          assert.ok(names.length <= 40, String(names.length));
          assert.deepEqual(switchTo(names, upstreams), { add: [], remove: [] });
        }
      }),
    );
  });

  it("keeps the names before, for a request that chose one just before the switch", () => {
    const first = switchTo([], ["10.0.0.1:80"]).add;
    const second = switchTo(first, ["10.0.0.2:80"]);
    assert.deepEqual(second.remove, []);
    assert.equal([...first, ...second.add].sort()[0], second.add[0]);
  });

  it("tells a folder that nobody wrote to from one that leads nowhere", () => {
    assert.equal(readUpstreams([]), null);
    assert.equal(readUpstreams(["something else"]), null);
    assert.deepEqual(readUpstreams(switchTo([], []).add), []);
  });

  it("passes over what is no address", () => {
    const { add } = switchTo([], ["10.0.0.1:80", "evil/../name:80", "{env.HOME}:80", "10.0.0.1:80,x"]);
    assert.deepEqual(readUpstreams(add), ["10.0.0.1:80"]);
  });
});
