import type { NodeAnswer } from "../status/render.ts";
import { parseStatus } from "../status/shape.ts";
import { type NodeHost, type OpenHost, remoteFailure } from "./host.ts";
import type { FleetNode } from "./nodes.ts";

/** A node's answer with everything in it, for programs. */
export type FullAnswer = NodeAnswer & { everything: unknown };

export interface AskOptions {
  /** Of the whole answer, connecting included (ms). */
  deadlineMs: number;
  /** Whether ssh may ask on the terminal. */
  interactive: boolean;
  /** Which agent of the host; null: the node's own. */
  environment: string | null;
  open: OpenHost;
  /** Aborting ends everything; the answer then does not matter. */
  signal: AbortSignal;
}

export interface Asker {
  node: string;
  /** Never throws: no answer is an answer too. */
  ask(): Promise<FullAnswer>;
  close(): Promise<void>;
}

/** Asks one node, over a connection that is kept between two questions and made anew after a failure. */
export function createAsker(node: FleetNode, options: AskOptions): Asker {
  let host: NodeHost | null = null;
  const drop = async (): Promise<void> => {
    const old = host;
    host = null;
    await old?.close();
  };
  return {
    node: node.name,
    async ask() {
      const none = (error: string): FullAnswer => ({
        node: node.name,
        status: null,
        error,
        everything: null,
      });
      if (node.problem !== null) return none(node.problem);
      const deadline = AbortSignal.timeout(options.deadlineMs);
      const signal = AbortSignal.any([deadline, options.signal]);
      try {
        host ??= await options.open(node, { interactive: options.interactive, signal });
        const args = ["status", "--json", ...agentArguments(node.name, options.environment)];
        const outcome = await host.orun(args, { signal });
        if (!outcome.stdout.trimStart().startsWith("{")) return none(remoteFailure(node.name, outcome));
        const everything: unknown = JSON.parse(outcome.stdout);
        return { node: node.name, status: parseStatus(outcome.stdout), error: null, everything };
      } catch (error) {
        await drop();
        return none(
          deadline.aborted
            ? `no answer within ${String(options.deadlineMs / 1000)} s from ${node.spec.host}, port ${String(node.spec.sshPort)}: is the host up, and does its firewall let ssh through?`
            : error instanceof Error
              ? error.message
              : String(error),
        );
      }
    },
    close: drop,
  };
}

/** Which of the agents on a host is meant: a host can have several, one for each environment. */
export function agentArguments(node: string, environment: string | null): string[] {
  return environment === null ? ["--agent", node] : ["--environment", environment];
}
