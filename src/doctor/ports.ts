import { fail, type Finding, ok, warn } from "./finding.ts";

export interface PortUse {
  /** Who listens on the port; null: nobody. */
  holder(port: number): string | null;
  /** Whether this node's ingress runs, which then has its ports; null: not known, the engine does not answer. */
  ingressRuns: boolean | null;
  /** Whether an agent answers on its status port. */
  agentAnswers: boolean;
}

/** The ports that orun needs: of its ingress, once there is a Service, and of the agent's status on loopback. */
export function checkPorts(use: PortUse, ingress: readonly number[], status: number): Finding[] {
  const findings: Finding[] = [];
  for (const port of ingress) {
    const holder = use.holder(port);
    const check = `port ${port}`;
    if (use.ingressRuns === true)
      findings.push(
        holder === null
          ? fail(
              check,
              "the ingress runs, but nothing listens here",
              "See 'orun status' and 'docker logs orun-ingress'.",
            )
          : ok(check, "served by the ingress"),
      );
    else if (holder === null) findings.push(ok(check, "free for the ingress"));
    else
      findings.push(
        warn(
          check,
          `taken by ${holder}`,
          "The first Service needs it. Stop that program, or name other ports in the Node manifest (ingress.httpPort, httpsPort).",
        ),
      );
  }
  findings.push(checkStatusPort(use, status));
  return findings;
}

function checkStatusPort(use: PortUse, port: number): Finding {
  const check = `port ${port}`;
  if (use.agentAnswers) return ok(check, "the agent's status API answers");
  const holder = use.holder(port);
  return holder === null
    ? ok(check, "free for the agent's status API")
    : fail(
        check,
        `taken by ${holder}, which is no agent that answers`,
        "Stop it, or give the agent another port with --status-port or statusPort:.",
      );
}
