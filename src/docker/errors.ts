import { EngineError, type EngineErrorKind } from "../agent/errors.ts";
import { escapeControl } from "../manifest/diagnostic.ts";

/** The engine's wordings, from 20.10 to 28, in the order in which they are looked for. */
const WORDINGS: readonly (readonly [RegExp, EngineErrorKind, string])[] = [
  [/is already in use by container/i, "name-taken", "rename or remove the other container"],
  [
    /port is already allocated|address already in use.*(bind|listen|proxy)|(bind|listen|proxy).*address already in use|ports are not available/i,
    "port-taken",
    "free the port or change it",
  ],
  [/address already in use/i, "address-taken", ""],
  [/no space left on device/i, "no-space", "free disk space"],
  [/toomanyrequests|rate limit/i, "registry-rate-limit", "it is tried again later"],
  [
    /no matching manifest|exec format error|layer.*(digest|verif)|filesystem layer verification failed|unexpected EOF|does not match the specified platform/i,
    "image-unusable",
    "publish the image for this architecture",
  ],
  [
    /unauthorized|authentication required|no basic auth credentials|incorrect username or password|denied: requested access/i,
    "registry-auth",
    "log in with 'docker login' as root on this node",
  ],
  [
    /manifest unknown|manifest for .* not found|repository does not exist|pull access denied|No such image|not found: manifest|name unknown/i,
    "image-not-found",
    "check the image's name and tag, and that it was pushed",
  ],
  [
    /connection refused|no such host|i\/o timeout|TLS handshake|EOF|server misbehaving|Client\.Timeout|network is unreachable|received unexpected HTTP status: 5\d\d/i,
    "registry-unreachable",
    "it is tried again",
  ],
];

/** An engine's refusal as an error whose kind says what to do next. */
export function engineError(
  call: { method: string; path: string },
  status: number,
  text: string,
): EngineError {
  const answer = escapeControl(text.trim()).slice(0, 500);
  const isPull = call.path === "/images/create";
  for (const [wording, kind, advice] of WORDINGS) {
    if (!wording.test(text)) continue;
    if (kind === "registry-unreachable" && !isPull) continue;
    if (kind === "image-not-found" && !isPull && !/image/i.test(text)) continue;
    return new EngineError(kind, advice === "" ? answer : `${answer}: ${advice}`, { status });
  }
  const kind =
    status === 404
      ? isPull
        ? "image-not-found"
        : "not-found"
      : status === 409
        ? "conflict"
        : status === 400
          ? "refused"
          : "engine";
  return new EngineError(
    kind,
    `${call.method} ${call.path}: the engine answered ${String(status)}: ${answer}`,
    { status },
  );
}
