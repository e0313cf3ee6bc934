import type { Engine, EngineIdentity } from "../agent/ports.ts";
import { acquireLock, LOCK_FOLDER, type Lock, type LockHolder } from "../host/lock.ts";
import { chooseEnvironment, environmentOf, type EnvironmentFacts } from "../state/environment.ts";

export interface Claim {
  environment: string;
  lock: Lock;
}

/**
 * Makes this agent the one of its environment on the engine (SPEC 3, 7). The engine says which labels other branches have; one
 * that was taken a moment ago by an agent without a network yet is told by its lock. `wanted`: the Node manifest's name.
 */
export async function claimEnvironment(
  engine: Pick<Engine, "environments">,
  identity: EngineIdentity,
  holder: Omit<LockHolder, "environment">,
  wanted: { name: string } | { remembered: EnvironmentFacts["remembered"] },
  signal: AbortSignal,
): Promise<Claim> {
  const lock = async (environment: string): Promise<Claim> => {
    const file = `${identity.id.replace(/[^A-Za-z0-9_-]/g, "_")}.${environment}.lock`;
    return { environment, lock: await acquireLock(`${LOCK_FOLDER}/${file}`, { ...holder, environment }) };
  };
  const { branch, node } = holder;
  const holders = await engine.environments(signal);
  if ("name" in wanted) {
    const environment = wanted.name;
    const other = holders.find((item) => item.environment === environment && item.branch !== branch);
    if (other === undefined) return lock(environment);
    const by = `the agent of branch '${other.branch}' (node '${other.node}')`;
    return { environment, lock: { held: false, by, branch: other.branch } };
  }
  const { remembered } = wanted;
  const first = await lock(chooseEnvironment({ branch, node, remembered, holders }));
  const other = first.lock.held ? null : first.lock.branch;
  if (other === null || other === branch) return first;
  return lock(environmentOf(branch, () => other));
}
