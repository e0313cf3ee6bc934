/** Reading all manifests of one commit from the clone, by object id (SPEC 3, "Read"). */
import type { Revision, SourceFile } from "../agent/source-port.ts";
import { acceptedRef, branchRef, readOwnRef } from "./clone-folder.ts";
import { parseCommit } from "./commit-object.ts";
import { failure } from "./diagnose.ts";
import { SourceError } from "./errors.ts";
import { type GitContext, git } from "./git-command.ts";
import { damaged, readObjects } from "./git-objects.ts";
import { manifestFolders, parseManifestTree, readLimits } from "./manifest-tree.ts";

/** Contents by blob id, as text, or null for what is not UTF-8. Holds exactly the blobs of the last revision read. */
export type BlobCache = Map<string, string | null>;

/** A tree of a thousand of these is still far below what this prints per file. */
const maxTreeBytes = 64 * 1024 * 1024;

/**
 * Reads one commit; blobs that are in `cache` are not read again, and `cache` holds this revision's blobs afterwards.
 * @throws {SourceError} `not-found` when the clone does not have the commit; `damaged`; `too-large` for a tree without measure.
 */
export async function readRevision(
  context: GitContext,
  cloneDir: string,
  commit: string,
  cache: BlobCache,
  signal: AbortSignal,
): Promise<Revision> {
  const listing = await listTree(context, cloneDir, commit, signal);
  const tree = parseManifestTree(listing, cloneDir);
  const wanted = new Set(tree.entries.map((entry) => entry.blob).filter((blob) => !cache.has(blob)));
  const limit = readLimits.totalBytes + readLimits.fileBytes;
  const objects = await readObjects(context, cloneDir, [commit, ...wanted], limit, signal);
  const head = objects.get(commit);
  if (head?.type !== "commit") throw failure("not-found", `object ${commit} is no commit`);
  const kept: BlobCache = new Map();
  const files: SourceFile[] = [];
  for (const entry of tree.entries) {
    const content = cache.get(entry.blob) ?? textOf(objects.get(entry.blob)?.content);
    kept.set(entry.blob, content);
    if (content !== null) files.push({ path: entry.path, blob: entry.blob, content });
    else tree.problems.push({ path: entry.path, message: "it is not valid UTF-8; save it as UTF-8" });
  }
  cache.clear();
  for (const [blob, content] of kept) cache.set(blob, content);
  return { commit: parseCommit(commit, head.content), files, problems: tree.problems };
}

async function listTree(
  context: GitContext,
  cloneDir: string,
  commit: string,
  signal: AbortSignal,
): Promise<Buffer> {
  const args = ["ls-tree", "-r", "-l", "-z", "--full-tree", commit, ...manifestFolders];
  try {
    return await git(context, cloneDir, `reading commit ${commit} in ${cloneDir}`, args, {
      signal,
      maxStdoutBytes: maxTreeBytes,
    });
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    if (error.kind === "too-large") {
      throw new SourceError(
        "too-large",
        `commit ${commit} has too many files below ${manifestFolders.join(", ")}.`,
        {
          cause: error,
        },
      );
    }
    // Git says "not a tree object" for a commit that is absent and for one whose tree is.
    if (error.kind !== "protocol") throw error;
    const present = await isPresent(context, cloneDir, commit, signal);
    if (present) throw damaged(cloneDir, `the tree of commit ${commit} cannot be read`);
    const named = [branchRef, acceptedRef].map((ref) => readOwnRef(cloneDir, ref));
    if ((await Promise.all(named)).includes(commit)) throw damaged(cloneDir, `commit ${commit} is missing`);
    throw failure("not-found", `commit ${commit} is not in the clone ${cloneDir}`, error);
  }
}

/** Whether the clone has this very commit object. */
export async function isPresent(
  context: GitContext,
  cloneDir: string,
  commit: string,
  signal: AbortSignal,
): Promise<boolean> {
  const doing = `looking for commit ${commit} in ${cloneDir}`;
  const input = Buffer.from(`${commit}\n`);
  const output = await git(context, cloneDir, doing, ["cat-file", "--batch-check"], { signal, input });
  return output.toString("latin1").startsWith(`${commit} commit `);
}

function textOf(content: Buffer | undefined): string | null {
  if (content === undefined) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch {
    return null;
  }
}
