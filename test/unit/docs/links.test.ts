/** Links of the documentation lead somewhere: to a file of the repository and, behind a #, to one of its headings. */
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "..", "..", "..");
const pages = ["README.md", "CONTRIBUTING.md", "docs/**/*.md"].flatMap((pattern) =>
  globSync(join(root, pattern)),
);

/** As GitHub makes them: lower case, punctuation dropped, blanks become dashes. */
function anchors(page: string): string[] {
  const headings = withoutCode(readFileSync(page, "utf8")).matchAll(/^#+ +(.+)$/gm);
  return Array.from(headings, ([, text = ""]) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replaceAll(" ", "-"),
  );
}

function withoutCode(text: string): string {
  return text.replace(/^```[^]*?^```/gm, "");
}

test("every link to a file of the repository leads to one", () => {
  assert.ok(pages.length > 10, String(pages.length));
  const broken: string[] = [];
  for (const page of pages) {
    for (const [, target = ""] of withoutCode(readFileSync(page, "utf8")).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? page : join(dirname(page), path);
      const found =
        existsSync(file) &&
        (anchor === undefined || (statSync(file).isFile() && anchors(file).includes(anchor)));
      if (!found) broken.push(`${relative(root, page)}: ${target}`);
    }
  }
  assert.deepEqual(broken, []);
});
