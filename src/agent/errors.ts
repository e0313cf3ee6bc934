/** Errors of the engine, by what must happen next (ARCHITECTURE, 6). */

export type EngineErrorKind =
  /** No engine answers on the socket. */
  | "unreachable"
  | "timeout"
  | "aborted"
  | "not-found"
  /** The container name is in use. */
  | "name-taken"
  /** A host port is in use. */
  | "port-taken"
  /** The static address is in use on the network. */
  | "address-taken"
  | "image-not-found"
  | "registry-auth"
  | "registry-rate-limit"
  | "registry-unreachable"
  /** The image is not for this architecture, or its content is broken. */
  | "image-unusable"
  | "no-space"
  /** The engine refuses the request as wrong (400), e.g. an option it does not know. */
  | "refused"
  /** The state of the object forbids it now (409). */
  | "conflict"
  | "api-version"
  /** Anything else the engine answered (5xx). */
  | "engine";

/** A failed call to the engine. `message` says what was asked, what the engine answered, and what to do when that is known. */
export class EngineError extends Error {
  readonly kind: EngineErrorKind;
  readonly status: number | null;
  constructor(kind: EngineErrorKind, message: string, options?: { cause?: unknown; status?: number }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = "EngineError";
    this.kind = kind;
    this.status = options?.status ?? null;
  }
}

/** What a failure asks for: a person (stalled), nothing but time or an event (waiting), or another try (transient). */
export type Schedule = "stalled" | "waiting" | "transient";

/** The schedule of each kind of failure. */
export const scheduleOf: Readonly<Record<EngineErrorKind, Schedule>> = {
  unreachable: "transient",
  timeout: "transient",
  aborted: "waiting",
  "not-found": "transient",
  "name-taken": "stalled",
  "port-taken": "stalled",
  "address-taken": "transient",
  "image-not-found": "stalled",
  "registry-auth": "stalled",
  "registry-rate-limit": "transient",
  "registry-unreachable": "transient",
  "image-unusable": "stalled",
  "no-space": "transient",
  refused: "stalled",
  conflict: "transient",
  "api-version": "stalled",
  engine: "transient",
};

/** The ingress cannot be led to where it should be. `message` says why, and what to do when that is known. */
export class IngressError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "IngressError";
  }
}
