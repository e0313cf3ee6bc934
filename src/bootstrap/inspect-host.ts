/** Getting to know a host, and refusing one on which bootstrap would do harm or come to nothing. */
import { type Facts, factsCommand, parseFacts } from "./facts.ts";
import type { GitHost } from "./git-host.ts";
import { architectureOf, judge } from "./judge.ts";
import { chooseStatusPort, questionsFor } from "./plan.ts";
import type { SshConnection } from "./ssh.ts";
import { quoteAnswer } from "./ssh-error.ts";
import type { Executable, Request, Wanted } from "./wanted.ts";

/**
 * Looks at a host; changes nothing.
 * @throws {Error} when it does not answer in full.
 */
export async function readFacts(ssh: SshConnection, request: Request): Promise<Facts> {
  const outcome = await ssh.run({
    argv: factsCommand(questionsFor(request)),
    root: true,
    timeoutMs: 120_000,
  });
  if (outcome.code !== 0 && !outcome.stdout.includes("end\t"))
    throw new Error(`${ssh.target.host} could not be looked at: ${quoteAnswer(outcome.stderr)}`);
  return parseFacts(outcome.stdout);
}

/**
 * Completes the request by what depends on the host.
 * @throws {Error} that lists everything that speaks against going on.
 */
export async function inspectHost(
  ssh: SshConnection,
  request: Request,
  executableFor: (architecture: "x64" | "arm64") => Promise<Executable>,
): Promise<{ facts: Facts; wanted: Wanted; warnings: readonly string[] }> {
  const asked = Date.now();
  const facts = await readFacts(ssh, request);
  // The host's clock was read somewhere in between.
  const now = (asked + Date.now()) / 2000;
  const architecture = architectureOf(facts.machine);
  if (architecture === null)
    throw new Error(`The host's architecture is ${facts.machine}: orun exists for x86_64 and aarch64.`);
  const executable = await executableFor(architecture);
  const wanted = { ...request, statusPort: chooseStatusPort(facts, request), executable };
  const { problems, warnings } = judge(facts, wanted, Math.round(now));
  const unreachable = await gitProblem(ssh, request.git);
  const all = unreachable === null ? problems : [...problems, unreachable];
  if (all.length > 0)
    throw new Error(
      `nothing was changed on ${ssh.target.host}:\n${all.map((line) => `  - ${line}`).join("\n")}`,
    );
  return { facts, wanted, warnings };
}

/** Whether the node reaches the Git host's port at all. bash is everywhere; nothing else that connects is. */
async function gitProblem(ssh: SshConnection, git: GitHost): Promise<string | null> {
  if (git.kind === "local") return null;
  const script = 'exec 3<>"/dev/tcp/$1/$2"';
  const argv = ["timeout", "15", "bash", "-c", script, "orun-reach", git.host, String(git.port)];
  const outcome = await ssh.run({ argv });
  if (outcome.code === 0) return null;
  const said =
    outcome.code === 124
      ? "no answer within 15 s"
      : quoteAnswer(outcome.stderr).replace(/^.*?(?:line \d+: )/, "");
  return `The node does not reach the Git host ${git.host}, port ${String(git.port)}: ${said}. Check its DNS and firewall, and spec.gitRepo of the Node.`;
}
