import type { Probe } from "../manifest/deployment.ts";
import { isStopped, type Clock } from "./clock.ts";
import type { ProbeResult, ProbeRunner } from "./ports.ts";

export interface Watched {
  id: string;
  address: string;
  readiness: Probe | null;
  liveness: Probe | null;
  /** Liveness counts only once a container was proven: a slow first start is the progress deadline's matter. */
  proven: boolean;
}

interface HealthFacts {
  readiness: "unknown" | "passing" | "failing";
  liveness: "unknown" | "passing" | "failing";
  /** The last results, newest last, for the report of a failed rollout. */
  history: string[];
}

export interface HealthMonitor {
  /** Watches exactly these containers of a deployment from now on. */
  sync(deployment: string, containers: readonly Watched[]): void;
  facts(id: string): HealthFacts;
  stop(): void;
}

const HISTORY = 10;
/** Between two readiness probes until the first success (SPEC 2), ms. */
const FIRST_INTERVAL_MS = 1000;
/** The very first failures are repeated faster, so that a quick start is noticed at once, ms. */
const EAGER_MS = [25, 50, 100, 200, 400];

/** Probes containers side by side and calls `wake` when a verdict changes. */
export function createHealthMonitor(
  probe: ProbeRunner,
  clock: Clock,
  wake: (deployment: string) => void,
): HealthMonitor {
  const watches = new Map<
    string,
    { deployment: string; key: string; facts: HealthFacts; stop: AbortController }
  >();
  const none: HealthFacts = { readiness: "unknown", liveness: "unknown", history: [] };

  const run = async (
    deployment: string,
    watched: Watched,
    which: "readiness" | "liveness",
    spec: Probe,
    facts: HealthFacts,
    signal: AbortSignal,
  ): Promise<void> => {
    let failures = 0;
    let tries = 0;
    await clock.sleep(spec.initialDelay, signal);
    while (!signal.aborted) {
      let result: ProbeResult;
      try {
        result = await probe({ containerId: watched.id, address: watched.address }, spec, signal);
      } catch (error) {
        result = { ok: false, detail: error instanceof Error ? error.message : String(error) };
      }
      if (isStopped(signal)) return;
      const before = facts[which];
      failures = result.ok ? 0 : failures + 1;
      if (result.ok) facts[which] = "passing";
      else if (failures >= spec.failureThreshold) facts[which] = "failing";
      facts.history = [...facts.history, `${which}: ${result.ok ? "ok" : "failed"}: ${result.detail}`].slice(
        -HISTORY,
      );
      if (facts[which] !== before) wake(deployment);
      const fast = which === "readiness" && !watched.proven && facts.readiness !== "passing";
      await clock.sleep(
        fast ? (EAGER_MS[tries] ?? Math.min(FIRST_INTERVAL_MS, spec.interval)) : spec.interval,
        signal,
      );
      tries++;
    }
  };

  return {
    facts: (id) => watches.get(id)?.facts ?? none,
    sync(deployment, containers) {
      for (const [id, watch] of watches) {
        if (
          watch.deployment === deployment &&
          !containers.some((item) => item.id === id && keyOf(item) === watch.key)
        ) {
          watch.stop.abort();
          watches.delete(id);
        }
      }
      for (const item of containers) {
        if (watches.has(item.id)) continue;
        const stop = new AbortController();
        const facts: HealthFacts = { readiness: "unknown", liveness: "unknown", history: [] };
        watches.set(item.id, { deployment, key: keyOf(item), facts, stop });
        if (item.readiness !== null)
          void run(deployment, item, "readiness", item.readiness, facts, stop.signal);
        if (item.liveness !== null && item.proven)
          void run(deployment, item, "liveness", item.liveness, facts, stop.signal);
      }
    },
    stop() {
      for (const watch of watches.values()) watch.stop.abort();
      watches.clear();
    },
  };
}

function keyOf(item: Watched): string {
  return JSON.stringify(item);
}
