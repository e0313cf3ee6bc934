/** The clone as a whole: filled from origin, and replaced by a fresh one when it turns out to be damaged (FAULTS 5). */
import * as folder from "./clone-folder.ts";
import { withDeadline } from "./deadline.ts";
import { failure } from "./diagnose.ts";
import { SourceError } from "./errors.ts";
import { fetchBranch } from "./fetch-branch.ts";
import { type GitContext, git, gitOutcome } from "./git-command.ts";
import { damaged } from "./git-objects.ts";
import { isPresent } from "./read-revision.ts";
import { packsOf, sweepLeftovers } from "./sweep.ts";

export interface Clone {
  /** Fetches until `commit` is here. @throws {SourceError} by what went wrong. */
  fetch(commit: string, signal: AbortSignal): Promise<void>;
  /**
   * Runs an operation on the clone; when it finds damage, a fresh clone is fetched and the operation runs once more.
   * @param doing completes "… took longer than".
   * @param commit the one that it is about.
   * @throws {SourceError} `damaged` when no fresh clone can be had; what the operation throws.
   */
  healing<T>(
    doing: string,
    commit: string,
    signal: AbortSignal,
    operation: (signal: AbortSignal) => Promise<T>,
  ): Promise<T>;
  /** Whether commit, trees and blobs are all here. Damage found on the way is remembered for the next fetch. */
  isComplete(commit: string, signal: AbortSignal): Promise<boolean>;
  /** Holds a commit against clean-up, and cleans up once many packs have come together. @throws {SourceError} */
  keep(commit: string, signal: AbortSignal): Promise<void>;
}

/** Each fetch adds a pack, also one that is killed before it names what it brought; each pack costs files and lookups. */
const maxPacks = 10;
/** Below this nobody minds what lies there twice, in bytes. */
const negligibleBytes = 1024 * 1024;

/** So that killed fetches leave a clone within twice its size (FAULTS 3). */
async function isLittered(cloneDir: string): Promise<boolean> {
  const { count, bytes, largest } = await packsOf(cloneDir);
  return count >= maxPacks || (bytes > negligibleBytes && bytes > 1.5 * largest);
}

/** @param maxFetchBytes see `fetchBranch`. */
export function createCloneKeeper(context: GitContext, maxFetchBytes: number): Clone {
  const { cloneDir, timeoutMs, branch } = context.settings;
  let damage: SourceError | null = null;
  let oversized: { commit: string; error: SourceError } | null = null;

  const limited = <T>(
    doing: string,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> => withDeadline(doing, timeoutMs, signal, work);

  const fetchInto = (dir: string, signal: AbortSignal): Promise<void> =>
    limited(`fetching branch ${branch} from ${context.remote.url}`, signal, (limit) =>
      fetchBranch(context, dir, maxFetchBytes, limit),
    );

  /** Builds the fresh clone beside the old one, which stays in place until the new one is complete. */
  const replace = async (idLength: number, signal: AbortSignal): Promise<void> => {
    const { fresh } = folder.siblings(cloneDir);
    const accepted = await folder.readOwnRef(cloneDir, folder.acceptedRef);
    await limited(`making the clone ${fresh}`, signal, (limit) =>
      folder.createClone(context, fresh, idLength === 64 ? "sha256" : "sha1", limit),
    );
    await fetchInto(fresh, signal);
    if (accepted !== null)
      await limited("keeping the accepted commit", signal, (limit) => adopt(context, fresh, accepted, limit));
    await folder.swapIn(cloneDir);
    damage = null;
  };

  /** One of the two commits that a ref of ours names, which Git makes only once all of it is here. */
  const isNamed = async (commit: string): Promise<boolean> => {
    const named = [folder.branchRef, folder.acceptedRef].map((ref) => folder.readOwnRef(cloneDir, ref));
    return (await Promise.all(named)).includes(commit);
  };

  /** Everything that a ref of ours reaches goes into one pack; the rest, old heads of a forced branch, goes away. */
  const cleanUp = async (signal: AbortSignal): Promise<void> => {
    try {
      await git(context, cloneDir, `cleaning up ${cloneDir}`, ["repack", "-a", "-d", "-q"], { signal });
    } catch (error) {
      await sweepLeftovers(cloneDir);
      throw error;
    }
  };

  const fetchOnce = async (commit: string, signal: AbortSignal): Promise<void> => {
    const usable = damage === null && (await folder.cloneExists(cloneDir));
    if (usable && (await isNamed(commit))) return;
    if (usable && !(await hasBrokenRef(cloneDir))) {
      // Before it, because one that is killed gets no further.
      if (await isLittered(cloneDir)) await limited(`cleaning up ${cloneDir}`, signal, cleanUp);
      await fetchInto(cloneDir, signal);
    } else await replace(commit.length, signal);
    if (await isNamed(commit)) return;
    const here = await limited(`looking for commit ${commit}`, signal, (limit) =>
      isPresent(context, cloneDir, commit, limit),
    );
    if (here) return;
    throw failure(
      "not-found",
      `commit ${commit} is no longer in branch ${branch} of ${context.remote.url}: it has moved on, and the next poll will tell`,
    );
  };

  const heal = async (found: SourceError, idLength: number, signal: AbortSignal): Promise<void> => {
    damage = found;
    try {
      await replace(idLength, signal);
    } catch (error) {
      signal.throwIfAborted();
      const why = error instanceof Error ? error.message : String(error);
      throw new SourceError("damaged", `${found.message} No fresh clone could be made: ${why}`, {
        cause: error,
      });
    }
  };

  const healing: Clone["healing"] = async (doing, commit, signal, operation) => {
    try {
      return await limited(doing, signal, operation);
    } catch (error) {
      if (!(error instanceof SourceError) || error.kind !== "damaged") throw error;
      await heal(error, commit.length, signal);
      return await limited(doing, signal, operation);
    }
  };

  const setAccepted = async (commit: string, signal: AbortSignal): Promise<void> => {
    const args = ["update-ref", folder.acceptedRef, commit];
    await git(context, cloneDir, `keeping commit ${commit} in ${cloneDir}`, args, { signal });
  };

  return {
    async fetch(commit, signal) {
      if (oversized?.commit === commit) throw oversized.error;
      try {
        await fetchOnce(commit, signal);
        oversized = null;
      } catch (error) {
        if (!(error instanceof SourceError)) throw error;
        // The next poll would download it all again, to no end, until the branch moves.
        if (error.kind === "too-large") oversized = { commit, error };
        if (error.kind !== "damaged") throw error;
        await heal(error, commit.length, signal);
        await fetchOnce(commit, signal);
      }
    },

    healing,

    async isComplete(commit, signal) {
      if (!(await folder.cloneExists(cloneDir))) return false;
      const args = ["rev-list", "--objects", "--no-walk", "--quiet", commit, "--"];
      const outcome = await limited(`checking commit ${commit}`, signal, (limit) =>
        gitOutcome(context, cloneDir, args, { signal: limit }),
      );
      if (outcome.code === 0) return true;
      if (await isNamed(commit)) damage = damaged(cloneDir, `commit ${commit} is not complete`);
      return false;
    },

    async keep(commit, signal) {
      if ((await folder.readOwnRef(cloneDir, folder.acceptedRef)) !== commit) {
        await healing(`keeping commit ${commit}`, commit, signal, (limit) => setAccepted(commit, limit));
      }
      if (await isLittered(cloneDir)) {
        await healing(`cleaning up ${cloneDir}`, commit, signal, cleanUp);
      }
    },
  };
}

/** Carries the accepted commit over, if origin's branch still contains it. */
async function adopt(context: GitContext, dir: string, commit: string, signal: AbortSignal): Promise<void> {
  if (!(await isPresent(context, dir, commit, signal))) return;
  await git(context, dir, `keeping commit ${commit} in ${dir}`, ["update-ref", folder.acceptedRef, commit], {
    signal,
  });
}

async function hasBrokenRef(cloneDir: string): Promise<boolean> {
  const checks = [folder.branchRef, folder.acceptedRef].map((ref) => folder.ownRefIsBroken(cloneDir, ref));
  return (await Promise.all(checks)).includes(true);
}
