import { EngineError } from "../agent/errors.ts";
import type { ImageFacts, PullProgress } from "../agent/ports.ts";
import { parseImage } from "../manifest/image.ts";
import type { Call } from "./call.ts";
import type { Connection } from "./connection.ts";
import { registryLogin } from "./credentials.ts";
import { engineError } from "./errors.ts";
import { findImage } from "./images.ts";
import { pullReader } from "./pull-progress.ts";

const IDLE_MS = 60_000;

/** Pulls an image (Docker API, ImageCreate). No limit in all, but 60 s without any progress end it. */
export async function pullImage(
  connection: Connection,
  reference: string,
  onProgress: (progress: PullProgress) => void,
  signal: AbortSignal,
): Promise<ImageFacts> {
  const parsed = parseImage(reference);
  if (parsed === null) throw new EngineError("refused", `'${reference}' is not an image reference`);
  const login = await registryLogin(parsed.registry, signal);
  const name =
    parsed.registry === "docker.io" ? parsed.repository : `${parsed.registry}/${parsed.repository}`;
  const call: Call = {
    method: "POST",
    path: "/images/create",
    query: { fromImage: name, tag: parsed.digest ?? parsed.tag ?? "latest" },
    headers: login.header === null ? {} : { "x-registry-auth": login.header },
    deadlineMs: IDLE_MS,
    signal,
  };
  try {
    const stream = await connection.stream(call);
    const reader = pullReader(onProgress);
    await stream.read((chunk) => reader.push(chunk), IDLE_MS);
    const failure = reader.end();
    if (failure !== null) throw engineError(call, 500, failure);
  } catch (error) {
    throw explain(error, reference, login.trouble);
  }
  const facts = await findImage(connection, reference, signal);
  if (facts !== null) return facts;
  throw new EngineError(
    "image-not-found",
    `pull of ${reference}: done, and yet the engine has no such image: was it removed meanwhile?`,
  );
}

/** Says which image, and why there was no login when one was missing. */
function explain(error: unknown, reference: string, trouble: string | null): unknown {
  if (!(error instanceof EngineError)) return error;
  const status = error.status === null ? {} : { status: error.status };
  if (error.kind === "timeout") {
    const message = `pull of ${reference}: no progress for 60 s: it is tried again`;
    return new EngineError("registry-unreachable", message, { cause: error, ...status });
  }
  const loginMatters = error.kind === "registry-auth" || error.kind === "image-not-found";
  const note = loginMatters && trouble !== null ? ` (${trouble})` : "";
  const text = error.message.replace(/^(pull|POST \/images\/create): /, "");
  return new EngineError(error.kind, `pull of ${reference}: ${text}${note}`, { cause: error, ...status });
}
