/** The Git source: the port of `agent/source-port.ts` over the system's git and ssh (SPEC 3). */
import type { HeadResult, Source, SourceSettings } from "../agent/source-port.ts";
import { branchNameProblem } from "./branch-name.ts";
import { createCloneKeeper } from "./clone.ts";
import { tidyClone } from "./clone-folder.ts";
import { withDeadline } from "./deadline.ts";
import { SourceError } from "./errors.ts";
import { createExclusive } from "./exclusive.ts";
import { defaultMaxFetchBytes } from "./fetch-branch.ts";
import type { GitContext } from "./git-command.ts";
import { createHttpHead } from "./http-head.ts";
import { localHead } from "./local-head.ts";
import { lsRemoteHead } from "./ls-remote-head.ts";
import { isObjectId } from "./ls-refs.ts";
import type { SpawnObserver } from "./process.ts";
import { confirmsPrune } from "./prune-trailer.ts";
import { type BlobCache, readRevision } from "./read-revision.ts";
import { createSshHead } from "./ssh-head.ts";
import { makeSupportFolder } from "./support-folder.ts";
import { findTether } from "./tether.ts";
import { parseRemote } from "./url.ts";

export interface SourceOptions {
  /** Told of every subprocess. */
  onSpawn?: SpawnObserver;
  /** Bytes that one fetch may add to the clone. Default 512 MiB. */
  maxFetchBytes?: number;
}

/**
 * Opens the source: checks the settings, tidies an existing clone and talks to nobody.
 * @throws {SourceError} `refused-url` for a URL, branch or path that is not allowed; `storage`.
 */
export async function openSource(settings: SourceSettings, options: SourceOptions = {}): Promise<Source> {
  const remote = parseRemote(settings.url, settings.allowInsecure);
  const problem = branchNameProblem(settings.branch);
  if (problem !== null) {
    const shown = JSON.stringify(settings.branch.slice(0, 80));
    throw new SourceError("refused-url", `the branch name ${shown} ${problem}. Give a name that Git allows.`);
  }
  const onSpawn = options.onSpawn ?? ((): void => undefined);
  const support = await makeSupportFolder(settings, remote);
  await tidyClone(settings.cloneDir, remote.url);
  const tether = await findTether(onSpawn, AbortSignal.timeout(settings.timeoutMs));
  const context: GitContext = { settings, remote, support, tether, onSpawn };
  const head = createHead(context);
  const clone = createCloneKeeper(context, options.maxFetchBytes ?? defaultMaxFetchBytes);
  const exclusive = createExclusive();
  const cache: BlobCache = new Map();
  const { cloneDir } = settings;
  return {
    head: (signal) =>
      withDeadline(
        `asking ${remote.url} for branch ${settings.branch}`,
        settings.timeoutMs,
        signal,
        async (limit) => (await head.ask(limit)) ?? (await lsRemoteHead(context, limit)),
      ),
    fetch: (commit, signal) => exclusive(async () => clone.fetch(checked(commit), signal)),
    read: (commit, signal) =>
      exclusive(() =>
        clone.healing(`reading commit ${commit}`, commit, signal, (limit) =>
          readRevision(context, cloneDir, checked(commit), cache, limit),
        ),
      ),
    confirmsPrune: (from, to, signal) =>
      exclusive(() =>
        clone.healing(`reading the trailers of ${to}`, to, signal, (limit) =>
          confirmsPrune(context, cloneDir, from === null ? null : checked(from), checked(to), limit),
        ),
      ),
    keep: (commit, signal) => exclusive(async () => clone.keep(checked(commit), signal)),
    has: (commit, signal) => exclusive(async () => clone.isComplete(checked(commit), signal)),
    async close() {
      await head.close();
      await exclusive(() => support.remove());
    },
  };
}

/** The cheapest sound way to ask this kind of remote. null: ask with Git itself. */
function createHead(context: GitContext): {
  ask(signal: AbortSignal): Promise<HeadResult | null>;
  close(): Promise<void>;
} {
  const { remote, settings } = context;
  switch (remote.kind) {
    case "http": {
      const http = createHttpHead(settings, remote);
      const close = (): Promise<void> => {
        http.close();
        return Promise.resolve();
      };
      return { ask: (signal) => http.head(signal), close };
    }
    case "ssh": {
      const ssh = createSshHead(context, remote);
      return { ask: (signal) => ssh.head(signal), close: () => ssh.close() };
    }
    case "local":
      return { ask: () => localHead(remote.url, settings.branch), close: () => Promise.resolve() };
  }
}

/** Object ids come from elsewhere, and go into argument vectors. */
function checked(commit: string): string {
  if (isObjectId(commit)) return commit;
  throw new SourceError("protocol", `${JSON.stringify(commit.slice(0, 80))} is no full object id.`);
}
