import type { TrackedContainer } from "../plan/input.ts";
import type { DeploymentRevision } from "../state/memory.ts";
import type { Clock } from "./clock.ts";
import type { Emit } from "./events.ts";
import type { HealthMonitor } from "./health.ts";
import { lastWords } from "./last-words.ts";
import type { MemoryStore } from "./memory.ts";
import type { Engine } from "./ports.ts";
import type { Retries } from "./retries.ts";

/** A new container that did not prove itself. */
export interface FailedStart {
  deployment: string;
  revision: DeploymentRevision;
  container: TrackedContainer;
  message: string;
  /** There is a last good form to return to. */
  fallback: boolean;
}

/** Remembers why a container did not prove itself: back to the last good form or, on a first deployment, another try later. */
export function createGiveUp(parts: {
  engine: Engine;
  memory: MemoryStore;
  health: HealthMonitor;
  clock: Clock;
  emit: Emit;
  retries: Retries;
}): (failed: FailedStart, signal: AbortSignal) => Promise<void> {
  const { engine, memory, health, clock, emit, retries } = parts;
  return async ({ deployment, revision, container, message, fallback }, signal) => {
    const seen = await lastWords(engine, health, container.id, signal);
    if (fallback) {
      const at = Math.round(clock.now());
      const { specHash, commit } = revision;
      const quarantine = { specHash, revision: revision.revision, commit, message, ...seen, at };
      memory.updateDeployment(deployment, (current) => ({ ...current, quarantine }));
    } else {
      const last = seen.logs.at(-1);
      const said = last === undefined ? message : `${message}; last log line: ${last}`;
      retries.failed(deployment, revision.specHash, null, new Error(said));
    }
    emit({
      type: "rollout.failed",
      deployment,
      revision: revision.revision,
      message,
      ...seen,
      returned: fallback,
    });
  };
}
