import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { parse } from "yaml";
import { z } from "zod";
import { parseDuration } from "../manifest/duration.ts";

/** Read when no other file is named. */
const CONFIG_FILE = "/etc/orun/agent.yaml";

const duration = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== null && ms >= 500 && ms <= 86_400_000) return ms;
  context.addIssue({ code: "custom", message: "expected a duration from 500ms to 24h" });
  return z.NEVER;
});

const shape = z.strictObject({
  repo: z.string().optional(),
  branch: z.string().optional(),
  node: z.string().optional(),
  dataDir: z.string().optional(),
  codeDir: z.string().optional(),
  pollInterval: duration.optional(),
  statusPort: z.coerce.number("expected a port").int().min(0).max(65535).optional(),
  dockerHost: z.string().optional(),
  deployKey: z.string().optional(),
  knownHosts: z.string().optional(),
  allowInsecureGit: z.boolean().optional(),
  once: z.boolean().optional(),
});

export interface Settings {
  repo: string | null;
  branch: string;
  node: string;
  dataDir: string;
  codeDir: string;
  /** ms; null: as the Node manifest says. */
  pollInterval: number | null;
  statusPort: number;
  socketPath: string;
  deployKey: string | null;
  knownHosts: string | null;
  allowInsecureGit: boolean;
  once: boolean;
}

/**
 * Flags over /etc/orun/agent.yaml, or the file that `--config` names, over defaults (SPEC 8). Throws an error that names the flag
 * or the file's field.
 */
export function readSettings(options: Record<string, unknown>): Settings {
  const { config, ...flags } = options;
  const file = typeof config === "string" ? config : CONFIG_FILE;
  const fromFlags = check(
    flags,
    (field) => `--${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
  );
  const fromFile = check(readConfig(file, typeof config === "string"), (field) => `${file}: ${field}`);
  const merged = { ...fromFile, ...fromFlags };
  return {
    repo: merged.repo ?? null,
    branch: merged.branch ?? "main",
    node: merged.node ?? (hostname().split(".")[0] ?? "node").toLowerCase(),
    dataDir: merged.dataDir ?? "/opt/orun",
    codeDir: merged.codeDir ?? "/var/lib/orun/code",
    pollInterval: merged.pollInterval ?? null,
    statusPort: merged.statusPort ?? 9100,
    socketPath: socketOf(merged.dockerHost ?? process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock"),
    deployKey: merged.deployKey ?? null,
    knownHosts: merged.knownHosts ?? null,
    allowInsecureGit: merged.allowInsecureGit ?? false,
    once: merged.once ?? false,
  };
}

function check(values: unknown, nameOf: (field: string) => string): z.output<typeof shape> {
  const parsed = shape.safeParse(values);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    (issue) => `${nameOf(issue.path.map(String).join("."))}: ${issue.message}`,
  );
  throw new Error(problems.join("; "));
}

function readConfig(file: string, named: boolean): unknown {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    if (code === "ENOENT" && !named) return {};
    throw new Error(`${file} cannot be read (${code})${named ? ": --config names it" : ""}`, {
      cause: error,
    });
  }
  const parsed: unknown = parse(text);
  return parsed ?? {};
}

function socketOf(url: string): string {
  if (url.startsWith("unix:///")) return url.slice("unix://".length);
  if (url.startsWith("/")) return url;
  throw new Error(
    `--docker-host: expected unix:///path of a local socket, not '${url}': orun manages the engine of its own host`,
  );
}
