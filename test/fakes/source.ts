import { createHash } from "node:crypto";
import type { CommitInfo, Revision, Source } from "../../src/agent/source-port.ts";

/** A repository with one branch, in memory. */
export interface FakeRepository {
  source: Source;
  /** Pushes a commit that has exactly these files; answers its id. `confirm`: with the trailer of SPEC 3. */
  push(files: Readonly<Record<string, string>>, options?: { confirm?: boolean; subject?: string }): string;
  /** The branch points to an earlier commit from now on. */
  reset(commit: string): void;
  deleteBranch(): void;
  /** Every call fails with this from now on; null: none does. */
  fail(message: string | null): void;
  head(): string | null;
}

interface Commit {
  info: CommitInfo;
  files: Readonly<Record<string, string>>;
  parent: string | null;
  confirm: boolean;
}

export function createFakeRepository(): FakeRepository {
  const commits = new Map<string, Commit>();
  let head: string | null = null;
  let failure: string | null = null;
  const sha = (text: string): string => createHash("sha1").update(text).digest("hex");
  const answer = async <T>(work: () => T): Promise<T> => {
    await Promise.resolve();
    if (failure !== null) throw new Error(failure);
    return work();
  };
  const commitOf = (id: string): Commit => {
    const found = commits.get(id);
    if (found === undefined) throw new Error(`the fake repository has no commit ${id}`);
    return found;
  };
  const source: Source = {
    head: () => answer(() => (head === null ? { kind: "branch-missing" } : { kind: "head", commit: head })),
    fetch: (id) => answer(() => void commitOf(id)),
    // What was fetched is read locally: also while origin is dark.
    read: async (id): Promise<Revision> => {
      await Promise.resolve();
      const { info, files } = commitOf(id);
      const list = Object.entries(files)
        .filter(([path]) => /^(nodes|deployments|services)\/.*\.ya?ml$/.test(path))
        .sort(([a], [b]) => (a < b ? -1 : 1));
      return {
        commit: info,
        files: list.map(([path, content]) => ({ path, blob: sha(content), content })),
        problems: [],
      };
    },
    confirmsPrune: async (from, to) => {
      await Promise.resolve();
      for (let id: string | null = to; id !== null && id !== from; id = commitOf(id).parent) {
        if (commitOf(id).confirm) return true;
        if (from === null) return false;
      }
      return false;
    },
    keep: () => Promise.resolve(),
    has: (id) => Promise.resolve(commits.has(id)),
    close: () => Promise.resolve(),
  };
  return {
    source,
    push(files, { confirm = false, subject = "a change" } = {}) {
      const id = sha(`${String(commits.size)} ${JSON.stringify(files)}`);
      const info = { id, author: "Ada", subject, time: commits.size };
      commits.set(id, { info, files: { ...files }, parent: head, confirm });
      head = id;
      return id;
    },
    reset(commit) {
      head = commitOf(commit).info.id;
    },
    deleteBranch() {
      head = null;
    },
    fail(message) {
      failure = message;
    },
    head: () => head,
  };
}
