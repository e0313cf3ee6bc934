import type { DesiredState } from "../state/desired.ts";
import { routesInForce, type Route } from "../state/route.ts";
import { backoff } from "./backoff.ts";
import { isStopped, type Clock } from "./clock.ts";
import type { Emit } from "./events.ts";
import type { Ingress, RouteReport } from "./ingress-port.ts";
import type { MemoryStore } from "./memory.ts";

/** Caddy that was killed, wiped or edited by hand is put right within 10 s (FAULTS 43, 45): looked at so often, ms. */
const LOOK_MS = 5000;
/** A request that was sent to an upstream just before it was left out has connected by then, ms. */
const DRAIN_SETTLE_MS = 250;
const DRAIN_LOOK_MS = 100;

/** Keeps the ingress at the routes of the commit in force, and knows where requests go. */
export interface IngressLane {
  submit(desired: DesiredState): void;
  /** The routes of this environment that lead to a deployment. */
  routes(deployment: string): readonly Route[];
  /** Where requests go now, by Service; null: the ingress has not said yet. */
  directed(): ReadonlyMap<string, readonly string[]> | null;
  direct(service: string, upstreams: readonly string[], signal: AbortSignal): Promise<void>;
  /** Resolves when no request is under way to any of these any more, or after `limitMs`. */
  drained(upstreams: readonly string[], limitMs: number, signal: AbortSignal): Promise<void>;
  report(service: string): RouteReport | null;
  error(): string | null;
  /** Learns what an earlier agent left, which may be all that serves; before anything is led anywhere. */
  begin(signal: AbortSignal): Promise<void>;
  /** Resolves when the ingress has been led to the submitted state once, or could not be. */
  once(signal: AbortSignal): Promise<void>;
  run(signal: AbortSignal): Promise<void>;
}

export function createIngressLane(parts: {
  ingress: Ingress;
  memory: MemoryStore;
  clock: Clock;
  emit: Emit;
  wake: (deployment: string) => void;
}): IngressLane {
  const { ingress, memory, clock, emit } = parts;
  let desired: DesiredState | null = null;
  let inForce: readonly Route[] = Object.values(memory.get().routes);
  let directed: Map<string, readonly string[]> | null = null;
  /** Counts what was directed: what was read before it is out of date. */
  let turns = 0;
  let reports = new Map<string, RouteReport>();
  let error: string | null = null;
  let fresh = true;
  let ring: (() => void) | null = null;
  let recalled = Object.keys(memory.get().routes).length > 0;

  const learn = (seen: ReadonlyMap<string, readonly string[]>): void => {
    const before = directed;
    const changed = inForce.filter(
      (route) =>
        before === null ||
        JSON.stringify(seen.get(route.service)) !== JSON.stringify(before.get(route.service)),
    );
    directed = new Map(seen);
    for (const route of changed) parts.wake(route.deployment);
  };

  const look = async (signal: AbortSignal): Promise<void> => {
    const before = turns;
    const seen = await ingress.directed(signal);
    if (before === turns) learn(seen);
  };

  /** Without memory, what a manifest that is held now was served by is known to the ingress alone. */
  const recall = async (signal: AbortSignal): Promise<void> => {
    if (recalled) return;
    const kept = Object.fromEntries((await ingress.routes(signal)).map((route) => [route.service, route]));
    memory.update((current) => ({ ...current, routes: { ...kept, ...current.routes } }));
    if (desired !== null) inForce = routesInForce(desired, memory.get().routes);
    recalled = true;
  };

  const turn = async (signal: AbortSignal): Promise<void> => {
    if (desired === null) return;
    await recall(signal);
    if (!fresh && inForce.length === 0) return;
    const state = desired;
    const routes = inForce;
    const answer = await ingress.ensure(state.ingress, routes, signal);
    await look(signal);
    for (const report of answer) {
      const before = reports.get(report.service);
      if (before?.state === report.state && before.message === report.message) continue;
      emit({ type: "service.state", service: report.service, to: report.state, message: report.message });
    }
    reports = new Map(answer.map((report) => [report.service, report]));
    // Remembered once it is so: what a manifest held back later goes on with.
    memory.update((current) => {
      const next = Object.fromEntries(routes.map((route) => [route.service, route]));
      return JSON.stringify(current.routes) === JSON.stringify(next) ? current : { ...current, routes: next };
    });
    if (state === desired) fresh = false;
  };

  /** One turn with its bookkeeping; answers how long to wait for the next (ms). */
  let failures = 0;
  const tryTurn = async (signal: AbortSignal): Promise<number> => {
    try {
      await turn(signal);
      if (error !== null) emit({ type: "ingress.recovered" });
      error = null;
      failures = 0;
      return LOOK_MS;
    } catch (cause) {
      if (isStopped(signal)) return 0;
      const message = cause instanceof Error ? cause.message : String(cause);
      const retryInMs = backoff(++failures, 500, LOOK_MS, Math.random);
      if (error !== message) emit({ type: "ingress.failed", message, retryInMs });
      error = message;
      return retryInMs;
    }
  };

  const begin = async (signal: AbortSignal): Promise<void> => {
    try {
      await recall(signal);
      await look(signal);
    } catch {
      // The first turn meets the same failure and reports it.
    }
  };

  return {
    begin,
    submit(next) {
      desired = next;
      fresh = true;
      inForce = routesInForce(next, memory.get().routes);
      ring?.();
    },
    routes: (deployment) => inForce.filter((route) => route.deployment === deployment),
    directed: () => directed,
    async direct(service, upstreams, signal) {
      turns++;
      await ingress.direct(service, upstreams, signal);
      turns++;
      directed = new Map(directed).set(service, [...upstreams]);
    },
    async drained(upstreams, limitMs, signal) {
      const end = clock.now() + limitMs;
      await clock.sleep(Math.min(DRAIN_SETTLE_MS, limitMs), signal);
      while (!isStopped(signal) && clock.now() < end) {
        const open = await Promise.all(upstreams.map((upstream) => ingress.connections(upstream, signal)));
        if (open.every((count) => count === 0)) return;
        await clock.sleep(DRAIN_LOOK_MS, signal);
      }
    },
    report: (service) => reports.get(service) ?? null,
    error: () => error,
    async once(signal) {
      await begin(signal);
      await tryTurn(signal);
    },
    async run(signal) {
      await begin(signal);
      while (!isStopped(signal)) {
        const bell = new AbortController();
        ring = () => bell.abort();
        const pause = await tryTurn(signal);
        if (!fresh || failures > 0) await clock.sleep(pause, AbortSignal.any([signal, bell.signal]));
        else if (desired === null) await clock.sleep(pause, AbortSignal.any([signal, bell.signal]));
      }
    },
  };
}
