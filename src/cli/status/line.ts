import type { Status } from "../../agent/status.ts";

/** The agent in one line, for `systemctl status`: how many deployments are in which state, at which commit, and what is wrong. */
export function statusLine(status: Pick<Status, "node" | "deployments">): string {
  const { node } = status;
  const counts = new Map<string, number>();
  for (const { state } of Object.values(status.deployments)) counts.set(state, (counts.get(state) ?? 0) + 1);
  const states = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([state, n]) => `${n} ${state}`);
  const commit = node.git_head === null ? "no commit yet" : `commit ${node.git_head.slice(0, 8)}`;
  const deployments = states.length === 0 ? "no deployments" : states.join(", ");
  const trouble = [
    ["engine", node.engine_error],
    ["Git", node.sync_error],
    ["ingress", node.ingress_error],
  ].flatMap(([what, error]) => (error === null ? [] : [`; ${what}: ${error}`]));
  return `${node.name}, ${node.environment}: ${deployments}; ${commit}${trouble.join("")}`;
}
