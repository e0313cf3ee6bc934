/** Getting the branch's objects into a clone, within limits, leaving nothing behind when it fails (FAULTS 2, 3, 11). */
import { join } from "node:path";
import { branchRef } from "./clone-folder.ts";
import { failure } from "./diagnose.ts";
import { type GitContext, git } from "./git-command.ts";
import { folderBytes, sweepLeftovers } from "./sweep.ts";

/** Bytes that one fetch may add to the clone. A repository of manifests has a thousandth of it. */
export const defaultMaxFetchBytes = 512 * 1024 * 1024;
/** Git has no limit on what it receives, so the growth of the folder is watched. */
const watchIntervalMs = 200;

/**
 * Fetches the whole history of the branch: a shallow one could not tell which commits lie between two heads.
 * @throws {SourceError} by what went wrong; `too-large` over `maxBytes`; the signal's reason after an abort.
 */
export async function fetchBranch(
  context: GitContext,
  cloneDir: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<void> {
  const { branch } = context.settings;
  const objects = join(cloneDir, "objects");
  const before = await folderBytes(objects);
  const controller = new AbortController();
  const forward = (): void => controller.abort(signal.reason);
  signal.throwIfAborted();
  signal.addEventListener("abort", forward, { once: true });
  const watch = async (): Promise<void> => {
    if ((await folderBytes(objects)) - before > maxBytes) controller.abort(tooLarge(context, maxBytes));
  };
  const watcher = setInterval(() => {
    watch().catch((error: unknown) => controller.abort(error));
  }, watchIntervalMs);
  try {
    const args = [
      "fetch",
      "--quiet",
      "--force",
      "--no-tags",
      "--no-write-fetch-head",
      "--no-recurse-submodules",
      "--no-show-forced-updates",
      "--",
      context.remote.url,
      `+refs/heads/${branch}:${branchRef}`,
    ];
    await git(context, cloneDir, `fetching branch ${branch} from ${context.remote.url}`, args, {
      signal: controller.signal,
      network: true,
    });
    await watch();
    controller.signal.throwIfAborted();
  } catch (error) {
    await sweepLeftovers(cloneDir);
    throw error;
  } finally {
    clearInterval(watcher);
    signal.removeEventListener("abort", forward);
  }
}

function tooLarge(context: GitContext, maxBytes: number): Error {
  return failure(
    "too-large",
    `${context.remote.url} sends more than ${Math.round(maxBytes / (1024 * 1024))} MiB for branch ${context.settings.branch}, and the fetch was ended`,
  );
}
