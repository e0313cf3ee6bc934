import { EngineError, type EngineErrorKind } from "../agent/errors.ts";
import { escapeControl } from "../manifest/text.ts";
import { type Call, describeCall } from "./call.ts";

/** Where a wording counts: in any answer, or only in that of a pull (an engine's "connection refused" may mean other things). */
type Scope = "any" | "pull";

/** The engine's wordings, from 20.10 to 28 (moby), in the order in which they are looked for. */
const WORDINGS: readonly (readonly [RegExp, EngineErrorKind, Scope, string])[] = [
  [/is already in use by container/i, "name-taken", "any", "rename or remove the other container"],
  [
    /port is already allocated|(bind|listen|proxy).*address already in use|ports are not available/i,
    "port-taken",
    "any",
    "free the port or change it",
  ],
  [/address already in use/i, "address-taken", "any", "another address is taken at the next try"],
  [/no space left on device|disk quota exceeded/i, "no-space", "any", "free disk space on this node"],
  [/executable file not found|exec format error/i, "refused", "any", "check the command and the image"],
  [/toomanyrequests|rate limit|429 Too Many/i, "registry-rate-limit", "pull", "it is tried again later"],
  [
    /no matching manifest|does not match the specified platform|unsupported media type|invalid manifest/i,
    "image-unusable",
    "pull",
    "publish the image for this architecture",
  ],
  [
    /layer verification failed|unexpected commit digest|digest .*(mismatch|verif)|invalid (tar|checksum)|gzip: invalid/i,
    "image-unusable",
    "pull",
    "push the image again",
  ],
  [
    /manifest unknown|manifest for .* not found|repository does not exist|pull access denied|not found: manifest|name unknown|no such image/i,
    "image-not-found",
    "pull",
    "check its name and tag, that it was pushed and, if it is private, that root on this node is logged in ('docker login')",
  ],
  [/no such image/i, "image-not-found", "any", "it is pulled again"],
  [
    /unauthorized|authentication required|no basic auth credentials|incorrect username or password|denied/i,
    "registry-auth",
    "pull",
    "log in with 'docker login' as root on this node",
  ],
  [
    /connection refused|connection reset|no such host|i\/o timeout|deadline exceeded|TLS handshake|x509|EOF|server misbehaving|Client\.Timeout|request canceled|network is unreachable|no route to host|HTTP response to HTTPS|unexpected (HTTP )?status.*5\d\d|5\d\d (Internal|Bad|Service|Gateway)/i,
    "registry-unreachable",
    "pull",
    "it is tried again",
  ],
];

/** An engine's refusal as an error: what was asked, what the engine answered (one line, capped), what to do next. */
export function engineError(call: Pick<Call, "method" | "path">, status: number, text: string): EngineError {
  const answer = escapeControl(text.trim()).slice(0, 500);
  const isPull = call.path === "/images/create";
  const what = isPull ? "pull" : describeCall(call);
  for (const [wording, kind, scope, advice] of WORDINGS) {
    if ((scope === "pull" && !isPull) || !wording.test(text)) continue;
    return new EngineError(kind, `${what}: ${answer}: ${advice}`, { status });
  }
  return new EngineError(
    kindOf(status, isPull),
    `${what}: the engine answered ${String(status)}: ${answer}`,
    {
      status,
    },
  );
}

/** A failure of the connection itself: stopped by the caller, too slow, or cut off. */
export function transportError(
  cause: unknown,
  what: string,
  state: { aborted: boolean; expired: boolean; socketPath: string },
): EngineError {
  if (cause instanceof EngineError) return cause;
  // In this order: after an abort the socket reports a reset like any other.
  if (state.aborted) return new EngineError("aborted", `${what}: stopped`, { cause });
  if (state.expired)
    return new EngineError("timeout", `${what}: the engine did not answer in time`, { cause });
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const at = `no Docker engine answers at ${state.socketPath} (${code})`;
  if (code === "EACCES" || code === "EPERM") {
    return new EngineError("unreachable", `${at}: this user may not open the socket: run orun as root`, {
      cause,
    });
  }
  if (code === "ENOENT" || code === "ECONNREFUSED") {
    return new EngineError("unreachable", `${at}: is it running ('systemctl status docker')?`, { cause });
  }
  return new EngineError(
    "unreachable",
    `${what}: the engine's answer was cut off (${code === "" ? String(cause) : code}): is it restarting?`,
    { cause },
  );
}

function kindOf(status: number, isPull: boolean): EngineErrorKind {
  if (status === 404) return isPull ? "image-not-found" : "not-found";
  if (status === 409) return "conflict";
  return status === 400 ? "refused" : "engine";
}
