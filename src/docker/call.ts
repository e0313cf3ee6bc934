/** One request to the engine, before it is sent. */
export interface Call {
  method: "GET" | "POST" | "DELETE";
  /** Without the version prefix; parts that come from outside are escaped with {@link pathOf}. */
  path: string;
  query?: Record<string, string>;
  body?: unknown;
  headers?: Record<string, string>;
  /** ms until the whole answer is there (streams: until its head is there); default {@link DEADLINE_MS}. */
  deadlineMs?: number;
  signal: AbortSignal;
}

export const DEADLINE_MS = 30_000;

/** The call for people: without its query and body, which may carry what nobody should read. */
export function describeCall(call: Pick<Call, "method" | "path">): string {
  return `${call.method} ${call.path}`;
}

/** Escapes each part of a name that may have slashes in it, such as an image reference. */
export function pathOf(name: string): string {
  return name.split("/").map(encodeURIComponent).join("/");
}
