import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { renderText, sortDiagnostics } from "../../../src/manifest/diagnostic.ts";
import { parseManifests } from "../../../src/manifest/parse.ts";
import { checkReferences } from "../../../src/manifest/references.ts";

// Every *.yaml in the folder is read as a file of deployments/, and what is said about it is compared with the *.txt beside it.
// UPDATE_GOLDEN=1 writes those: read the difference before committing it.
const folder = join(import.meta.dirname, "../../fixtures/manifest");

for (const name of readdirSync(folder).filter((entry) => entry.endsWith(".yaml"))) {
  test(`what is said about ${name}`, () => {
    const content = readFileSync(join(folder, name), "utf8");
    const parsed = parseManifests([{ path: `deployments/${name}`, blob: "1", content }]);
    const references = checkReferences(parsed);
    const said = [
      ...sortDiagnostics([...parsed.diagnostics, ...references.diagnostics]).map(renderText),
      "",
      `valid: ${list(parsed.resources)}`,
      `invalid: ${list(parsed.invalid)}`,
      `held by references: ${list(references.held)}`,
      `unidentified: ${String(parsed.unidentified)}`,
      "",
    ].join("\n");
    const golden = join(folder, name.replace(/\.yaml$/, ".txt"));
    if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(golden, said);
    assert.ok(existsSync(golden), `${golden} is missing: run with UPDATE_GOLDEN=1`);
    assert.equal(said, readFileSync(golden, "utf8"));
    assert.doesNotMatch(said, /s3cret/);
  });
}

function list(items: readonly { kind: string; name: string }[]): string {
  return [...new Set(items.map((item) => `${item.kind}/${item.name}`))].join(", ") || "none";
}
