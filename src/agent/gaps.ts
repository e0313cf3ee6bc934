/** How long nothing of a deployment serves because of its own release: under `Recreate`, which stops before it starts. */
export interface Gaps {
  /** The last one that served is being stopped. */
  began(deployment: string, now: number): void;
  /** A revision serves; nothing happens when there was no gap. */
  ended(deployment: string, revision: string, now: number): void;
  /** The gap of a revision's release, so far if it is not over, ms; null: it had none. */
  of(deployment: string, revision: string, now: number): number | null;
  /** Its release had no gap: what an earlier one of the same revision had is over and done. */
  none(deployment: string): void;
  forget(deployment: string): void;
}

export function createGaps(): Gaps {
  const open = new Map<string, number>();
  const past = new Map<string, { revision: string; ms: number }>();
  return {
    began: (deployment, now) => void open.set(deployment, now),
    ended(deployment, revision, now) {
      const from = open.get(deployment);
      if (from !== undefined) past.set(deployment, { revision, ms: now - from });
      open.delete(deployment);
    },
    of(deployment, revision, now) {
      const from = open.get(deployment);
      if (from !== undefined) return now - from;
      const last = past.get(deployment);
      return last?.revision === revision ? last.ms : null;
    },
    none: (deployment) => void past.delete(deployment),
    forget(deployment) {
      open.delete(deployment);
      past.delete(deployment);
    },
  };
}
