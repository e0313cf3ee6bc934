/** Exits of proven containers, so that a loop of them does not look like a deployment that runs (SPEC 3). */

/** A first crash is shown for so long, each further one for twice as long, at most (ms). */
const SHOWN_MS = 15_000;
const SHOWN_MAX_MS = 300_000;

export interface Crash {
  /** The revision that crashed. */
  revision: string;
  message: string;
  /** The last lines that it wrote. */
  logs: readonly string[];
  /** ms: shown until then. */
  until: number;
}

export interface Crashes {
  /** One more exit of a proven container that nobody of us caused. */
  note(
    deployment: string,
    exit: {
      container: string;
      revision: string;
      exitCode: number;
      oomKilled: boolean;
      logs: readonly string[];
    },
    now: number,
  ): Crash;
  /** The crash to show; null: none of late. */
  of(deployment: string, now: number): Crash | null;
}

export function createCrashes(): Crashes {
  const last = new Map<string, Crash & { count: number; at: number }>();
  return {
    note(deployment, { container, revision, exitCode, oomKilled, logs }, now) {
      const before = last.get(deployment);
      const again = before?.revision === revision && now < before.at + SHOWN_MAX_MS;
      const count = again ? before.count + 1 : 1;
      const line = logs.at(-1);
      const message = [
        `${container} exited with code ${String(exitCode)}${oomKilled ? " (out of memory)" : ""}`,
        ...(count === 1 ? [] : [`${String(count)} exits one after the other`]),
        ...(line === undefined ? [] : [`last log line: ${line}`]),
      ].join("; ");
      const until = now + Math.min(SHOWN_MAX_MS, SHOWN_MS * 2 ** Math.min(10, count - 1));
      const crash = { revision, message, logs, until, count, at: now };
      last.set(deployment, crash);
      return crash;
    },
    of(deployment, now) {
      const crash = last.get(deployment);
      return crash === undefined || now >= crash.until ? null : crash;
    },
  };
}
