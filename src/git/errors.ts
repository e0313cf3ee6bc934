/** Failures of the Git source, by what went wrong, so that the caller can tell them apart (SPEC 3, "When Git fails"). */

export type SourceErrorKind =
  /** No answer, a broken connection, or a server that is ill (5xx). */
  | "unreachable"
  | "timeout"
  /** The server answered and refuses these credentials. */
  | "auth"
  /** The server's host key or certificate is not the expected one. */
  | "host-key"
  /** The repository, or the commit asked for, is not there. */
  | "not-found"
  /** The server answers something that is not Git, or that Git refuses. */
  | "protocol"
  /** Origin sends more than the limits allow. */
  | "too-large"
  /** The local clone is broken, and could not be replaced yet. */
  | "damaged"
  /** The local disk refuses: full, read-only, no permission. */
  | "storage"
  /** The URL or branch is not of the allowed forms. */
  | "refused-url"
  | "aborted"
  | "git-missing";

/** `message` says what was tried (the URL without credentials), what answered, and what to do next. */
export class SourceError extends Error {
  readonly kind: SourceErrorKind;
  constructor(kind: SourceErrorKind, message: string, options?: { cause?: unknown }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = "SourceError";
    this.kind = kind;
  }
}

/** Wraps an error of the file system: `doing` completes "cannot …". */
export function storageError(doing: string, cause: unknown): SourceError {
  const said = cause instanceof Error ? cause.message : String(cause);
  return new SourceError(
    "storage",
    `cannot ${doing}: ${said}. Check the free space and the permissions of that folder.`,
    { cause },
  );
}
