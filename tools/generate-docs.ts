import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { manifestJsonSchema } from "../src/manifest/json-schema.ts";
import { renderReference } from "../src/manifest/reference-page.ts";
import { kinds } from "../src/manifest/resource.ts";
import { createProgram } from "../src/cli/program.ts";
import { renderCommandLine } from "./cli-page.ts";
import { renderMetricsPage } from "./metrics-page.ts";

// Writes the generated reference pages; with --check it only says which are out of date, and exits 1 if any is.
const folder = join(import.meta.dirname, "../docs/reference");
const pages = new Map(kinds.map((kind) => [`${kind.toLowerCase()}.md`, renderReference(kind)]));
pages.set("cli.md", renderCommandLine(createProgram()));
pages.set("metrics.md", renderMetricsPage());
pages.set("schema.json", `${JSON.stringify(manifestJsonSchema(), null, 2)}\n`);

const check = process.argv.includes("--check");
mkdirSync(folder, { recursive: true });
for (const [name, text] of pages) {
  const path = join(folder, name);
  if (!check) writeFileSync(path, text);
  else if (current(path) !== text) {
    console.error(`docs/reference/${name} is out of date: run 'npm run docs'`);
    process.exitCode = 1;
  }
}

function current(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
