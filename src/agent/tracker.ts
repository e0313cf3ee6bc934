import type { TrackedContainer } from "../plan/input.ts";
import type { ObservedContainer } from "../state/observed.ts";
import type { Clock } from "./clock.ts";
import type { HealthMonitor } from "./health.ts";

/** What the agent remembers of containers between observations: since when a phase, and whether it started them itself. */
export interface Tracker {
  track(containers: readonly ObservedContainer[], now: number): TrackedContainer[];
  /** This agent's own start of a container. */
  started(id: string): void;
  /** Stopped or proven by this agent: an exit from now on is no failed start. */
  settled(id: string): void;
  /** Something lasting is being done to it; null: it is done. */
  occupy(id: string, by: TrackedContainer["busy"]): void;
  /** A call of this agent ends it, or has just ended it: its end is no crash. */
  dying(id: string, now: boolean): void;
  isDying(id: string): boolean;
  /** Drops what is known of containers that an observation begun at `before` (ms) does not show. */
  forget(present: ReadonlySet<string>, before: number): void;
}

/** The engine's event of an end may come so long after its answer, ms. */
const ECHO_MS = 2000;

export function createTracker(health: HealthMonitor, clock: Clock): Tracker {
  const seen = new Map<string, { key: string; since: number }>();
  /** By id, when it was started (ms). */
  const tried = new Map<string, number>();
  /** By id, until when its end is ours (ms). */
  const dying = new Map<string, number>();
  const busy = new Map<string, { by: NonNullable<TrackedContainer["busy"]>; since: number }>();
  return {
    track: (containers, now) =>
      containers.map((container) => {
        const key = `${container.phase} ${String(container.phase === "running" ? container.startedAt : container.finishedAt)}`;
        const last = seen.get(container.id);
        const since = last?.key === key ? last.since : now;
        seen.set(container.id, { key, since });
        const facts = health.facts(container.id);
        return {
          ...container,
          since,
          tried: tried.has(container.id),
          readiness: facts.readiness,
          alive: facts.liveness !== "failing",
          busy: busy.get(container.id)?.by ?? null,
          busySince: busy.get(container.id)?.since ?? null,
          retryAt: null,
        };
      }),
    started: (id) => void tried.set(id, clock.now()),
    settled: (id) => void tried.delete(id),
    occupy(id, by) {
      if (by === null) busy.delete(id);
      else busy.set(id, { by, since: clock.now() });
    },
    dying: (id, now) => void dying.set(id, now ? Infinity : clock.now() + ECHO_MS),
    isDying: (id) => (dying.get(id) ?? -Infinity) >= clock.now(),
    forget(present, before) {
      for (const [id, { since }] of seen) if (!present.has(id) && since < before) seen.delete(id);
      for (const [id, at] of tried) if (!present.has(id) && at < before) tried.delete(id);
      for (const [id, { since }] of busy) if (!present.has(id) && since < before) busy.delete(id);
      for (const [id, until] of dying) if (!present.has(id) && until < before) dying.delete(id);
      health.forget(present);
    },
  };
}
