/** Everything that the agent does or notices, as one typed stream: log, status and tests are fed from it. */
import type { Action } from "../plan/action.ts";

export type AgentEvent =
  | {
      type: "agent.started";
      node: string;
      environment: string;
      branch: string;
      version: string;
      engine: string;
    }
  | { type: "agent.stopped" }
  | { type: "engine.lost"; message: string; retryInMs: number }
  | { type: "engine.found" }
  | { type: "git.failed"; message: string; retryInMs: number }
  | { type: "git.recovered" }
  | { type: "commit.accepted"; commit: string; subject: string; deployments: number; diagnostics: number }
  | { type: "commit.held"; commit: string | null; message: string }
  | { type: "action.done"; deployment: string; action: Action; durationMs: number }
  | { type: "action.failed"; deployment: string; action: Action; message: string; retryInMs: number }
  | { type: "image.pulled"; deployment: string; image: string; digest: string | null; durationMs: number }
  | { type: "image.failed"; deployment: string; image: string; message: string; retryInMs: number }
  | {
      type: "rollout.failed";
      deployment: string;
      revision: string;
      message: string;
      probes: string[];
      logs: string[];
      returned: boolean;
    }
  /** `gapMs`: under `Recreate`, how long nothing of the deployment served; null: it was never without. */
  | { type: "deployment.ready"; deployment: string; revision: string; commit: string; gapMs: number | null }
  | { type: "deployment.state"; deployment: string; from: string | null; to: string; message: string }
  | { type: "container.crashed"; deployment: string; container: string; exitCode: number; logs: string[] }
  /** By this agent, because its liveness probe failed. */
  | {
      type: "container.restarted";
      deployment: string;
      container: string;
      reason: string;
      probes: string[];
      logs: string[];
    }
  | { type: "service.state"; service: string; to: string; message: string }
  | { type: "ingress.failed"; message: string; retryInMs: number }
  | { type: "ingress.recovered" }
  | { type: "image.removed"; image: string }
  | { type: "warning"; message: string };

export type Emit = (event: AgentEvent) => void;
