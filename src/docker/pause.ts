import { setTimeout as delay } from "node:timers/promises";
import { EngineError } from "../agent/errors.ts";

/** Waits `ms`; an abort ends it with an EngineError `aborted`. */
export async function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (cause) {
    throw new EngineError("aborted", "stopped", { cause });
  }
}
