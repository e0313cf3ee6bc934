import type { Readable } from "node:stream";
import { connectSsh } from "../../bootstrap/ssh.ts";
import { targetOf } from "../../bootstrap/target.ts";
import type { FleetNode } from "./nodes.ts";

/** Where bootstrap puts the executable. */
const ORUN = "/usr/local/bin/orun";

/** A node over ssh. */
export interface NodeHost {
  /**
   * Runs orun there, as root, with these arguments. Throws when the connection is refused or lost, and the signal's reason
   * after an abort.
   */
  orun(
    args: readonly string[],
    options: { signal: AbortSignal; input?: Readable; onStdout?: (chunk: Buffer) => void },
  ): Promise<{ code: number; stdout: string; stderr: string }>;
  close(): Promise<void>;
}

export type OpenHost = (
  node: FleetNode & { problem: null },
  options: { interactive: boolean; signal: AbortSignal },
) => Promise<NodeHost>;

/** Connects with the system's ssh: the operator's configuration, agent, jump hosts and known hosts hold. */
export const openHost: OpenHost = async (node, options) => {
  const connection = await connectSsh(targetOf(node.spec), options);
  return {
    orun: (args, { signal, input, onStdout }) =>
      connection.run({
        argv: [ORUN, ...args],
        root: true,
        timeoutMs: null,
        signal,
        ...(input === undefined ? {} : { input }),
        ...(onStdout === undefined ? {} : { onStdout }),
      }),
    close: () => connection.close(),
  };
};

/** What went wrong there, from what it said: the last lines of standard error. */
export function remoteFailure(node: string, outcome: { code: number; stderr: string }): string {
  const said = outcome.stderr
    .trim()
    .split("\n")
    .slice(-3)
    .join("; ")
    .replace(/^orun: /, "");
  if (outcome.code === 127 || /No such file|not found/.test(said))
    return `orun is not installed there: run 'orun bootstrap nodes/${node}.yaml'`;
  return said === "" ? `orun ended there with code ${String(outcome.code)}` : said;
}
