import { backoff } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import type { Engine, EngineEvent } from "./ports.ts";

/** What may have changed something that is planned by; all else is noise (Docker API, SystemEvents). */
const WATCHED = new Set([
  "die",
  "destroy",
  "stop",
  "pause",
  "unpause",
  "rename",
  "update",
  "oom",
  "start",
  "connect",
  "disconnect",
]);

/** Follows the engine's events until the signal aborts, opening the stream again whenever it ends; `onOpen`: some may be lost. */
export async function followEvents(
  engine: Engine,
  clock: Clock,
  onOpen: () => void,
  onEvent: (event: EngineEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    try {
      await engine.events(
        () => {
          failures = 0;
          onOpen();
        },
        (event) => {
          if (WATCHED.has(event.action.split(":")[0] ?? "")) onEvent(event);
        },
        signal,
      );
    } catch {
      // The pass that follows meets the same engine and reports it.
    }
    failures++;
    await clock.sleep(backoff(failures, 200, 5000, Math.random), signal);
  }
}
