import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const folder = join(import.meta.dirname, "../../fixtures/cli");

/** Compares with a golden file of test/fixtures/cli. UPDATE_GOLDEN=1 writes it: read the difference before committing it. */
export function golden(name: string, actual: string): void {
  const file = join(folder, name);
  if (process.env["UPDATE_GOLDEN"] === "1") {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, actual);
  }
  assert.ok(existsSync(file), `${file} is missing: run with UPDATE_GOLDEN=1`);
  const wanted = readFileSync(file, "utf8");
  assert.equal(actual, wanted, `${file} differs: see what changed with UPDATE_GOLDEN=1 and git diff`);
}
