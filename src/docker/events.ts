import { EngineError } from "../agent/errors.ts";
import type { EngineEvent } from "../agent/ports.ts";
import { label } from "../state/labels.ts";
import type { Connection } from "./connection.ts";
import { lineSplitter } from "./lines.ts";
import { eventShape } from "./shapes.ts";

/** An event carries all labels of its container, the whole spec among them (characters). */
const MAX_EVENT = 1024 * 1024;
/** The engine keeps 256 events for those who come back. */
const REMEMBERED = 512;

/** Follows events as {@link followEvents}; one follower resumes where its last stream ended. */
export type FollowEvents = (
  onOpen: () => void,
  onEvent: (event: EngineEvent) => void,
  signal: AbortSignal,
) => Promise<void>;

/**
 * A follower of the engine's container and network events (Docker API, SystemEvents). Each call opens a stream that begins
 * with what happened since the last event of the one before, without telling any twice; it resolves when the stream ends or
 * the signal aborts, and throws when the stream breaks. What an engine forgot over its own restart is lost: the caller
 * looks at everything after each `onOpen`.
 */
export function eventFollower(connection: Connection): FollowEvents {
  // By identity rather than by time alone: the host's clock may step back.
  const seen = new Set<string>();
  let since: string | null = null;

  return async (onOpen, onEvent, signal) => {
    try {
      const stream = await connection.stream({
        method: "GET",
        path: "/events",
        query: {
          filters: JSON.stringify({ type: ["container", "network"] }),
          ...(since === null ? {} : { since }),
        },
        signal,
      });
      onOpen();
      const splitter = lineSplitter((line) => {
        const event = eventShape.safeParse(parse(line));
        if (!event.success) return; // The torn last line of a broken stream.
        const { Action, Actor, timeNano } = event.data;
        const key = `${String(timeNano)} ${Action} ${Actor.ID}`;
        if (seen.has(key)) return;
        seen.add(key);
        for (const oldest of seen) {
          if (seen.size <= REMEMBERED) break;
          seen.delete(oldest);
        }
        // Whole milliseconds, rounded down: a double does not hold all digits of timeNano.
        if (timeNano > 0) since = (Math.floor(timeNano / 1e6) / 1e3).toFixed(3);
        onEvent({
          action: Action,
          containerId: Actor.Attributes?.["container"] ?? Actor.ID,
          deployment: Actor.Attributes?.[label.deployment] ?? null,
        });
      }, MAX_EVENT);
      await stream.read((chunk) => splitter.push(chunk), null);
    } catch (error) {
      if (!(error instanceof EngineError && error.kind === "aborted")) throw error;
    }
  };
}

function parse(line: string): unknown {
  try {
    const value: unknown = JSON.parse(line);
    return value;
  } catch {
    return null;
  }
}
