import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { z } from "zod";
import { EngineError } from "../agent/errors.ts";

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
const helperShape = z.object({ Username: z.string(), Secret: z.string() });

const HUB = "https://index.docker.io/v1/";

/**
 * The `X-Registry-Auth` header for one registry, or null: read anew at every pull, because logins expire, from
 * /etc/orun/docker/config.json, else Docker's own config.json (SPEC 8). Bound to that registry; never in an error or argv.
 */
export async function registryAuth(registry: string): Promise<string | null> {
  const config = readConfig();
  if (config === null) return null;
  const names =
    registry === "docker.io"
      ? [HUB, "docker.io", "index.docker.io"]
      : [registry, `https://${registry}`, `https://${registry}/v2/`];
  const helper =
    names.map((name) => config.credHelpers[name]).find((name) => name !== undefined) ?? config.credsStore;
  if (helper !== undefined) {
    for (const name of names) {
      const login = await askHelper(helper, name);
      if (login !== null)
        return encode({ username: login.Username, password: login.Secret, serveraddress: name });
    }
  }
  for (const name of names) {
    const entry = config.auths[name];
    if (entry === undefined) continue;
    if (entry.identitytoken !== undefined)
      return encode({ identitytoken: entry.identitytoken, serveraddress: name });
    const [username = "", ...password] =
      entry.auth === undefined ? [] : Buffer.from(entry.auth, "base64").toString("utf8").split(":");
    const login =
      entry.auth === undefined
        ? { username: entry.username ?? "", password: entry.password ?? "" }
        : { username, password: password.join(":") };
    if (login.username !== "") return encode({ ...login, serveraddress: name });
  }
  return null;
}

function readConfig(): z.output<typeof configShape> | null {
  const paths = [
    "/etc/orun/docker/config.json",
    `${process.env["DOCKER_CONFIG"] ?? `${homedir()}/.docker`}/config.json`,
  ];
  for (const path of paths) {
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch {
      continue; // Absent or unreadable: the next one, as the docker command does.
    }
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      throw new EngineError(
        "registry-auth",
        `${path} is not JSON: mend it, or log in again with 'docker login'`,
      );
    }
    const parsed = configShape.safeParse(json);
    if (!parsed.success)
      throw new EngineError(
        "registry-auth",
        `${path} is not a Docker configuration: log in again with 'docker login'`,
      );
    return parsed.data;
  }
  return null;
}

/** Asks `docker-credential-NAME get`, the server on its standard input; null when it has no login for it. */
function askHelper(name: string, server: string): Promise<z.output<typeof helperShape> | null> {
  return new Promise((resolve) => {
    if (!/^[a-zA-Z0-9_.-]+$/.test(name)) {
      resolve(null);
      return;
    }
    const child = spawn(`docker-credential-${name}`, ["get"], {
      stdio: ["pipe", "pipe", "ignore"],
      timeout: 10_000,
      killSignal: "SIGKILL",
    });
    const chunks: Buffer[] = [];
    child.once("error", () => resolve(null));
    child.stdin.once("error", () => undefined);
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.once("close", (code) => {
      if (code !== 0) {
        resolve(null);
        return;
      }
      try {
        const parsed = helperShape.safeParse(JSON.parse(Buffer.concat(chunks).toString("utf8")));
        resolve(parsed.success ? parsed.data : null);
      } catch {
        resolve(null);
      }
    });
    child.stdin.end(server);
  });
}

/** Padded base64url: what the engine's decoder wants. */
function encode(value: Record<string, string>): string {
  return Buffer.from(JSON.stringify(value)).toString("base64").replace(/\+/g, "-").replace(/\//g, "_");
}
