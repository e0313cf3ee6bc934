import { isStopped } from "../../src/agent/clock.ts";
import { EngineError } from "../../src/agent/errors.ts";
import type { Engine, EngineEvent, LogLine, LogQuery } from "../../src/agent/ports.ts";
import { type FakeContainer, isAlive, type World } from "./engine-world.ts";

/** Follows the world's events; each stream begins where this client's last one ended. */
export function followEvents(world: World): Engine["events"] {
  let next: number | null = null;
  let nextIn = world.life;
  return async (onOpen, onEvent, signal) => {
    if (signal.aborted) return;
    if (!world.up) throw unreachable();
    const life = world.life;
    const broken = (): boolean => !world.up || world.life !== life;
    // What the engine forgot over its own restart is lost.
    let position = next === null ? world.events.length : nextIn === life ? next : 0;
    onOpen();
    while (!isStopped(signal)) {
      if (broken()) throw unreachable();
      const event: EngineEvent | undefined = world.events[position];
      if (event === undefined) await change(world, signal);
      else {
        position++;
        next = position;
        nextIn = life;
        onEvent({ ...event });
      }
    }
  };
}

/** A container's log; while following until it is gone or stops, or the signal aborts. */
export async function readLog(
  world: World,
  container: FakeContainer,
  query: LogQuery,
  onLine: (line: LogLine) => void,
  signal: AbortSignal,
): Promise<void> {
  const since = query.since ?? Number.NEGATIVE_INFINITY;
  const past = container.log.filter((line) => line.time >= since);
  for (const line of query.tail === null ? past : past.slice(Math.max(0, past.length - query.tail)))
    onLine({ ...line });
  let position = container.log.length;
  while (query.follow && !signal.aborted) {
    const line = container.log[position];
    if (line !== undefined) {
      position++;
      onLine({ ...line });
    } else if (!isAlive(container) && container.phase !== "restarting") return;
    else if (!world.up) throw unreachable();
    else await change(world, signal);
  }
}

export function unreachable(): EngineError {
  return new EngineError("unreachable", "no Docker engine answers (the fake is down)");
}

/** Resolves at the next change of anything, or when the signal aborts. */
function change(world: World, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      world.watchers.delete(done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    world.watchers.add(done);
    signal.addEventListener("abort", done, { once: true });
  });
}
