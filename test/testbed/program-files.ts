/** What a program of this machine needs to run in an image that has nothing else. */
import { execFileSync } from "node:child_process";
import { readFileSync, realpathSync } from "node:fs";
import type { TarFile } from "./tar.ts";

/** The executable, at `path` in the image, and the shared libraries and loader that `ldd` names, where it names them. */
export function programFiles(executable: string, path: string): TarFile[] {
  const listed = execFileSync("ldd", [executable], { encoding: "utf8" });
  const libraries = [...listed.matchAll(/(\/\S+) \(0x/g)].flatMap(([, library]) => library ?? []);
  return [
    { path, content: readFileSync(executable), mode: 0o755 },
    ...libraries.map((library) => ({
      path: library.slice(1),
      content: readFileSync(realpathSync(library)),
      mode: 0o755,
    })),
  ];
}
