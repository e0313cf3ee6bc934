/** Watching the agent's first pass from outside, by its status. */
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { link } from "./layout.ts";
import type { SshConnection } from "./ssh.ts";
import type { Teller } from "./teller.ts";

const statusShape = z.object({
  node: z.object({
    git_head: z.string().nullable(),
    sync_error: z.string().nullable(),
    engine_error: z.string().nullable().default(null),
  }),
  deployments: z.record(z.string(), z.object({ state: z.string(), message: z.string() })),
});
type Status = z.output<typeof statusShape>;

const well = new Set(["running", "suspended"]);
const unwell = new Set(["held", "rolled_back", "failed", "degraded"]);
/** Nothing new for so long (ms): the agent is left to itself. */
const patienceMs = 5 * 60_000;
const troubleMs = 60_000;

/** Says how each deployment fares until all have settled. Answers whether all is well. Throws {@link SshError} only. */
export async function watchConvergence(
  ssh: SshConnection,
  statusPort: number,
  teller: Teller,
): Promise<boolean> {
  const told = new Map<string, string>();
  const tell = (name: string, text: string): boolean => {
    if (told.get(name) === text) return false;
    told.set(name, text);
    teller.say(`  ${name}: ${text}`);
    return true;
  };
  let changed = Date.now();
  let troubleSince: number | null = null;
  let settledBefore = false;
  for (;;) {
    const status = await readStatus(ssh, statusPort);
    const trouble =
      status === null
        ? "the agent does not answer yet"
        : (status.node.sync_error ?? status.node.engine_error);
    if (trouble !== null && tell("agent", trouble)) changed = Date.now();
    for (const [name, { state, message }] of Object.entries(status?.deployments ?? {})) {
      if (tell(name, message === "" || state === "running" ? state : `${state}: ${message}`))
        changed = Date.now();
    }
    troubleSince = trouble === null ? null : (troubleSince ?? Date.now());
    const settled = status !== null && trouble === null && isSettled(status);
    if (settled && settledBefore)
      return Object.values(status.deployments).every(({ state }) => well.has(state));
    settledBefore = settled;
    if (troubleSince !== null && Date.now() - troubleSince > troubleMs) return false;
    if (Date.now() - changed > patienceMs) return false;
    await delay(1000);
  }
}

function isSettled({ node, deployments }: Status): boolean {
  return (
    node.git_head !== null &&
    Object.values(deployments).every(({ state }) => well.has(state) || unwell.has(state))
  );
}

async function readStatus(ssh: SshConnection, port: number): Promise<Status | null> {
  const argv = [link, "status", "--json", "--status-port", String(port)];
  const { stdout } = await ssh.run({ argv, root: true });
  try {
    return statusShape.safeParse(JSON.parse(stdout)).data ?? null;
  } catch {
    // It said in words that no agent answers.
    return null;
  }
}
