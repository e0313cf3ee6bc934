import { fail, type Finding, ok, warn } from "./finding.ts";

/** What the running agent says of itself; null: none answers. */
export interface AgentWord {
  version: string;
  engineError: string | null;
  syncError: string | null;
  ingressError: string | null;
  /** State by deployment. */
  deployments: Record<string, string>;
}

/** What the agent says, and whether it is of this version. */
export function checkAgent(word: AgentWord | null, port: number, version: string): Finding[] {
  if (word === null)
    return [
      fail(
        "agent",
        `no agent answers on 127.0.0.1:${port}`,
        "Containers go on running, but nobody looks after them. See the unit's line.",
      ),
    ];
  const findings: Finding[] = [];
  const errors = [word.engineError, word.syncError, word.ingressError].filter((error) => error !== null);
  const unwell = Object.entries(word.deployments).filter(
    ([, state]) => state !== "running" && state !== "suspended",
  );
  if (errors.length > 0)
    findings.push(
      fail("agent", errors.join("; "), "The lines of engine and git say more; so does 'orun status'."),
    );
  if (unwell.length > 0)
    findings.push(
      warn(
        "deployments",
        unwell.map(([name, state]) => `${name} is ${state}`).join(", "),
        "'orun status' says why, 'orun logs NAME' what it printed.",
      ),
    );
  if (word.version !== version)
    findings.push(
      warn(
        "version",
        `the agent runs orun ${word.version}, this is ${version}`,
        "'systemctl restart orun@agent' takes the new one up; no container notices.",
      ),
    );
  if (findings.length > 0) return findings;
  const count = Object.keys(word.deployments).length;
  return [
    ok("agent", `orun ${word.version}; ${count} ${count === 1 ? "deployment" : "deployments"}, all well`),
  ];
}
