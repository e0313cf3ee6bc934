import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { readWorkingTree } from "../../../src/cli/working-tree.ts";
import { parseManifests } from "../../../src/manifest/parse.ts";
import { checkReferences } from "../../../src/manifest/references.ts";

const root = join(import.meta.dirname, "..", "..", "..");

it("every example repository validates", () => {
  for (const name of readdirSync(join(root, "examples"))) {
    const parsed = parseManifests(readWorkingTree(join(root, "examples", name)));
    assert.ok(parsed.resources.length > 0, name);
    assert.deepEqual([...parsed.diagnostics, ...checkReferences(parsed).diagnostics], [], name);
  }
});

it("every manifest in the guides validates", () => {
  let count = 0;
  for (const name of readdirSync(join(root, "docs", "guides"))) {
    const text = readFileSync(join(root, "docs", "guides", name), "utf8");
    for (const [, indent = "", block = ""] of text.matchAll(/^( *)```yaml\n([\s\S]*?)^ *```/gm)) {
      const content = block
        .split("\n")
        .map((line) => line.slice(indent.length))
        .join("\n");
      assert.deepEqual(parseManifests([{ path: name, blob: content, content }]).diagnostics, [], name);
      count++;
    }
  }
  assert.ok(count > 0);
});
