/** Taking an agent off a host (SPEC 9). What runs goes on running, unless it is asked for otherwise. */
import { describeOperation } from "./operation.ts";
import { perform } from "./perform.ts";
import { parseUninstallFacts, planUninstall, uninstallFactsCommand } from "./plan-uninstall.ts";
import type { SshConnection } from "./ssh.ts";
import { quoteAnswer } from "./ssh-error.ts";
import type { Teller } from "./teller.ts";

/**
 * Runs it.
 * @throws {Error} with what was tried, what the host answered, and what to do.
 */
export async function uninstallNode(
  ssh: SshConnection,
  node: { name: string; environment: string; dataDir: string },
  options: { workloads: boolean; dryRun: boolean },
  teller: Teller,
): Promise<void> {
  const argv = uninstallFactsCommand(node.name, node.environment);
  const outcome = await ssh.run({ argv, root: true });
  if (outcome.code !== 0)
    throw new Error(`${ssh.target.host} could not be looked at: ${quoteAnswer(outcome.stderr)}`);
  const facts = parseUninstallFacts(outcome.stdout);
  if (options.workloads && facts.workloads === null)
    throw new Error(
      `nothing was changed on ${ssh.target.host}: its containers cannot be removed, as the engine (or the docker command) does not answer there. Start it (systemctl start docker), or leave --workloads out.`,
    );
  const steps = planUninstall(facts, node.environment, options.workloads);
  if (options.dryRun) {
    for (const { title, operations } of steps) {
      teller.say(`# ${title}`);
      for (const operation of operations) teller.say(describeOperation(operation));
    }
    return;
  }
  if (teller.ask !== null) {
    for (const { title, operations } of steps) if (operations.length > 0) teller.say(`  will do: ${title}`);
    if (!(await teller.ask(`Go on with ${ssh.target.host}?`)))
      throw new Error("stopped; nothing was changed");
  }
  for (const { title, operations } of steps) {
    teller.begin(title);
    for (const operation of operations) await perform(ssh, operation);
    teller.end(operations.length === 0 ? "nothing to do" : "done");
  }
  teller.say(
    `The agent of ${node.name} is gone. Left as they are: ${options.workloads ? "" : "its containers, which go on running and restart with the host; "}volumes, ${node.dataDir}, the Docker engine. Remove the node's deploy key at the Git host too.`,
  );
}
