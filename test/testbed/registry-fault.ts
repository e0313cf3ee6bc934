/** The ways in which the test bed's registry fails. */
import type { IncomingMessage, ServerResponse } from "node:http";

export type RegistryFault =
  /** Answers every request with this status, in the registry's own error format; with 429, `Retry-After` when given (s). */
  | { kind: "status"; status: number; retryAfter?: number }
  /** Accepts requests and never answers. */
  | { kind: "hang" }
  /** Resets every connection. */
  | { kind: "reset" }
  /** Cuts the connection after so many bytes of a layer; everything else works. */
  | { kind: "cut"; afterBytes: number }
  /** Turns a byte of every layer around; everything else works. */
  | { kind: "corrupt" };

/** Registry API error codes (distribution specification) for the statuses a test asks for. */
const CODES: Record<number, string> = {
  401: "UNAUTHORIZED",
  403: "DENIED",
  404: "MANIFEST_UNKNOWN",
  429: "TOOMANYREQUESTS",
};

/** What becomes of a request's answer: it is there already; it is cut after so many bytes; a byte of it is turned; null: nothing. */
export type Damage = "answered" | "corrupt" | number | null;

/** Does what the fault says. */
export function fail(fault: RegistryFault | null, incoming: IncomingMessage, answer: ServerResponse): Damage {
  switch (fault?.kind) {
    case undefined:
      return null;
    case "hang":
      return "answered";
    case "reset":
      incoming.socket.resetAndDestroy();
      return "answered";
    case "cut":
      return isBlob(incoming) ? fault.afterBytes : null;
    case "corrupt":
      return isBlob(incoming) ? "corrupt" : null;
    case "status": {
      const code = CODES[fault.status] ?? "UNKNOWN";
      answer.writeHead(fault.status, {
        "content-type": "application/json",
        ...(fault.retryAfter === undefined ? {} : { "retry-after": String(fault.retryAfter) }),
      });
      answer.end(JSON.stringify({ errors: [{ code, message: `the test bed says ${code}` }] }));
      return "answered";
    }
  }
}

function isBlob(incoming: IncomingMessage): boolean {
  return incoming.method === "GET" && (incoming.url ?? "").includes("/blobs/");
}
