import type { TrackedContainer } from "../plan/input.ts";
import type { ObservedContainer } from "../state/observed.ts";
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
  forget(present: ReadonlySet<string>): void;
}

export function createTracker(health: HealthMonitor): Tracker {
  const seen = new Map<string, { key: string; since: number }>();
  const tried = new Set<string>();
  const busy = new Map<string, NonNullable<TrackedContainer["busy"]>>();
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
          busy: busy.get(container.id) ?? null,
        };
      }),
    started: (id) => void tried.add(id),
    settled: (id) => void tried.delete(id),
    occupy(id, by) {
      if (by === null) busy.delete(id);
      else busy.set(id, by);
    },
    forget(present) {
      for (const id of seen.keys()) if (!present.has(id)) seen.delete(id);
      for (const id of tried) if (!present.has(id)) tried.delete(id);
      for (const id of busy.keys()) if (!present.has(id)) busy.delete(id);
      health.forget(present);
    },
  };
}
