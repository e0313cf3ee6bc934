import type { Action } from "../plan/action.ts";
import type { Emit } from "./events.ts";
import type { Clock } from "./clock.ts";
import type { Job } from "./executor.ts";
import type { Gaps } from "./gaps.ts";
import type { HealthMonitor } from "./health.ts";
import { lastWords } from "./last-words.ts";
import type { Engine } from "./ports.ts";
import type { Retries } from "./retries.ts";
import type { Tracker } from "./tracker.ts";

/** What takes as long as a container's grace period, and must not keep its deployment from anything else. */
type Lasting = Extract<Action, { kind: "retire" | "stop" | "restart" }>;

export interface Beside {
  /** Carries a lasting action out beside the lane; the deployment is looked at again when it has ended. */
  begin(name: string, action: Lasting, job: Job, specHash: string | null): void;
  /** Restarts by this agent because liveness failed, since the agent started. */
  restarts(name: string): number;
  forget(name: string): void;
}

export function createBeside(parts: {
  engine: Engine;
  health: HealthMonitor;
  tracker: Tracker;
  clock: Clock;
  emit: Emit;
  retries: Retries;
  gaps: Gaps;
  execute: (action: Lasting, job: Job) => Promise<void>;
  wake: (name: string) => void;
}): Beside {
  const { engine, tracker, clock, emit, retries, gaps } = parts;
  const restarts = new Map<string, number>();

  /** A restart for liveness is the agent's own deed: no crash, and counted apart. */
  const noteRestart = async (
    name: string,
    action: Extract<Lasting, { kind: "restart" }>,
    signal: AbortSignal,
  ): Promise<void> => {
    const seen = await lastWords(engine, parts.health, action.container, signal);
    restarts.set(name, (restarts.get(name) ?? 0) + 1);
    const { name: container, reason } = action;
    emit({ type: "container.restarted", deployment: name, container, reason, ...seen });
  };

  return {
    begin(name, action, job, specHash) {
      const from = clock.now();
      tracker.occupy(action.container, action.kind);
      const others = job.containers.some(
        (item) => item.id !== action.container && item.phase === "running" && item.restartPolicy === "always",
      );
      if (action.kind === "stop" && !others) gaps.began(name, from);
      const work = async (): Promise<void> => {
        if (action.kind === "restart") await noteRestart(name, action, job.signal);
        await parts.execute(action, job);
      };
      work()
        .then(
          () => {
            retries.succeeded(name, action);
            emit({ type: "action.done", deployment: name, action, durationMs: clock.now() - from });
          },
          (error: unknown) => {
            if (!job.signal.aborted) retries.failed(name, specHash, action, error);
          },
        )
        .finally(() => {
          tracker.occupy(action.container, null);
          parts.wake(name);
        });
    },
    restarts: (name) => restarts.get(name) ?? 0,
    forget: (name) => void restarts.delete(name),
  };
}
