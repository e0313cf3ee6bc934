import type { ShownStatus } from "../status/shape.ts";
import type { LoggedContainer } from "./follow.ts";

/**
 * The containers whose log is meant: those that run, or the last one that did. Throws when there is none, and says what there is.
 */
export function chooseContainers(status: ShownStatus, name: string, previous: boolean): LoggedContainer[] {
  const deployment = status.deployments[name];
  if (deployment === undefined) {
    const known = Object.keys(status.deployments).join(", ");
    throw new Error(`no deployment is called '${name}' here${known === "" ? "" : `; there is ${known}`}`);
  }
  const running = runningOf(deployment.containers);
  const stopped = deployment.containers.filter((container) => container.state !== "running").slice(-1);
  const chosen = previous || running.length === 0 ? stopped : running;
  if (chosen.length > 0) return chosen;
  throw new Error(
    previous
      ? `'${name}' has no earlier container any more: one is kept only while a release is under way. The last lines of a release that failed are in 'orun status'`
      : `'${name}' has no container yet: 'orun status' says why`,
  );
}

/** Those that run now. */
export function runningOf(containers: ShownStatus["deployments"][string]["containers"]): LoggedContainer[] {
  return containers.filter((container) => container.state === "running");
}
