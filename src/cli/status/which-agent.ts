import { type LocalAgent, localAgents } from "../../host/agents.ts";

/** Which agent of this host is meant; null where it does not matter. */
export interface AgentChoice {
  /** Given as --status-port: nothing else is looked at. */
  statusPort: number | null;
  environment: string | null;
  /** The node that the agent runs as. */
  agent: string | null;
}

/**
 * The port of the agent that is meant: the given one, else that of the agent that runs here for the environment or under the
 * node's name, else `usual`. Throws an error that names those that run here when an environment has none.
 */
export function agentPort(
  choice: AgentChoice,
  usual: number,
  running: () => readonly LocalAgent[] = localAgents,
): number {
  if (choice.statusPort !== null) return choice.statusPort;
  if (choice.environment === null && choice.agent === null) return usual;
  const agents = running();
  const found = agents.find(
    ({ environment, node }) =>
      (choice.environment === null || environment === choice.environment) &&
      (choice.agent === null || node === choice.agent),
  );
  if (found !== undefined) return found.statusPort;
  // Perhaps the locks may not be read here; the agent's own name tells whether it was the right one.
  if (choice.environment === null) return usual;
  const others = [...new Set(agents.map(({ environment }) => environment))].sort().join(", ");
  throw new Error(
    `no agent runs here for environment '${choice.environment}'${others === "" ? ": is it running, and may you read /run/orun (it is root's)?" : `; there is ${others}`}`,
  );
}

/** The choice that a command's options make. */
export function agentChoice(options: Record<string, unknown>, statusPort: number): AgentChoice {
  const text = (name: string): string | null => {
    const value = options[name];
    return typeof value === "string" ? value : null;
  };
  return {
    statusPort: options["statusPort"] === undefined ? null : statusPort,
    environment: text("environment"),
    agent: text("agent"),
  };
}
