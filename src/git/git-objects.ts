/** Reading objects of a clone by id, each checked against its id: nothing that is read can be anything else. */
import { createHash } from "node:crypto";
import { failure } from "./diagnose.ts";
import type { SourceError } from "./errors.ts";
import { type GitContext, git } from "./git-command.ts";

export interface GitObject {
  type: string;
  content: Buffer;
}

/**
 * Reads objects with one `git cat-file --batch`. The sum of their sizes has to be below `maxBytes`.
 * @returns by id, every one of `ids`.
 * @throws {SourceError} `damaged` when one is missing or is not what its id says; `too-large`.
 */
export async function readObjects(
  context: GitContext,
  cloneDir: string,
  ids: readonly string[],
  maxBytes: number,
  signal: AbortSignal,
): Promise<Map<string, GitObject>> {
  if (ids.length === 0) return new Map();
  const output = await git(context, cloneDir, `reading objects of ${cloneDir}`, ["cat-file", "--batch"], {
    signal,
    input: Buffer.from(`${ids.join("\n")}\n`),
    // A line of at most 100 bytes goes before each.
    maxStdoutBytes: maxBytes + ids.length * 128,
  });
  const objects = new Map<string, GitObject>();
  let at = 0;
  for (const id of ids) {
    const lineEnd = output.indexOf(0x0a, at);
    const header = output.toString("latin1", at, lineEnd === -1 ? output.length : lineEnd);
    const [, type, sizeText] = /^[0-9a-f]+ ([a-z]+) ([0-9]+)$/.exec(header) ?? [];
    if (type === undefined || sizeText === undefined) throw damaged(cloneDir, `object ${id} is missing`);
    const start = lineEnd + 1;
    const content = output.subarray(start, start + Number(sizeText));
    if (objectId(id, type, content) !== id)
      throw damaged(cloneDir, `the content of object ${id} is not its own`);
    objects.set(id, { type, content });
    at = start + content.length + 1;
  }
  return objects;
}

/** The error for a clone in which something is wrong. */
export function damaged(cloneDir: string, what: string): SourceError {
  return failure("damaged", `the clone ${cloneDir} is damaged: ${what}`);
}

/** The id that Git gives to this content, in the same hash as `like`. */
function objectId(like: string, type: string, content: Buffer): string {
  const hash = createHash(like.length === 64 ? "sha256" : "sha1");
  return hash.update(`${type} ${content.length}\0`).update(content).digest("hex");
}
