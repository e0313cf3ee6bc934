import type { HealthMonitor } from "./health.ts";
import type { Engine } from "./ports.ts";

/** How many of a container's last log lines go into a report. */
const LOG_LINES = 20;

/** The last lines that a container wrote. A log that cannot be read is said so: the report matters more than its details. */
export async function lastLines(engine: Engine, id: string, signal: AbortSignal): Promise<string[]> {
  const lines: string[] = [];
  try {
    const query = { tail: LOG_LINES, since: null, follow: false };
    await engine.logs(id, query, (line) => lines.push(line.text.slice(0, 500)), signal);
  } catch (error) {
    lines.push(`(its log could not be read: ${error instanceof Error ? error.message : String(error)})`);
  }
  return lines.slice(-LOG_LINES);
}

/** What is reported of a container that failed: the probe history and the last log lines (SPEC 3). */
export async function lastWords(
  engine: Engine,
  health: HealthMonitor,
  id: string,
  signal: AbortSignal,
): Promise<{ probes: string[]; logs: string[] }> {
  return { probes: [...health.facts(id).history], logs: await lastLines(engine, id, signal) };
}
