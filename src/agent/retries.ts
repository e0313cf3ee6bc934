import type { Action } from "../plan/action.ts";
import type { Failure } from "../plan/condition.ts";
import { describe } from "../plan/describe.ts";
import { backoff } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import { EngineError, scheduleOf } from "./errors.ts";
import type { Emit } from "./events.ts";

/** Retries after the engine's failures: HEAL within 30 s after a fault clears, so never longer (ms). */
const ENGINE_RETRY_MAX_MS = 15_000;
const START_RETRY_MAX_MS = 300_000;

export interface Retry extends Failure {
  /** ms */
  notBefore: number;
  /** The failed action; null: a failed start of a first deployment. */
  action: string | null;
  specHash: string | null;
}

/** When a deployment that failed is tried again. */
export interface Retries {
  of(deployment: string): Retry | null;
  failed(deployment: string, specHash: string | null, action: Action | null, error: unknown): void;
  clear(deployment: string): void;
}

export function createRetries(clock: Clock, emit: Emit): Retries {
  const retries = new Map<string, Retry>();
  return {
    of: (deployment) => retries.get(deployment) ?? null,
    clear: (deployment) => void retries.delete(deployment),
    failed(deployment, specHash, action, error) {
      const count = (retries.get(deployment)?.count ?? 0) + 1;
      const message = error instanceof Error ? error.message : String(error);
      const stalled = error instanceof EngineError && scheduleOf[error.kind] === "stalled";
      const retryInMs = backoff(
        count,
        stalled ? 3000 : 500,
        action === null ? START_RETRY_MAX_MS : ENGINE_RETRY_MAX_MS,
        Math.random,
      );
      const notBefore = clock.now() + retryInMs;
      const said = action === null ? null : describe(action);
      retries.set(deployment, { message, count, notBefore, action: said, specHash });
      if (action !== null) emit({ type: "action.failed", deployment, action, message, retryInMs });
    },
  };
}
