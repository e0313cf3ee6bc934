import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { z } from "zod";
import { EngineError } from "../agent/errors.ts";
import { askHelper } from "./credential-helper.ts";

const configShape = z.object({
  auths: z
    .record(
      z.string(),
      z.object({
        auth: z.string().optional(),
        username: z.string().optional(),
        password: z.string().optional(),
        identitytoken: z.string().optional(),
      }),
    )
    .default({}),
  credHelpers: z.record(z.string(), z.string()).default({}),
  credsStore: z.string().optional(),
});
type Config = z.output<typeof configShape>;

const HUB = "https://index.docker.io/v1/";

export interface Login {
  /** The value of `X-Registry-Auth`; null: pull without a login. */
  header: string | null;
  /** Why no login was found although one was configured; null: all well. */
  trouble: string | null;
}

/** Where logins are looked for, the first file that exists (SPEC 8). */
function configPaths(): string[] {
  return [
    "/etc/orun/docker/config.json",
    `${process.env["DOCKER_CONFIG"] ?? `${homedir()}/.docker`}/config.json`,
  ];
}

/**
 * The login for one registry and for no other; read anew at every pull, because logins expire. Never in an error or argv.
 * Throws an EngineError `registry-auth` when the file is there and cannot be read.
 */
export async function registryLogin(
  registry: string,
  signal: AbortSignal,
  paths: readonly string[] = configPaths(),
): Promise<Login> {
  const config = readConfig(paths);
  if (config === null) return { header: null, trouble: null };
  const server = registry === "docker.io" ? HUB : registry;
  const helper =
    Object.entries(config.credHelpers).find(([key]) => sameHost(key, registry))?.[1] ?? config.credsStore;
  let trouble: string | null = null;
  if (helper !== undefined && helper !== "") {
    const answer = await askHelper(helper, server, signal);
    if (answer.kind === "login") {
      const { username, secret } = answer;
      // A helper's word for "this is a token, not a password" (docker-credential-helpers).
      const login = username === "<token>" ? { identitytoken: secret } : { username, password: secret };
      return { header: encode({ ...login, serveraddress: server }), trouble: null };
    }
    if (answer.kind === "failed") trouble = answer.message;
  }
  for (const [key, entry] of Object.entries(config.auths)) {
    if (!sameHost(key, registry)) continue;
    if (entry.identitytoken !== undefined && entry.identitytoken !== "")
      return { header: encode({ identitytoken: entry.identitytoken, serveraddress: server }), trouble };
    const login = decodeAuth(entry.auth) ?? {
      username: entry.username ?? "",
      password: entry.password ?? "",
    };
    if (login.username !== "") return { header: encode({ ...login, serveraddress: server }), trouble };
  }
  return { header: null, trouble };
}

/** Docker's rule: keys of config.json may be URLs; only the host and port count, and docker.io has three names. */
function sameHost(key: string, registry: string): boolean {
  const host = key.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  const plain = host === "index.docker.io" || host === "registry-1.docker.io" ? "docker.io" : host;
  return plain === registry;
}

function decodeAuth(auth: string | undefined): { username: string; password: string } | null {
  if (auth === undefined || auth === "") return null;
  const text = Buffer.from(auth, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon === -1) return null;
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, "") };
}

function readConfig(paths: readonly string[]): Config | null {
  for (const path of paths) {
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (cause) {
      const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
      if (code === "ENOENT" || code === "ENOTDIR") continue;
      throw new EngineError("registry-auth", `${path} cannot be read (${code}): registry logins are in it`, {
        cause,
      });
    }
    const parsed = configShape.safeParse(parse(text));
    if (parsed.success) return parsed.data;
    // Without the parser's own words: they may quote a secret.
    throw new EngineError(
      "registry-auth",
      `${path} is not a Docker configuration: mend it, or log in again with 'docker login'`,
    );
  }
  return null;
}

function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return null;
  }
}

/** Padded base64url: what the engine's decoder wants. */
function encode(value: Record<string, string>): string {
  return Buffer.from(JSON.stringify(value)).toString("base64").replace(/\+/g, "-").replace(/\//g, "_");
}
