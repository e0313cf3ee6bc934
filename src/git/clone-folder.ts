/** The bare clone as a folder: making it, finding it again after any kind of death, replacing it (SPEC 3, "A damaged clone"). */
import { readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { failure } from "./diagnose.ts";
import { SourceError, storageError } from "./errors.ts";
import { type GitContext, git, gitOutcome } from "./git-command.ts";
import { isObjectId, type ObjectFormat } from "./ls-refs.ts";
import { sweepLeftovers } from "./sweep.ts";

/** The branch as origin had it at the last fetch. */
export const branchRef = "refs/orun/branch";
/** The accepted commit: kept whatever origin does. */
export const acceptedRef = "refs/orun/accepted";

/** Written last, so a folder without it is no finished clone. Holds the URL, without credentials. */
const originFile = "orun-origin";

/** Names of the folders around a clone. */
export function siblings(cloneDir: string): { fresh: string; old: string } {
  return { fresh: `${cloneDir}.new`, old: `${cloneDir}.old` };
}

/**
 * Brings the folders into order at the start: ends an interrupted swap, drops a clone of another URL, sweeps what killed
 * processes left. We are the clone's only user, so nothing there is in use.
 * @throws {SourceError} `storage`.
 */
export async function tidyClone(cloneDir: string, url: string): Promise<void> {
  const { fresh, old } = siblings(cloneDir);
  try {
    // Killed between the two renames of a swap: the old clone is complete, and knows the accepted commit.
    if (!(await exists(cloneDir)) && (await exists(old))) await rename(old, cloneDir);
    await rm(fresh, { recursive: true, force: true });
    await rm(old, { recursive: true, force: true });
    const origin = await originOf(cloneDir);
    if (origin === null && (await isForeign(cloneDir))) throw foreign(cloneDir);
    if (origin === url) await sweepLeftovers(cloneDir);
    else await rm(cloneDir, { recursive: true, force: true });
  } catch (cause) {
    if (cause instanceof SourceError) throw cause;
    throw storageError(`tidy the clone ${cloneDir}`, cause);
  }
}

/** Whether there is a finished clone, damaged or not. */
export async function cloneExists(cloneDir: string): Promise<boolean> {
  return (await originOf(cloneDir)) !== null;
}

/**
 * Makes an empty bare clone in `dir`, wiping what is there.
 * @throws {SourceError} `git-missing` when Git is absent or too old; `storage`.
 */
export async function createClone(
  context: GitContext,
  dir: string,
  format: ObjectFormat,
  signal: AbortSignal,
): Promise<void> {
  await requireVersion(context, signal);
  try {
    await rm(dir, { recursive: true, force: true });
  } catch (cause) {
    throw storageError(`remove ${dir}`, cause);
  }
  const args = ["init", "--quiet", "--bare", "--template=", `--object-format=${format}`, "--", dir];
  await git(context, null, `making the clone ${dir}`, args, { signal });
  try {
    await writeFile(join(dir, originFile), `${context.remote.url}\n`, { mode: 0o600 });
  } catch (cause) {
    throw storageError(`write to ${dir}`, cause);
  }
}

/**
 * Puts `fresh` in the place of the clone. A death at any moment leaves one of the two for {@link tidyClone}.
 * @throws {SourceError} `storage`.
 */
export async function swapIn(cloneDir: string): Promise<void> {
  const { fresh, old } = siblings(cloneDir);
  try {
    await rm(old, { recursive: true, force: true });
    if (await exists(cloneDir)) await rename(cloneDir, old);
    await rename(fresh, cloneDir);
    await rm(old, { recursive: true, force: true });
  } catch (cause) {
    throw storageError(`put the fresh clone in place of ${cloneDir}`, cause);
  }
}

/** The commit that a ref of ours names, without a subprocess; null when it is absent or unreadable. */
export async function readOwnRef(cloneDir: string, ref: string): Promise<string | null> {
  const text = (await contentOf(join(cloneDir, ref)))?.trim() ?? "";
  return isObjectId(text) ? text : null;
}

/** Whether the ref's file holds anything but an object id: a power cut leaves zeros. */
export async function ownRefIsBroken(cloneDir: string, ref: string): Promise<boolean> {
  const text = await contentOf(join(cloneDir, ref));
  return text !== null && !isObjectId(text.trim());
}

/** A folder with something in it that no source of ours made: it is not ours to delete. */
async function isForeign(cloneDir: string): Promise<boolean> {
  if (!(await exists(cloneDir)) || (await exists(join(cloneDir, "refs", "orun")))) return false;
  return (await readdir(cloneDir)).length > 0;
}

function foreign(cloneDir: string): SourceError {
  return new SourceError(
    "storage",
    `${cloneDir} is not a clone that orun made, and is left alone. Move it away, or choose another data folder.`,
  );
}

async function originOf(cloneDir: string): Promise<string | null> {
  return (await contentOf(join(cloneDir, originFile)))?.trim() ?? null;
}

async function contentOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isAbsence(error)) return null;
    throw storageError(`read ${path}`, error);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isAbsence(error)) return false;
    throw error;
  }
}

function isAbsence(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

/** GIT_CONFIG_COUNT, which carries the credentials, came with 2.31; an older one would ignore them. */
async function requireVersion(context: GitContext, signal: AbortSignal): Promise<void> {
  const outcome = await gitOutcome(context, null, ["version"], { signal });
  const text = outcome.stdout.toString("utf8").trim();
  const [, major, minor] = /(\d+)\.(\d+)/.exec(text) ?? [];
  if (Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 31)) return;
  throw failure("git-missing", `Git 2.31 or later is needed, and this is '${text.slice(0, 60)}'`);
}
