import { systemClock, type Clock } from "../../src/agent/clock.ts";

/** A clock that also runs things later; the fakes live by it, and the agent may share it. */
export interface FakeClock extends Clock {
  /** Runs `work` in `ms`; answers how to call it off. */
  after(ms: number, work: () => void): () => void;
}

export interface ManualClock extends FakeClock {
  /** Lets `ms` pass: whatever is due runs in the order of its time, and what waits for it goes on before the next. */
  advance(ms: number): Promise<void>;
}

/** Time that passes by itself. What is still to run keeps no process alive. */
export function runningClock(): FakeClock {
  return {
    ...systemClock(),
    after(ms, work) {
      const timer = setTimeout(work, ms);
      timer.unref();
      return () => clearTimeout(timer);
    },
  };
}

/** Time that stands still until a test moves it. `start` is ms since the epoch. */
export function manualClock(start = 1_700_000_000_000): ManualClock {
  let now = start;
  let order = 0;
  const due = new Map<number, { at: number; work: () => void }>();
  const after = (ms: number, work: () => void): (() => void) => {
    const key = order++;
    due.set(key, { at: now + Math.max(0, ms), work });
    return () => void due.delete(key);
  };
  return {
    now: () => now,
    after,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) {
          resolve();
          return;
        }
        const done = (): void => {
          cancel();
          signal.removeEventListener("abort", done);
          resolve();
        };
        const cancel = after(ms, done);
        signal.addEventListener("abort", done, { once: true });
      }),
    async advance(ms) {
      const end = now + ms;
      await idle();
      for (;;) {
        const [next] = [...due].filter(([, item]) => item.at <= end).sort(byTime);
        if (next === undefined) break;
        due.delete(next[0]);
        now = Math.max(now, next[1].at);
        next[1].work();
        await idle();
      }
      now = end;
    },
  };
}

type Due = [number, { at: number }];
const byTime = (a: Due, b: Due): number => a[1].at - b[1].at || a[0] - b[0];

/** Until everything that can go on without time passing has gone on. */
function idle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
