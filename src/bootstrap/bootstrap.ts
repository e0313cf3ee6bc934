/** From a host that is reached by ssh to one that runs an agent (SPEC 9). Every run goes the same way; what is so is passed over. */
import { setTimeout as delay } from "node:timers/promises";
import { watchConvergence } from "./converge.ts";
import type { Facts } from "./facts.ts";
import { deployKeyPage, publishedFingerprints } from "./git-host.ts";
import { type HostKey, operatorsHostKeys, parseHostKeys, renderKnownHosts } from "./host-keys.ts";
import { inspectHost, readFacts } from "./inspect-host.ts";
import { instancePaths } from "./layout.ts";
import { describeOperation, type Step } from "./operation.ts";
import { perform } from "./perform.ts";
import { planHostKey, planInstallation, planService, planUpgrade } from "./plan.ts";
import { shellCommand } from "./quote.ts";
import { accessCommand, judgeAccess } from "./repository-access.ts";
import type { SshConnection } from "./ssh.ts";
import { quoteAnswer } from "./ssh-error.ts";
import type { Teller } from "./teller.ts";
import { parseUpgradeOutcome, upgradeOutcomeCommand, upgradeUnit } from "./upgrade.ts";
import type { Executable, Request, Wanted } from "./wanted.ts";

export interface BootstrapOptions {
  dryRun: boolean;
  executableFor: (architecture: "x64" | "arm64") => Promise<Executable>;
  /** How long the deploy key is waited for, ms. */
  keyPatienceMs: number;
}

/**
 * Runs it. Answers whether all that the repository asks of the node runs.
 * @throws {Error} with what was tried, what the host answered, and what to do. A later run goes on from there.
 */
export async function bootstrapNode(
  ssh: SshConnection,
  request: Request,
  options: BootstrapOptions,
  teller: Teller,
): Promise<boolean> {
  teller.begin(`Looking at ${ssh.target.host}`);
  const { facts, wanted, warnings } = await inspectHost(ssh, request, options.executableFor);
  teller.end(`${facts.os.name}, ${facts.machine}`);
  for (const warning of warnings) teller.say(`  note: ${warning}`);
  if (options.dryRun) {
    showPlan(facts, wanted, teller);
    return true;
  }
  await finishUpgrade(ssh, facts, teller);
  const installation = planInstallation(facts, wanted);
  if (teller.ask !== null && installation.some((step) => step.operations.length > 0)) {
    for (const step of installation.filter((item) => item.operations.length > 0))
      teller.say(`  will do: ${step.title}`);
    if (!(await teller.ask(`Go on with ${ssh.target.host}?`)))
      throw new Error("stopped; nothing was changed");
  }
  for (const step of installation) await take(ssh, step, teller);
  await pinHostKey(ssh, facts, wanted, teller);
  await waitForAccess(ssh, wanted, options.keyPatienceMs, teller);
  // An upgrade that was under way may have changed what was seen at first.
  const later = await readFacts(ssh, wanted);
  for (const step of planService(later, wanted)) await take(ssh, step, teller);
  const upgrade = planUpgrade(later, wanted);
  if (upgrade.operations.length > 0) {
    await take(ssh, upgrade, teller);
    await awaitUpgrade(ssh, teller);
  }
  teller.say("What the agent does:");
  return await watchConvergence(ssh, wanted.statusPort, teller);
}

async function take(ssh: SshConnection, step: Step, teller: Teller): Promise<void> {
  teller.begin(step.title);
  for (const operation of step.operations) await perform(ssh, operation);
  teller.end(step.operations.length === 0 ? (step.note ?? "nothing to do") : (step.note ?? "done"));
}

/** Everything that a run would do, as far as it can be known before. */
function showPlan(facts: Facts, wanted: Wanted, teller: Teller): void {
  const show = (step: Step): void => {
    const nothing = step.operations.length === 0;
    teller.say(
      `# ${step.title}${nothing ? `: ${step.note ?? "nothing to do"}` : step.note === null ? "" : ` (${step.note})`}`,
    );
    for (const operation of step.operations) teller.say(describeOperation(operation));
  };
  for (const step of planInstallation(facts, wanted)) show(step);
  const { git, environment, spec } = wanted;
  if (git.kind === "ssh" && !facts.files.has(instancePaths(environment).knownHosts)) {
    const known = operatorsHostKeys(git.host, git.port);
    if (known.length > 0) show(planHostKey(environment, renderKnownHosts(git.host, git.port, known)));
    else
      teller.say(
        `# Git host's key: asked for, compared or shown, and pinned\n$ ${shellCommand(scanCommand(git))}`,
      );
  }
  if (git.kind !== "local")
    teller.say(
      `# Wait until the repository can be read\n$ ${shellCommand(accessCommand(git, environment, spec.gitBranch))}`,
    );
  for (const step of planService(facts, wanted)) show(step);
  show(planUpgrade(facts, wanted));
}

function scanCommand(git: { host: string; port: number }): string[] {
  return ["ssh-keyscan", "-T", "15", "-p", String(git.port), git.host];
}

/** Once pinned on the node, a key stays: a changed one is an error from then on. */
async function pinHostKey(ssh: SshConnection, facts: Facts, wanted: Wanted, teller: Teller): Promise<void> {
  const { git, environment } = wanted;
  if (git.kind !== "ssh") return;
  const { knownHosts } = instancePaths(environment);
  if (facts.files.has(knownHosts)) {
    teller.say(`  Git host's key: ${knownHosts} is there`);
    return;
  }
  const known = operatorsHostKeys(git.host, git.port);
  const keys = known.length > 0 ? known : await agreedHostKeys(ssh, git, teller);
  teller.say(`  Git host's key: ${known.length > 0 ? "as in your known_hosts" : "as agreed"}`);
  await take(ssh, planHostKey(environment, renderKnownHosts(git.host, git.port, keys)), teller);
}

async function agreedHostKeys(
  ssh: SshConnection,
  git: { host: string; port: number },
  teller: Teller,
): Promise<HostKey[]> {
  const { stdout, stderr } = await ssh.run({ argv: scanCommand(git) });
  const keys = parseHostKeys(stdout);
  if (keys.length === 0)
    throw new Error(
      `the node got no host key from ${git.host}, port ${String(git.port)}: ${quoteAnswer(stderr)}. Check its network, then run the same command again.`,
    );
  const shown = keys.map((key) => `    ${key.type} SHA256:${key.fingerprint}`).join("\n");
  const published = publishedFingerprints(git.host);
  if (published !== null && git.port === 22) {
    const genuine = keys.filter((key) => published.includes(key.fingerprint));
    if (genuine.length === keys.length) return keys;
    throw new Error(
      `${git.host} shows the node other keys than it publishes:\n${shown}\nSomebody may be in between; nothing was trusted. If ${git.host} has changed its keys, put the new ones into your known_hosts and run the same command again.`,
    );
  }
  teller.say(`  ${git.host} is not in your known_hosts. It shows the node these keys:\n${shown}`);
  if (teller.ask !== null && (await teller.ask("Are these the host's real keys? (compare them there)")))
    return keys;
  throw new Error(
    `the key of the Git host ${git.host} is not known, and is not trusted unseen. Compare the fingerprints above with the host's own, then put its key into your known_hosts (ssh-keyscan -p ${String(git.port)} ${git.host} >> ~/.ssh/known_hosts) and run the same command again.`,
  );
}

async function waitForAccess(
  ssh: SshConnection,
  wanted: Wanted,
  patienceMs: number,
  teller: Teller,
): Promise<void> {
  const { git, environment, spec } = wanted;
  if (git.kind === "local") return;
  const argv = accessCommand(git, environment, spec.gitBranch);
  const end = Date.now() + patienceMs;
  let told = "";
  for (;;) {
    const outcome = await ssh.run({ argv, root: true });
    const access = judgeAccess(git, environment, spec.gitBranch, outcome);
    if (access.state === "ok") break;
    if (access.state === "failed") throw new Error(access.message);
    if (told === "" && git.kind === "ssh") {
      const key = await ssh.run({ argv: ["cat", `${instancePaths(environment).deployKey}.pub`], root: true });
      teller.say(
        `The node's deploy key, made there, for reading ${git.url}:\n\n${key.stdout.trim()}\n\nAdd it here: ${deployKeyPage(git)}`,
      );
    }
    if (told !== access.message) teller.say(`  waiting: ${access.message}`);
    told = access.message;
    if (Date.now() > end)
      throw new Error(
        `the node still cannot read ${git.url}: ${access.message}. All is prepared; run the same command again when it is allowed to.`,
      );
    await delay(3000);
  }
  teller.say("  the node reads the repository");
}

/** One that an earlier run began goes on by itself; it is not disturbed. */
async function finishUpgrade(ssh: SshConnection, facts: Facts, teller: Teller): Promise<void> {
  if (facts.units.get(upgradeUnit)?.active !== true) return;
  teller.say("An upgrade that was begun earlier is under way there.");
  await awaitUpgrade(ssh, teller);
}

async function awaitUpgrade(ssh: SshConnection, teller: Teller): Promise<void> {
  teller.begin("The new executable proves itself");
  // Twice the minute that the script gives each executable, and room for a slow machine.
  const end = Date.now() + 6 * 60_000;
  for (;;) {
    const { code, stdout } = await ssh.run({ argv: upgradeOutcomeCommand, root: true });
    const outcome = code === 0 ? parseUpgradeOutcome(stdout) : null;
    if (outcome?.replaced === true) {
      teller.end(outcome.message);
      return;
    }
    if (outcome !== null) throw new Error(`the upgrade was undone: ${outcome.message}`);
    if (Date.now() > end)
      throw new Error(
        `the upgrade on ${ssh.target.host} came to no end: look there with 'systemctl status ${upgradeUnit}' and 'journalctl -u ${upgradeUnit}'`,
      );
    await delay(1000);
  }
}
