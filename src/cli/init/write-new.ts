import { lstatSync, mkdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Whether a folder is the top of a Git checkout. */
export function isCheckout(folder: string): boolean {
  return occupied(folder, [".git"]).length > 0;
}

/** Those of the paths below `folder` at which there already is something, be it a dangling link. */
export function occupied(folder: string, paths: readonly string[]): string[] {
  return paths.filter((path) => lstatSync(join(folder, path), { throwIfNoEntry: false }) !== undefined);
}

/**
 * Writes files that do not exist yet, all or none: what was written is removed again when one fails. An existing file is
 * never replaced, also not one that appears in the middle of it. Throws the first failure.
 */
export function writeNew(folder: string, files: readonly { path: string; text: string }[]): void {
  const undo: (() => void)[] = [];
  try {
    for (const { path, text } of files) {
      const target = join(folder, path);
      const made = mkdirSync(dirname(target), { recursive: true });
      if (made !== undefined) undo.push(() => removeEmpty(dirname(target), made));
      writeFileSync(target, text, { flag: "wx" });
      undo.push(() => rmSync(target));
    }
  } catch (error) {
    for (const step of undo.reverse()) step();
    throw error;
  }
}

/** Removes the folders from `inner` up to `outer`, which were made for a file that is gone again. */
function removeEmpty(inner: string, outer: string): void {
  for (let folder = inner; folder.length >= outer.length; folder = dirname(folder)) rmdirSync(folder);
}
