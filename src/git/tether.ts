/** Programs on the network must not outlive the agent: a forgotten fetch would go on writing into the clone. */
import { runProcess, type SpawnObserver } from "./process.ts";

const command = ["setpriv", "--pdeathsig", "TERM", "--"] as const;

/**
 * What to put before a command so that the kernel ends it with the agent, even after SIGKILL (prctl(2), PR_SET_PDEATHSIG):
 * util-linux's setpriv, or nothing where that is absent or too old.
 */
export async function findTether(onSpawn: SpawnObserver, signal: AbortSignal): Promise<readonly string[]> {
  const [program, ...args] = command;
  const env = { PATH: process.env["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin" };
  try {
    const outcome = await runProcess({ program, args: [...args, "true"], env }, { signal, onSpawn });
    return outcome.code === 0 ? command : [];
  } catch {
    signal.throwIfAborted();
    // Not installed: the sweep at the next start does what it can.
    return [];
  }
}
