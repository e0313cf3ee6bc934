/** The head of a branch in a repository on this machine, read from its files (gitrepository-layout(5)). */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { HeadResult } from "../agent/source-port.ts";
import { isObjectId } from "./ls-refs.ts";

/**
 * Reads the loose ref, else packed-refs: Git writes the packed one before it removes the loose one, so this order never
 * misses a branch. null for anything but a plain repository (a worktree, another ref format, a symbolic ref, something
 * unreadable): Git itself has to be asked then.
 */
export async function localHead(path: string, branch: string): Promise<HeadResult | null> {
  const gitDir = await plainRepository(path);
  if (gitDir === null) return null;
  const ref = `refs/heads/${branch}`;
  const loose = await textOf(join(gitDir, ref));
  if (loose.state === "unreadable") return null;
  if (loose.state === "read") {
    const id = loose.text.trim();
    return isObjectId(id) ? { kind: "head", commit: id } : null;
  }
  const packed = await textOf(join(gitDir, "packed-refs"));
  if (packed.state === "unreadable") return null;
  const id = packed.state === "read" ? packedId(packed.text, ref) : null;
  if (id === null) return { kind: "branch-missing" };
  return isObjectId(id) ? { kind: "head", commit: id } : null;
}

function packedId(text: string, ref: string): string | null {
  const at = `\n${text}`.indexOf(` ${ref}\n`);
  if (at === -1) return null;
  // `at` counts the newline put in front, so it is the position after the id in `text` plus one.
  return text.slice(text.lastIndexOf("\n", at - 2) + 1, at - 1);
}

async function plainRepository(path: string): Promise<string | null> {
  for (const gitDir of [join(path, ".git"), path]) {
    if (!(await isFolder(join(gitDir, "objects"))) || !(await isFolder(join(gitDir, "refs")))) continue;
    const config = await textOf(join(gitDir, "config"));
    const shared = await textOf(join(gitDir, "commondir"));
    const head = await textOf(join(gitDir, "HEAD"));
    const plain = config.state === "read" && !/refstorage|include/i.test(config.text);
    return plain && shared.state === "absent" && head.state === "read" ? gitDir : null;
  }
  return null;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    // Whatever the reason: Git is asked then, and says it in its own words.
    return false;
  }
}

type Text = { state: "read"; text: string } | { state: "absent" | "unreadable" };

async function textOf(path: string): Promise<Text> {
  try {
    return { state: "read", text: await readFile(path, "utf8") };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    // A folder in that place holds branches with longer names.
    return { state: code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR" ? "absent" : "unreadable" };
  }
}
