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
export function checkPorts(
  use: PortUse,
  ingress: { http: number; https: number },
  status: number,
): Finding[] {
  return [
    checkIngressPort(use, ingress.http, "nothing listens here, though the ingress runs"),
    // Caddy opens it with the first Service that has `ssl`.
    checkIngressPort(use, ingress.https, null),
    checkStatusPort(use, status),
  ];
}

/** @param silence what is wrong when the ingress runs and nobody listens; null: nothing. */
function checkIngressPort(use: PortUse, port: number, silence: string | null): Finding {
  const holder = use.holder(port);
  const check = `port ${port}`;
  if (use.ingressRuns === true) {
    if (holder !== null) return ok(check, "served by the ingress");
    return silence === null
      ? ok(check, "free: no Service has ssl")
      : fail(check, silence, "See 'orun status' and 'docker logs orun-ingress'.");
  }
  if (holder === null) return ok(check, "free for the ingress");
  return warn(
    check,
    `taken by ${holder}`,
    "The first Service needs it. Stop that program, or name other ports in the Node manifest (ingress.httpPort, httpsPort).",
  );
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
