import type { Action } from "../plan/action.ts";
import type { Failure } from "../plan/condition.ts";
import { backoff } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import { EngineError, scheduleOf } from "./errors.ts";
import type { Emit } from "./events.ts";

/** Retries after the engine's failures: HEAL within 30 s after a fault clears, so never longer (ms). */
const ENGINE_RETRY_MAX_MS = 15_000;
const START_RETRY_MAX_MS = 300_000;

interface Retry extends Failure {
  /** ms */
  notBefore: number;
  /** The container that it is about; null: none, or a failed start of a first deployment. */
  container: string | null;
}

/** When what failed is tried again: by deployment, and there by action and container, so that one failure holds up nothing else. */
export interface Retries {
  /** The failure to show: the latest one that still stands. */
  shown(deployment: string): Retry | null;
  /** ms: when the action may be tried; 0: now. */
  notBefore(deployment: string, action: Action): number;
  /** ms: when a first deployment's failed start is tried again; 0: now. */
  startNotBefore(deployment: string): number;
  /** ms: until when a container is left alone after a failure; null: nothing failed. */
  container(deployment: string, id: string): number | null;
  /** The next time at which anything of it is due (ms); null: nothing failed. */
  next(deployment: string): number | null;
  /** `action` null: a first deployment's container did not prove itself. `specHash`: what it was tried for. */
  failed(deployment: string, specHash: string | null, action: Action | null, error: unknown): void;
  succeeded(deployment: string, action: Action): void;
  /** Forgets what was tried for another spec, what is due and not asked for any more, and containers that are gone. */
  tidy(
    deployment: string,
    specHash: string | null,
    present: ReadonlySet<string>,
    wanted: Action | null,
  ): void;
  clear(deployment: string): void;
}

const START = "start of a first deployment";

interface Entry extends Retry {
  specHash: string | null;
}

export function createRetries(clock: Clock, emit: Emit): Retries {
  const retries = new Map<string, Map<string, Entry>>();
  const of = (deployment: string): ReadonlyMap<string, Entry> => retries.get(deployment) ?? new Map();
  return {
    shown: (deployment) => [...of(deployment).values()].at(-1) ?? null,
    notBefore: (deployment, action) => of(deployment).get(keyOf(action))?.notBefore ?? 0,
    startNotBefore: (deployment) => of(deployment).get(START)?.notBefore ?? 0,
    container(deployment, id) {
      const own = [...of(deployment).values()].filter((entry) => entry.container === id);
      return own.length === 0 ? null : Math.max(...own.map((entry) => entry.notBefore));
    },
    next(deployment) {
      const all = [...of(deployment).values()].map((entry) => entry.notBefore);
      return all.length === 0 ? null : Math.min(...all);
    },
    clear: (deployment) => void retries.delete(deployment),
    succeeded: (deployment, action) => void retries.get(deployment)?.delete(keyOf(action)),
    tidy(deployment, specHash, present, wanted) {
      const key = wanted === null ? null : keyOf(wanted);
      const now = clock.now();
      const entries = retries.get(deployment);
      for (const [name, entry] of entries ?? []) {
        const isOver = name !== START && name !== key && now >= entry.notBefore;
        const isGone = entry.container !== null && !present.has(entry.container);
        if (entry.specHash !== specHash || isOver || isGone) entries?.delete(name);
      }
      if (entries?.size === 0) retries.delete(deployment);
    },
    failed(deployment, specHash, action, error) {
      const key = action === null ? START : keyOf(action);
      const entries = retries.get(deployment) ?? new Map<string, Entry>();
      retries.set(deployment, entries);
      const count = (entries.get(key)?.count ?? 0) + 1;
      const message = error instanceof Error ? error.message : String(error);
      const stalled = error instanceof EngineError && scheduleOf[error.kind] === "stalled";
      const retryInMs = backoff(
        count,
        stalled ? 3000 : 500,
        action === null ? START_RETRY_MAX_MS : ENGINE_RETRY_MAX_MS,
        Math.random,
      );
      const container = action !== null && "container" in action ? action.container : null;
      entries.delete(key);
      entries.set(key, { message, count, notBefore: clock.now() + retryInMs, container, specHash });
      if (action !== null) emit({ type: "action.failed", deployment, action, message, retryInMs });
    },
  };
}

/** The same action for the same thing, whatever its reason. */
function keyOf(action: Action): string {
  const what = "container" in action ? action.container : "name" in action ? action.name : "";
  return `${action.kind} ${what}`;
}
