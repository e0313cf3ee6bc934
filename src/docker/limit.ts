/** A deadline and a caller's signal as one signal, which leaves nothing behind on either once it is released. */
export interface Limit {
  /** Aborts when the caller stops or the time is up. */
  signal: AbortSignal;
  /** Whether the time was up first. */
  expired(): boolean;
  /** Counts anew, `ms` from now; null: no deadline any more. */
  restart(ms: number | null): void;
  release(): void;
}

/** Starts the clock: `ms` from now, or at the parent's abort, the signal aborts. */
export function limit(parent: AbortSignal, ms: number): Limit {
  const controller = new AbortController();
  let expired = false;
  let timer: NodeJS.Timeout | null = null;
  const stop = (): void => controller.abort();
  const restart = (next: number | null): void => {
    if (timer !== null) clearTimeout(timer);
    timer =
      next === null
        ? null
        : setTimeout(() => {
            expired = !parent.aborted;
            stop();
          }, next);
  };
  if (parent.aborted) stop();
  else {
    parent.addEventListener("abort", stop, { once: true });
    restart(ms);
  }
  return {
    signal: controller.signal,
    expired: () => expired,
    restart,
    release() {
      restart(null);
      parent.removeEventListener("abort", stop);
    },
  };
}
