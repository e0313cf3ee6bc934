import { setTimeout as delay } from "node:timers/promises";
import type { LogLine, LogQuery } from "../../agent/ports.ts";

/** A container of the deployment. */
export interface LoggedContainer {
  id: string;
  name: string;
}

export interface FollowedLogs {
  /** The containers that run now; empty while it is not known. */
  running: () => Promise<readonly LoggedContainer[]>;
  read: (id: string, query: LogQuery, onLine: (line: LogLine) => void, signal: AbortSignal) => Promise<void>;
  onLine: (container: LoggedContainer, line: LogLine) => void;
}

const INTERVAL_MS = 1000;

/**
 * Follows a deployment rather than a container: the logs of `first`, and of each container that a release or a restart brings,
 * until the signal aborts. A container's log that is read again goes on after the last line that was seen. `since` in ms since
 * the epoch. Throws when the log of one of the first containers cannot be read at all.
 */
export async function followLogs(
  first: readonly LoggedContainer[],
  since: number | null,
  { running, read, onLine }: FollowedLogs,
  signal: AbortSignal,
): Promise<void> {
  const open = new Map<string, Promise<void>>();
  const seen = new Map<string, number>();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  const attach = (container: LoggedContainer, from: number | null, must: boolean): void => {
    const query: LogQuery = { tail: null, since: from, follow: true };
    const reading = read(
      container.id,
      query,
      (line) => {
        seen.set(container.id, line.time);
        onLine(container, line);
      },
      signal,
    )
      // A container that is removed while it is read is how a release looks.
      .catch((error: unknown) => {
        if (must && !seen.has(container.id)) failed.reject(error);
      })
      .finally(() => open.delete(container.id));
    open.set(container.id, reading);
  };
  for (const container of first) attach(container, since, true);
  const known = new Set(first.map(({ id }) => id));
  const stopped = (): boolean => signal.aborted;
  while (!stopped()) {
    await Promise.race([delay(INTERVAL_MS, undefined, { signal }).catch(() => undefined), failed.promise]);
    const now = stopped() ? [] : await running().catch(() => []);
    for (const container of now) {
      if (open.has(container.id) || stopped()) continue;
      const last = seen.get(container.id);
      // The log's times are read by the millisecond.
      attach(container, last === undefined ? (known.has(container.id) ? since : null) : last + 1, false);
      known.add(container.id);
    }
  }
  await Promise.all(open.values());
}
