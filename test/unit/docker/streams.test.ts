import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { demultiplexer } from "../../../src/docker/demultiplex.ts";
import { lineSplitter } from "../../../src/docker/lines.ts";

const cut = (data: Buffer, sizes: readonly number[]): Buffer[] => {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const size of [...sizes, data.length]) {
    chunks.push(data.subarray(at, at + size));
    at += size;
  }
  return chunks;
};
const sizes = fc.array(fc.integer({ min: 1, max: 9 }));

test("lines are the same however the bytes are cut", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme" })), sizes, (parts, cuts) => {
      const lines = parts.map((part) => part.replaceAll("\n", ""));
      const seen: string[] = [];
      const splitter = lineSplitter((line) => seen.push(line));
      const data = Buffer.from(lines.map((line) => `${line}\n`).join(""));
      for (const chunk of cut(data, cuts)) splitter.push(chunk);
      splitter.end();
      assert.deepEqual(seen, lines);
    }),
  );
});

test("a line that is too long is cut, and the next one is whole", () => {
  const seen: string[] = [];
  const splitter = lineSplitter((line) => seen.push(line), 4);
  for (const text of ["abc", "defg", "hi\nnext", "\nlast"]) splitter.push(Buffer.from(text));
  splitter.end();
  assert.deepEqual(seen, ["abcd", "next", "last"]);
});

test("both streams come out as they went in, however the bytes are cut", () => {
  const frame = fc.record({ stream: fc.constantFrom(1, 2), data: fc.uint8Array({ minLength: 1 }) });
  fc.assert(
    fc.property(fc.array(frame), sizes, (frames, cuts) => {
      const expected = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
      const seen = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
      const wire = frames.map(({ stream, data }) => {
        const name = stream === 2 ? "stderr" : "stdout";
        expected[name] = Buffer.concat([expected[name], data]);
        const head = Buffer.alloc(8);
        head[0] = stream;
        head.writeUInt32BE(data.length, 4);
        return Buffer.concat([head, data]);
      });
      const read = demultiplexer((name, data) => {
        seen[name] = Buffer.concat([seen[name], data]);
      });
      for (const chunk of cut(Buffer.concat(wire), cuts)) read(chunk);
      assert.deepEqual(seen, expected);
    }),
  );
});

test("a terminal's raw stream is all stdout", () => {
  let seen = "";
  const read = demultiplexer((name, data) => {
    assert.equal(name, "stdout");
    seen += data.toString("utf8");
  });
  for (const text of ["2026-", "11-24T00:00:00Z hello\r\n"]) read(Buffer.from(text));
  assert.equal(seen, "2026-11-24T00:00:00Z hello\r\n");
});
