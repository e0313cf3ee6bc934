import type { Probe } from "../manifest/deployment.ts";
import { isStopped, type Clock } from "./clock.ts";
import type { ProbeResult, ProbeRunner } from "./ports.ts";

export interface Watched {
  id: string;
  address: string;
  /** ms since the epoch; another start is another container as far as probes go. */
  startedAt: number | null;
  readiness: Probe | null;
  /** null also until a container is proven: a slow first start is the progress deadline's matter. */
  liveness: Probe | null;
}

type Verdict = "unknown" | "passing" | "failing";

interface HealthFacts {
  readiness: Verdict;
  liveness: Verdict;
  /** The last results, newest last, for the report of a failed rollout. */
  history: readonly string[];
}

export interface HealthMonitor {
  /** Watches exactly these containers of a deployment from now on. */
  sync(deployment: string, containers: readonly Watched[]): void;
  facts(id: string): HealthFacts;
  /** Drops what is known of containers that are gone. */
  forget(present: ReadonlySet<string>): void;
  stop(): void;
}

type Which = "readiness" | "liveness";

/** One probe of one start of one container. */
interface Watch {
  deployment: string;
  which: Which;
  key: string;
  verdict: Verdict;
  stop: AbortController;
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
  const watches = new Map<string, Watch>();
  const history = new Map<string, readonly string[]>();

  const run = async (watch: Watch, item: Watched, spec: Probe, signal: AbortSignal): Promise<void> => {
    let failures = 0;
    let tries = 0;
    // Counted from the container's start: one that has been up for long is probed at once.
    const age = item.startedAt === null ? 0 : clock.now() - item.startedAt;
    await clock.sleep(Math.max(0, Math.min(spec.initialDelay, spec.initialDelay - age)), signal);
    while (!isStopped(signal)) {
      let result: ProbeResult;
      try {
        result = await probe({ containerId: item.id, address: item.address }, spec, signal);
      } catch (error) {
        result = { ok: false, detail: error instanceof Error ? error.message : String(error) };
      }
      if (isStopped(signal)) return;
      const before = watch.verdict;
      failures = result.ok ? 0 : failures + 1;
      if (result.ok) watch.verdict = "passing";
      else if (failures >= spec.failureThreshold) watch.verdict = "failing";
      const line = `${watch.which}: ${result.ok ? "ok" : "failed"}: ${result.detail}`;
      history.set(item.id, [...(history.get(item.id) ?? []), line].slice(-HISTORY));
      if (watch.verdict !== before) wake(watch.deployment);
      const fast = watch.which === "readiness" && before === "unknown" && watch.verdict !== "passing";
      await clock.sleep(
        fast ? (EAGER_MS[tries] ?? Math.min(FIRST_INTERVAL_MS, spec.interval)) : spec.interval,
        signal,
      );
      tries++;
    }
  };

  const verdict = (id: string, which: Which): Verdict => watches.get(`${which} ${id}`)?.verdict ?? "unknown";

  return {
    facts: (id) => ({
      readiness: verdict(id, "readiness"),
      liveness: verdict(id, "liveness"),
      history: history.get(id) ?? [],
    }),
    sync(deployment, containers) {
      const wanted = new Map<string, { item: Watched; which: Which; spec: Probe; key: string }>();
      for (const item of containers) {
        for (const which of ["readiness", "liveness"] as const) {
          const spec = item[which];
          if (spec === null) continue;
          const key = JSON.stringify([item.address, item.startedAt, spec]);
          wanted.set(`${which} ${item.id}`, { item, which, spec, key });
        }
      }
      for (const [name, watch] of watches) {
        if (watch.deployment !== deployment || wanted.get(name)?.key === watch.key) continue;
        watch.stop.abort();
        watches.delete(name);
      }
      for (const [name, { item, which, spec, key }] of wanted) {
        if (watches.has(name)) continue;
        const watch: Watch = { deployment, which, key, verdict: "unknown", stop: new AbortController() };
        watches.set(name, watch);
        void run(watch, item, spec, watch.stop.signal);
      }
    },
    forget(present) {
      for (const id of history.keys()) if (!present.has(id)) history.delete(id);
    },
    stop() {
      for (const watch of watches.values()) watch.stop.abort();
      watches.clear();
      history.clear();
    },
  };
}
