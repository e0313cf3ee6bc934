import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { ManifestFile } from "../manifest/parse.ts";

/** The manifests of a folder as they lie there, committed or not; regular files only, in the order of their paths. */
export function readWorkingTree(root: string): ManifestFile[] {
  const files: ManifestFile[] = [];
  for (const folder of ["nodes", "deployments", "services"]) {
    let names: string[];
    try {
      names = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
        .map((entry) => join(entry.parentPath, entry.name));
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") continue;
      throw error;
    }
    for (const name of names) {
      const content = readFileSync(name, "utf8");
      files.push({
        path: relative(root, name),
        blob: createHash("sha256").update(content).digest("hex"),
        content,
      });
    }
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}
