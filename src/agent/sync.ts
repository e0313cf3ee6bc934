import { parseManifests, type ParseCache, type ParsedManifests } from "../manifest/parse.ts";
import { reasonToHold } from "../state/acceptance.ts";
import type { Followed } from "../state/node-findings.ts";
import { desiredState, envFilePaths, type DesiredState, type EnvFileContents } from "../state/desired.ts";
import type { Owner } from "../state/labels.ts";
import { backoff } from "./backoff.ts";
import { isStopped, type Clock } from "./clock.ts";
import { EngineError } from "./errors.ts";
import type { Emit } from "./events.ts";
import type { MemoryStore } from "./memory.ts";
import type { NodeFiles } from "./ports.ts";
import type { CommitInfo, Source } from "./source-port.ts";

/** What is known of the repository, for the status. */
export interface SyncFacts {
  /** The commit in force. */
  commit: CommitInfo | null;
  /** The head at the last successful poll. */
  observedHead: string | null;
  /** Why Git could not be asked; null: it answered. */
  gitError: string | null;
  /** Why the head is not followed as a whole; stays until it is, or another one is. */
  held: string | null;
  lastSyncAt: number | null;
  nextPollAt: number | null;
  pollIntervalMs: number;
}

export interface Sync {
  facts(): SyncFacts;
  run(signal: AbortSignal): Promise<void>;
  /** One poll, for `--once`: whether Git answered. */
  once(signal: AbortSignal): Promise<boolean>;
  /** Reads environment files again; submits the state anew when one changed. */
  refresh(signal: AbortSignal): Promise<void>;
}

/** What is wrong with following Git, for people; null: nothing. */
export function syncError(facts: Pick<SyncFacts, "gitError" | "held">): string | null {
  const all = [facts.gitError === null ? null : `Git: ${facts.gitError}`, facts.held].filter(
    (text) => text !== null,
  );
  return all.length === 0 ? null : all.join("; ");
}

const BACKOFF_MAX_MS = 300_000;

/** Follows the branch: polls, reads a commit as a whole, decides whether to follow it, submits what it wants (SPEC 3). */
export function createSync(parts: {
  source: Source;
  owner: Owner;
  branch: string;
  /** A flag's or file's interval wins over the manifest's (SPEC 8); null: none given. */
  pollInterval: number | null;
  memory: MemoryStore;
  files: NodeFiles;
  clock: Clock;
  emit: Emit;
  /** What this agent goes by that its Node manifest names too. */
  followed: Followed;
  /** The Node manifest names another environment while nothing runs here yet. */
  moveTo: (environment: string) => void;
  /** Names of the deployments that this agent owns on the engine, once that can be told. */
  owned: (signal: AbortSignal) => Promise<string[]>;
  submit: (desired: DesiredState) => void;
}): Sync {
  const { source, memory, clock, emit } = parts;
  const cache: ParseCache = new Map();
  const facts: SyncFacts = {
    commit: null,
    observedHead: null,
    gitError: null,
    held: null,
    lastSyncAt: null,
    nextPollAt: null,
    pollIntervalMs: parts.pollInterval ?? 5000,
  };
  let inForce: { parsed: ParsedManifests; commit: CommitInfo; envFiles: string } | null = null;
  let judged: string | null = null;
  let failures = 0;

  const readEnvFiles = (parsed: ParsedManifests): Promise<EnvFileContents> =>
    readFiles(parts.files, envFilePaths(parsed));

  const build = (parsed: ParsedManifests, commit: CommitInfo, envFiles: EnvFileContents): DesiredState =>
    desiredState(parsed, {
      commit: commit.id,
      node: parts.owner.node,
      environment: parts.owner.environment,
      envFiles,
      lastNode: memory.get().node,
      routes: memory.get().routes,
      followed: parts.followed,
    });

  const hold = (commit: string | null, message: string): void => {
    if (facts.held !== message) emit({ type: "commit.held", commit, message });
    facts.held = message;
  };

  /** Reads one commit as a whole and follows it, unless it has to be held. */
  const load = async (id: string, trusted: boolean, signal: AbortSignal): Promise<void> => {
    await source.fetch(id, signal);
    const revision = await source.read(id, signal);
    const parsed = parseManifests(revision.files, cache);
    for (const problem of revision.problems) {
      parsed.unidentified = true;
      parsed.diagnostics.push({
        file: problem.path,
        line: 1,
        column: 1,
        severity: "error",
        message: problem.message,
        sourceLine: null,
        resource: null,
      });
    }
    const envFiles = await readEnvFiles(parsed);
    const desired = build(parsed, revision.commit, envFiles);
    const named = desired.nodeSource === "found" ? desired.node?.environment : undefined;
    const { environment } = parts.owner;
    if (named !== undefined && named !== environment && (await parts.owned(signal)).length === 0) {
      parts.moveTo(named);
      return;
    }
    if (!trusted) {
      const owned = await parts.owned(signal);
      const reason = reasonToHold({
        documents: desired.documents,
        owned: desired.prunable ? owned : [],
        wanted: new Set(desired.deployments.keys()),
        confirmed: false,
      });
      // Asked only when it matters: it costs every other release a run of Git.
      if (reason !== null && !(await source.confirmsPrune(memory.get().acceptedCommit, id, signal))) {
        judged = id;
        hold(id, `commit ${id.slice(0, 8)} is held: ${reason}`);
        return;
      }
    }
    judged = id;
    await source.keep(id, signal);
    const { node, nodeSource, nodeLabels } = desired;
    memory.update((current) => {
      const own =
        node !== null && nodeSource === "found" ? { spec: node, labels: { ...nodeLabels } } : current.node;
      const isSame = current.acceptedCommit === id && JSON.stringify(current.node) === JSON.stringify(own);
      return isSame ? current : { ...current, acceptedCommit: id, node: own };
    });
    inForce = { parsed, commit: revision.commit, envFiles: JSON.stringify([...envFiles]) };
    facts.commit = revision.commit;
    facts.held = null;
    if (parts.pollInterval === null && desired.node !== null)
      facts.pollIntervalMs = desired.node.pollInterval;
    emit({
      type: "commit.accepted",
      commit: id,
      subject: revision.commit.subject,
      deployments: desired.deployments.size,
      diagnostics: desired.diagnostics.length,
    });
    parts.submit(desired);
  };

  const poll = async (signal: AbortSignal): Promise<void> => {
    const head = await source.head(signal);
    if (head.kind === "branch-missing") {
      hold(null, `branch '${parts.branch}' does not exist on the remote: the last state stays in force`);
      judged = null;
      facts.observedHead = null;
    } else {
      facts.observedHead = head.commit;
      if (head.commit !== judged)
        await load(head.commit, head.commit === memory.get().acceptedCommit, signal);
    }
    facts.lastSyncAt = clock.now();
  };

  const answered = (): void => {
    if (failures > 0) emit({ type: "git.recovered" });
    failures = 0;
    facts.gitError = null;
  };

  /** One poll with its bookkeeping; answers how long to wait until the next (ms). */
  const turn = async (signal: AbortSignal): Promise<number> => {
    try {
      await poll(signal);
      answered();
      return facts.pollIntervalMs;
    } catch (error) {
      if (isStopped(signal)) return 0;
      if (error instanceof EngineError) {
        // Git answered. What runs here has to be known before a commit is followed: asked again at the next poll.
        answered();
        return facts.pollIntervalMs;
      }
      failures++;
      const retryInMs = backoff(failures + 1, facts.pollIntervalMs, BACKOFF_MAX_MS, Math.random);
      const message = error instanceof Error ? error.message : String(error);
      if (facts.gitError !== message) emit({ type: "git.failed", message, retryInMs });
      facts.gitError = message;
      return retryInMs;
    }
  };

  /** After a restart the last accepted commit is in force at once, also while origin is dark. */
  const resume = async (signal: AbortSignal): Promise<void> => {
    const accepted = memory.get().acceptedCommit;
    try {
      if (accepted !== null && (await source.has(accepted, signal))) await load(accepted, true, signal);
    } catch (error) {
      if (isStopped(signal)) return;
      const why = error instanceof Error ? error.message : String(error);
      emit({ type: "warning", message: `the last accepted commit could not be read again: ${why}` });
    }
  };

  return {
    facts: () => facts,
    async run(signal) {
      await resume(signal);
      while (!signal.aborted) {
        const pause = await turn(signal);
        facts.nextPollAt = clock.now() + pause;
        await clock.sleep(pause, signal);
      }
    },
    async once(signal) {
      await turn(signal);
      const didAnswer = failures === 0;
      const { held } = facts;
      // What is held, or out of reach, leaves the last accepted commit in force.
      if (inForce === null) await resume(signal);
      facts.held = held;
      return didAnswer && inForce !== null;
    },
    async refresh(signal) {
      if (inForce === null || envFilePaths(inForce.parsed).length === 0) return;
      const envFiles = await readEnvFiles(inForce.parsed);
      const text = JSON.stringify([...envFiles]);
      if (signal.aborted || text === inForce.envFiles) return;
      inForce = { ...inForce, envFiles: text };
      parts.submit(build(inForce.parsed, inForce.commit, envFiles));
    },
  };
}

async function readFiles(files: NodeFiles, paths: readonly string[]): Promise<EnvFileContents> {
  const contents = new Map<string, { content: string } | { error: string }>();
  for (const path of paths) {
    try {
      contents.set(path, { content: await files.read(path) });
    } catch (error) {
      contents.set(path, { error: error instanceof Error ? error.message : String(error) });
    }
  }
  return contents;
}
