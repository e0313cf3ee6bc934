/** What the agent needs of the Git repository that it follows (ARCHITECTURE, 13). Implemented in `src/git`. */

/** Where the repository is and how it may be reached. */
export interface SourceSettings {
  /** https, ssh, `user@host:path`, an absolute local path; plain http to loopback, or anywhere with `allowInsecure`. */
  url: string;
  branch: string;
  /** Where the bare clone lives; siblings that start with this name are the source's own, too. */
  cloneDir: string;
  /** Private key file for ssh; null: the defaults of the user that the agent runs as. */
  deployKey: string | null;
  /** known_hosts file for ssh; null: the defaults of that user. Unknown keys are refused either way. */
  knownHosts: string | null;
  allowInsecure: boolean;
  /** How long one exchange with the server, or one local Git command, may take, in ms. */
  timeoutMs: number;
}

export interface CommitInfo {
  /** Full object id, SHA-1 or SHA-256. */
  id: string;
  /** The author's name; control characters are replaced. */
  author: string;
  /** The first paragraph of the message, on one line; control characters are replaced. */
  subject: string;
  /** When it was committed, ms since the epoch. */
  time: number;
}

/** One manifest file: `blob` is the object id of exactly this content. */
export interface SourceFile {
  path: string;
  blob: string;
  content: string;
}

/** The manifests of one commit. */
export interface Revision {
  commit: CommitInfo;
  /** In the order of their paths. */
  files: SourceFile[];
  /**
   * What looked like a manifest and could not be read: a symlink, too large, not UTF-8, too many files…
   * While there is any, the revision is incomplete: an absent resource may be in there.
   */
  problems: { path: string; message: string }[];
}

export type HeadResult = { kind: "head"; commit: string } | { kind: "branch-missing" };

/** The repository. Every call has a deadline of its own and obeys `signal`. Failures are `SourceError`s, told apart by `kind`. */
export interface Source {
  /** Asks origin for the branch head; cheap when nothing changed. */
  head(signal: AbortSignal): Promise<HeadResult>;
  /** Makes sure that the commit's objects are local. */
  fetch(commit: string, signal: AbortSignal): Promise<void>;
  /** Reads every manifest of that one commit (nodes/, deployments/, services/; *.yaml, *.yml; regular blobs only) by object id. */
  read(commit: string, signal: AbortSignal): Promise<Revision>;
  /**
   * Whether a commit reachable from `to` but not from `from` carries the trailer `Orun-Prune: confirm`.
   * `from` null or gone: looks at `to` alone.
   */
  confirmsPrune(from: string | null, to: string, signal: AbortSignal): Promise<boolean>;
  /** Protects a commit (the accepted one) from garbage collection. */
  keep(commit: string, signal: AbortSignal): Promise<void>;
  /** Whether the commit's objects are complete locally (for a start with origin dark). */
  has(commit: string, signal: AbortSignal): Promise<boolean>;
  /** Ends connections and helper processes. Nothing may be called afterwards. */
  close(): Promise<void>;
}
