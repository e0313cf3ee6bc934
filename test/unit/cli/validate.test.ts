import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { validate } from "../../../src/cli/commands/validate.ts";
import { golden } from "./golden.ts";

describe("orun validate", () => {
  const folder = mkdtempSync(join(tmpdir(), "orun-validate-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "deployments"));
  cpSync(
    join(import.meta.dirname, "../../fixtures/manifest/misspelt-fields.yaml"),
    join(folder, "deployments/a.yaml"),
  );

  const run = (path: string, format: string): { code: number; stdout: string } => {
    let stdout = "";
    const code = validate(path, { format }, (text) => {
      stdout += text;
    });
    return { code, stdout };
  };

  it("shows every mistake with its line, and exits 1", () => {
    for (const format of ["text", "github", "json"]) {
      const { code, stdout } = run(folder, format);
      assert.equal(code, 1);
      assert.equal((stdout.match(/deployments\/a\.yaml/g) ?? []).length, 6);
      golden(`validate-${format}.txt`, stdout);
    }
  });

  it("names files from the folder's top, also when that is the working directory", () => {
    const before = process.cwd();
    process.chdir(folder);
    try {
      assert.equal(run(".", "text").stdout, run(folder, "text").stdout);
    } finally {
      process.chdir(before);
    }
  });

  it("says that there is nothing where there is nothing", () => {
    const empty = join(folder, "empty");
    mkdirSync(empty);
    const { code, stdout } = run(empty, "text");
    assert.equal(code, 1);
    assert.match(stdout, /no manifests below .*: expected nodes\/, deployments\/ or services\//);
  });
});
