import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { SourceError } from "../../../src/git/errors.ts";
import { parseManifestTree, readLimits } from "../../../src/git/manifest-tree.ts";

const id = "a".repeat(40);

function listing(...entries: [mode: string, size: string, path: string | Buffer][]): Buffer {
  return Buffer.concat(
    entries.map(([mode, size, path]) =>
      Buffer.concat([
        Buffer.from(`${mode} blob ${id} ${size.padStart(7)}\t`),
        Buffer.from(path),
        Buffer.from([0]),
      ]),
    ),
  );
}

suite("the manifests of a tree", () => {
  test("regular files with the two endings, whatever their mode", () => {
    const tree = parseManifestTree(
      listing(
        ["100644", "3", "nodes/a.yaml"],
        ["100755", "0", "nodes/b/c.yml"],
        ["100644", "9", "nodes/a.yaml.bak"],
      ),
      "/clone",
    );
    assert.deepEqual(tree, {
      entries: [
        { path: "nodes/a.yaml", blob: id, size: 3 },
        { path: "nodes/b/c.yml", blob: id, size: 0 },
      ],
      problems: [],
    });
  });

  test("names that cannot be shown as they are, are shown escaped", () => {
    const tree = parseManifestTree(
      listing(
        ["100644", "3", "nodes/a\nb.yaml"],
        ["100644", "3", Buffer.from([0x6e, 0xff, 0x2e, 0x79, 0x6d, 0x6c])],
        ["100644", "3", "nodes/\u202eevil.yaml"],
      ),
      "/clone",
    );
    assert.deepEqual(tree.entries, []);
    assert.deepEqual(
      tree.problems.map((problem) => problem.path),
      ["nodes/a\uFFFDb.yaml", "n\uFFFD.yml", "nodes/\uFFFDevil.yaml"],
    );
  });

  test("too much in sum: what still fits is read", () => {
    const size = String(readLimits.fileBytes);
    const many = Array.from({ length: 40 }, (_, n): [string, string, string] => [
      "100644",
      size,
      `nodes/${n}.yaml`,
    ]);
    const tree = parseManifestTree(listing(...many), "/clone");
    assert.equal(tree.entries.length, 32);
    assert.equal(tree.problems.length, 8);
    assert.match(tree.problems[0]?.message ?? "", /exceed 33554432 bytes/);
  });

  test("an object that is missing is damage", () => {
    assert.throws(
      () => parseManifestTree(listing(["100644", "BAD", "nodes/a.yaml"]), "/clone"),
      (error) => error instanceof SourceError && error.kind === "damaged",
    );
  });

  test("any bytes are a listing of some kind", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          parseManifestTree(Buffer.from(bytes), "/clone");
        } catch (error) {
          assert.ok(error instanceof SourceError);
        }
      }),
    );
  });
});
