/** What is published: a compressed archive beside each executable, and the checksums of all. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Makes `<executable>.tar.xz` with the executable, called `orun`, and the licences. Answers its path. The same input, the same bytes. */
export function makeArchive(
  executable: string,
  licenses: { orun: string; runtime: string },
  epoch: number,
): string {
  const archive = `${executable}.tar.xz`;
  const folder = mkdtempSync(join(dirname(executable), ".archive-"));
  try {
    copyFileSync(executable, join(folder, "orun"));
    copyFileSync(licenses.orun, join(folder, "LICENSE"));
    copyFileSync(licenses.runtime, join(folder, "LICENSE.nodejs"));
    const tar = join(folder, "archive.tar");
    execFileSync("tar", [
      "--format=ustar",
      `--mtime=@${epoch}`,
      "--owner=0",
      "--group=0",
      "--numeric-owner",
      "--mode=u=rwX,go=rX",
      "-cf",
      tar,
      "-C",
      folder,
      ...["orun", "LICENSE", "LICENSE.nodejs"],
    ]);
    // Blocks of a fixed size: the number of threads then changes nothing in the output.
    execFileSync("xz", ["-6", "--threads=2", "--block-size=33554432", tar]);
    renameSync(`${tar}.xz`, archive);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return archive;
}

/** Writes a file that `sha256sum --check` reads. */
export function writeChecksums(file: string, paths: readonly string[]): void {
  const lines = paths.map(
    (path) => `${createHash("sha256").update(readFileSync(path)).digest("hex")}  ${basename(path)}\n`,
  );
  writeFileSync(file, lines.join(""));
}
