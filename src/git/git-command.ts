/** Git commands for this source: fixed environment, allow-listed protocol, no credentials in any argument. */
import type { SourceSettings } from "../agent/source-port.ts";
import { diagnose } from "./diagnose.ts";
import { type Command, type Outcome, runProcess, type SpawnObserver } from "./process.ts";
import type { SupportFolder } from "./support-folder.ts";
import type { Remote } from "./url.ts";

/** What every command of one source shares. */
export interface GitContext {
  settings: SourceSettings;
  remote: Remote;
  support: SupportFolder;
  /** Put before programs that talk to the network, so that they end with the agent: `setpriv`, or nothing. */
  tether: readonly string[];
  onSpawn: SpawnObserver;
}

/** Of the agent's environment, only this reaches Git and ssh: where programs are, proxies, trusted certificates. */
const inherited = [
  "PATH",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "GIT_SSL_CAINFO",
  "GIT_SSL_CAPATH",
  "http_proxy",
  "https_proxy",
  "HTTPS_PROXY",
  "all_proxy",
  "ALL_PROXY",
  "no_proxy",
  "NO_PROXY",
];

/** The complete environment of our Git and ssh processes. It holds the HTTP credentials: arguments are public, this is not. */
function gitEnvironment(context: Omit<GitContext, "tether">): Record<string, string> {
  const { settings, remote, support } = context;
  const env: Record<string, string> = {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    LC_ALL: "C",
    HOME: support.path,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: support.gitConfig,
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "",
    SSH_ASKPASS: "",
    SSH_ASKPASS_REQUIRE: "never",
    GIT_ALLOW_PROTOCOL: allowedProtocol(remote),
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_NO_LAZY_FETCH: "1",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_CEILING_DIRECTORIES: "/",
    GIT_SSH: support.sshProgram,
    GIT_SSH_VARIANT: "ssh",
    GIT_PROTOCOL: "version=2",
    ORUN_SSH_CONFIG: support.sshConfig,
  };
  for (const name of inherited) copy(name, name, env);
  // An agent's keys are only wanted where no deploy key is given.
  if (settings.deployKey === null) copy("SSH_AUTH_SOCK", "SSH_AUTH_SOCK", env);
  // The HTTP client of this process trusts these, so Git has to: besides the system's, which curl reads from the folder.
  if (process.env["NODE_EXTRA_CA_CERTS"] !== undefined && env["GIT_SSL_CAINFO"] === undefined) {
    copy("NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO", env);
    env["GIT_SSL_CAPATH"] ??= "/etc/ssl/certs";
  }
  const authorization = remote.kind === "http" ? basicAuthorization(remote.credentials) : null;
  if (authorization !== null) {
    env["GIT_CONFIG_COUNT"] = "1";
    env["GIT_CONFIG_KEY_0"] = "http.extraHeader";
    env["GIT_CONFIG_VALUE_0"] = `Authorization: ${authorization}`;
  }
  return env;
}

/** The value of an Authorization header (RFC 7617), or null without credentials. */
export function basicAuthorization(credentials: { user: string; password: string } | null): string | null {
  if (credentials === null) return null;
  return `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`).toString("base64")}`;
}

/**
 * Runs Git on a clone, or on none when `gitDir` is null, and returns what it printed.
 * @param doing in words, for the error.
 * @throws {SourceError} of the diagnosed kind when Git fails.
 */
export async function git(
  context: GitContext,
  gitDir: string | null,
  doing: string,
  args: readonly string[],
  options: { signal: AbortSignal; input?: Buffer; maxStdoutBytes?: number; network?: boolean },
): Promise<Buffer> {
  const outcome = await gitOutcome(context, gitDir, args, options);
  if (outcome.code === 0) return outcome.stdout;
  throw diagnose({ doing, cloneDir: gitDir }, outcome.code, outcome.stderr);
}

/** Like {@link git}, for commands whose exit code is an answer. */
export async function gitOutcome(
  context: GitContext,
  gitDir: string | null,
  args: readonly string[],
  options: { signal: AbortSignal; input?: Buffer; maxStdoutBytes?: number; network?: boolean },
): Promise<Outcome> {
  const { network, ...run } = options;
  const where = gitDir === null ? [] : [`--git-dir=${gitDir}`];
  return await runProcess(sourceCommand(context, network ?? false, "git", [...where, ...args]), {
    ...run,
    onSpawn: context.onSpawn,
  });
}

/** A command of this source; `tethered` means that it ends when the agent is killed. */
export function sourceCommand(
  context: GitContext,
  tethered: boolean,
  program: string,
  args: readonly string[],
): Command {
  const env = gitEnvironment(context);
  const [tether, ...tetherArgs] = tethered ? context.tether : [];
  if (tether === undefined) return { program, args, env };
  return { program: tether, args: [...tetherArgs, program, ...args], env };
}

function allowedProtocol(remote: Remote): string {
  switch (remote.kind) {
    case "http":
      return remote.secure ? "https" : "http:https";
    case "ssh":
      return "ssh";
    case "local":
      return "file";
  }
}

function copy(from: string, to: string, env: Record<string, string>): void {
  const value = process.env[from];
  if (value !== undefined && value !== "") env[to] = value;
}
