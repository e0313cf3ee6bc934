/** Time as the agent sees it: monotonic, so that a clock set by hand moves no deadline (ms). */
export interface Clock {
  now(): number;
  /** Resolves after `ms` or as soon as the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** The clock of this process: the wall time at its start plus the monotonic time since. */
export function systemClock(): Clock {
  return {
    now: () => performance.timeOrigin + performance.now(),
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) {
          resolve();
          return;
        }
        const done = (): void => {
          clearTimeout(timer);
          signal.removeEventListener("abort", done);
          resolve();
        };
        const timer = setTimeout(done, Math.min(ms, 2_147_483_647));
        signal.addEventListener("abort", done, { once: true });
      }),
  };
}

/** Whether a signal has aborted by now: a question asked anew after every await. */
export function isStopped(signal: AbortSignal): boolean {
  return signal.aborted;
}
