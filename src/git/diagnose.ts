/** From what Git and ssh say when they fail to the kind of the failure and what to do next. */
import { SourceError, type SourceErrorKind } from "./errors.ts";

/** First match wins: the more specific causes come first, since ssh and Git add general phrases after them. */
const symptoms: readonly (readonly [SourceErrorKind, RegExp])[] = [
  ["git-missing", /failed to execute \S+: No such file|cannot run \S+: No such file/i],
  [
    "storage",
    /No space left on device|Disk quota exceeded|Read-only file system|insufficient permission for adding/i,
  ],
  [
    "host-key",
    /Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED|No .* host key is known|certificate problem|certificate verif|certificate subject|SSL: no alternative certificate|unable to get local issuer/i,
  ],
  [
    "auth",
    /Permission denied|Authentication failed|could not read (?:Username|Password)|returned error: (?:401|403|407)\b|Too many authentication failures|access denied|bad permissions|invalid format|not authorized|not allowed to/i,
  ],
  [
    "not-found",
    /nonexistent object|Not a valid object name|repository '[^']*' not found|Repository not found|does not appear to be a git repository|does not exist|returned error: (?:404|410)\b|couldn't find remote ref|project you were looking for could not be found|no such repository/i,
  ],
  [
    "unreachable",
    /Could not resolve|Connection refused|Connection reset|Connection closed|Connection timed out|Operation timed out|No route to host|Network is unreachable|Failed to connect|Couldn't connect|Name or service not known|Temporary failure in name resolution|returned error: (?:429|5\d\d)\b|early EOF|hung up unexpectedly|unexpected disconnect|transfer closed|Empty reply from server|Recv failure|Send failure|Broken pipe|kex_exchange_identification|SSL_ERROR_SYSCALL|GnuTLS recv error|Could not read from remote repository|too slow|Timeout, server/i,
  ],
];

const damage =
  /object file .* is empty|(?:loose|packed) object|corrupt|bad object|bad tree|bad signature|missing (?:blob|tree|commit|object)|unable to read (?:tree|sha1|object)|unable to resolve reference|reference broken|inflate: |packfile .* |not a git repository|wrong index|unresolvable|invalid sha1 pointer|unable to parse|could not parse|error in object|bad (?:config|numeric config)|repository format|is not a valid object|Could not read [0-9a-f]{40}/i;

const advice: Readonly<Record<SourceErrorKind, string>> = {
  unreachable: "Check the network and the server; it is tried again later.",
  timeout: "The other side may hang; it is tried again later.",
  auth: "Check that the deploy key or token is registered there, still valid and readable (a key file needs mode 0600).",
  "host-key":
    "If the server's key or certificate was changed on purpose, put the new one into the known_hosts file or the trusted certificates; otherwise somebody may be in between.",
  "not-found": "Check the URL and the branch, and that the deploy key may read this repository.",
  protocol: "Check that the URL is a Git repository's and not a web page's.",
  "too-large": "Keep large files out of this repository.",
  damaged: "It is replaced by a fresh clone as soon as the server answers.",
  storage: "Free some space, or make the folder writable.",
  "refused-url": "Correct the URL.",
  aborted: "",
  "git-missing": "Install Git and the OpenSSH client (apt-get install git openssh-client).",
};

/** The clone that a command worked on: some of its words point to damage there. null: the command worked on none. */
export interface FailureContext {
  /** What was tried, in words: "fetching branch main from https://…". */
  doing: string;
  cloneDir: string | null;
}

/** Builds the error for a command that failed. `said` is its standard error. */
export function diagnose(context: FailureContext, code: number | null, said: string): SourceError {
  const kind = kindOf(context, said);
  const words = quoteForPeople(said);
  const answer = words === "" ? `it ended with ${code === null ? "a signal" : `exit code ${code}`}` : words;
  return new SourceError(kind, sentence(`${context.doing} failed: ${answer}`, advice[kind]));
}

/** An error with the usual advice for its kind. */
export function failure(kind: SourceErrorKind, what: string, cause?: unknown): SourceError {
  return new SourceError(kind, sentence(what, advice[kind]), { cause });
}

/** Text from elsewhere for a message: one line, printable, at most 400 characters, without Git's filler. */
export function quoteForPeople(text: string): string {
  const lines = text
    .split(/[\r\n]+/)
    .map((line) => line.replace(/\p{C}/gu, " ").trim())
    .filter((line) => line !== "" && !filler.test(line));
  const joined = lines.join("; ");
  return joined.length <= 400 ? joined : `${joined.slice(0, 400)}…`;
}

const filler =
  /^@+$|^@ .* @$|^(?:remote: )?(?:Enumerating|Counting|Compressing|Receiving|Resolving)\b|^Please make sure you have the correct access rights|^and the repository exists\.|^hint: /;

function kindOf(context: FailureContext, said: string): SourceErrorKind {
  const local = said
    .split("\n")
    .filter((line) => !line.startsWith("remote: "))
    .join("\n");
  if (context.cloneDir !== null && damage.test(local) && !/remote error|does not appear to be/.test(local)) {
    return /No space left|Read-only file system/i.test(local) ? "storage" : "damaged";
  }
  for (const [kind, pattern] of symptoms) if (pattern.test(said)) return kind;
  return "protocol";
}

function sentence(what: string, next: string): string {
  const ended = /[.!?…]$/.test(what) ? what : `${what}.`;
  return next === "" ? ended : `${ended} ${next}`;
}
