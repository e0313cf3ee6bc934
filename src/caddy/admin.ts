import { chmodSync, statSync } from "node:fs";
import { request } from "node:http";
import { IngressError } from "../agent/errors.ts";
import { ADMIN_ORIGIN, type Json } from "./config.ts";

/** Caddy's admin API on its Unix socket. Every call has a deadline; all throw {@link IngressError} when nothing answers. */
export interface Admin {
  /** What Caddy really runs. */
  config(signal: AbortSignal): Promise<Json>;
  /** Has Caddy run this configuration instead; answers why it refuses (it then goes on as before), or null. */
  load(config: Json, signal: AbortSignal): Promise<string | null>;
  metrics(signal: AbortSignal): Promise<string>;
}

const READ_MS = 3000;
const LOAD_MS = 60_000;
/** Anything larger is not what Caddy answers (bytes). */
const MAX_ANSWER = 64 * 1024 * 1024;

export function connectAdmin(socketPath: string): Admin {
  const ask = (
    method: "GET" | "POST",
    path: string,
    body: string | null,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<{ status: number; text: string }> =>
    new Promise((resolve, reject) => {
      const fail = (cause: unknown): void => {
        const why = cause instanceof Error ? cause.message : String(cause);
        reject(new IngressError(`the ingress does not answer on ${socketPath}: ${why}`, { cause }));
      };
      const outgoing = request(
        {
          socketPath,
          method,
          path,
          agent: false,
          signal: AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]),
          headers: {
            host: ADMIN_ORIGIN,
            ...(body === null
              ? {}
              : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          let size = 0;
          response.on("data", (chunk: Buffer) => {
            size += chunk.length;
            if (size > MAX_ANSWER) outgoing.destroy(new Error("its answer is larger than 64 MiB"));
            chunks.push(chunk);
          });
          response.once("error", fail);
          response.once("end", () =>
            resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }),
          );
        },
      );
      outgoing.once("error", fail);
      outgoing.end(body ?? undefined);
    });

  return {
    async config(signal) {
      const { status, text } = await ask("GET", "/config/", null, READ_MS, signal);
      if (status !== 200)
        throw new IngressError(
          `the ingress answered ${String(status)} for its configuration: ${text.trim()}`,
        );
      return toJson(JSON.parse(text));
    },
    async load(config, signal) {
      const { status, text } = await ask("POST", "/load", JSON.stringify(config), LOAD_MS, signal);
      return status === 200 ? null : reasonOf(text);
    },
    async metrics(signal) {
      const { status, text } = await ask("GET", "/metrics", null, READ_MS, signal);
      if (status !== 200) throw new IngressError(`the ingress answered ${String(status)} for its metrics`);
      return text;
    },
  };
}

/** Caddy wraps its refusals in `{"error": …}`. One line, capped: it goes into the status. */
function reasonOf(text: string): string {
  let reason = text;
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null && "error" in parsed) reason = String(parsed.error);
  } catch {
    // Not wrapped: the text is the reason.
  }
  const line = reason.replace(/\s+/g, " ").trim();
  // What it is about comes last, after the way there.
  return line.length > 500 ? `${line.slice(0, 150)} … ${line.slice(-340)}` : line;
}

/** A parsed JSON text as the type that says so. */
function toJson(value: unknown): Json {
  if (value === null || typeof value === "boolean" || typeof value === "number" || typeof value === "string")
    return value;
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toJson(item)]));
  return null;
}

/** The same text for the same value, in whatever order its keys came. */
export function canonical(value: Json): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === "object" && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}

/** Only root may speak to Caddy: its folder is closed, and so is its socket, which older versions make for everybody. */
export function isPrivate(socketPath: string): boolean {
  const mode = statSync(socketPath, { throwIfNoEntry: false })?.mode;
  return mode !== undefined && (mode & 0o777) === 0o600;
}

/** Makes it so. */
export function makePrivate(socketPath: string): void {
  if (!isPrivate(socketPath)) chmodSync(socketPath, 0o600);
}
