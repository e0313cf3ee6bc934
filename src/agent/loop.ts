import type { DesiredState } from "../state/desired.ts";
import type { ObservedState } from "../state/observed.ts";
import { backoff } from "./backoff.ts";
import { isStopped, type Clock } from "./clock.ts";
import { EngineError } from "./errors.ts";
import type { Emit } from "./events.ts";
import { createCrashes, type Crash } from "./crashes.ts";
import { followEvents } from "./follow-events.ts";
import { lastLines } from "./last-words.ts";
import type { MemoryStore } from "./memory.ts";
import type { Engine, EngineEvent } from "./ports.ts";
import type { Reconciler } from "./reconcile.ts";
import type { Tracker } from "./tracker.ts";

/** At least so often everything is looked at, to catch what no event told (SPEC 3), ms. */
const SAFETY_NET_MS = 30_000;
/** An engine that restarts is back within seconds, and to ask whether it is costs next to nothing, ms. */
const ENGINE_RETRY_MAX_MS = 5000;
const SOONEST_MS = 10;

export interface Loop {
  /** The state to lead the engine to from now on; a newer one replaces an older one at once. */
  submit(desired: DesiredState): void;
  wake(deployment: string | null): void;
  crash(name: string, now: number): Crash | null;
  /** The last complete observation; null before the first. */
  observed(): ObservedState | null;
  run(signal: AbortSignal): Promise<void>;
  /** Resolves when a full pass over the submitted state has ended with every deployment settled. */
  settled(isSettled: (names: string[]) => boolean, signal: AbortSignal): Promise<void>;
}

/** Drives reconciliation: passes at commits, at engine events, and every 30 s; one lane a deployment, side by side. */
export function createLoop(parts: {
  engine: Engine;
  clock: Clock;
  emit: Emit;
  memory: MemoryStore;
  tracker: Tracker;
  /** What is remembered of containers that are gone: not `present` in an observation begun at `before` (ms). */
  forget: (present: ReadonlySet<string>, before: number) => void;
  reconciler: () => Reconciler;
  afterPass: (observed: ObservedState, signal: AbortSignal) => Promise<void>;
}): Loop {
  const { engine, clock, emit } = parts;
  let desired: DesiredState | null = null;
  let world: ObservedState | null = null;
  let ring: (() => void) | null = null;
  /** The state that the last whole pass was over. */
  let passed: DesiredState | null = null;
  let lost = 0;
  /** What was said of the engine's loss last; null: it answers. */
  let lostBy: string | null = null;
  /** What to look at next; null is everything. */
  const dirty = new Set<string | null>([null]);
  const again = new Set<string>();
  const lanes = new Map<string, Promise<void>>();
  const due = new Map<string, number>();
  const crashes = createCrashes();
  /** When a deployment's lane last ended, ms: an observation begun before that knows nothing of what it did. */
  const ended = new Map<string, number>();
  const waiters = new Set<() => void>();

  const wake = (deployment: string | null): void => {
    dirty.add(deployment);
    ring?.();
  };

  const lane = (name: string, slice: ObservedState | null, signal: AbortSignal): void => {
    if (lanes.has(name)) {
      again.add(name);
      return;
    }
    const work = (async (): Promise<void> => {
      let observed = slice;
      do {
        again.delete(name);
        if (desired === null) return;
        observed ??= await engine.observe(name, signal);
        // What cannot be read may be there all the same: nothing is decided for it (SPEC 3).
        const hidden = observed.unreadable.find((item) => item.deployment === name);
        if (hidden !== undefined)
          throw new EngineError("engine", `container '${hidden.name}' cannot be read: ${hidden.message}`);
        if (world !== null)
          world = {
            ...world,
            foreign: observed.foreign,
            containers: [
              ...world.containers.filter((item) => item.deployment !== name),
              ...observed.containers.filter((item) => item.deployment === name),
            ],
          };
        const next = await parts
          .reconciler()
          .reconcile(
            name,
            desired,
            { ...observed, containers: world?.containers ?? observed.containers },
            signal,
          );
        if (next === null) due.delete(name);
        // Never at once: a time that has come and changes nothing must not keep the agent busy.
        else due.set(name, Math.max(next, clock.now() + SOONEST_MS));
        observed = null;
      } while (again.has(name) && !signal.aborted);
    })()
      .catch((error: unknown) => {
        if (signal.aborted) return;
        due.set(name, clock.now() + 1000);
        if (error instanceof EngineError && error.kind === "unreachable") dirty.add(null);
        else
          emit({
            type: "warning",
            message: `${name}: ${error instanceof Error ? error.message : String(error)}`,
          });
      })
      .finally(() => {
        lanes.delete(name);
        ended.set(name, clock.now());
        ring?.();
        for (const waiter of waiters) waiter();
      });
    lanes.set(name, work);
  };

  const pass = async (signal: AbortSignal): Promise<void> => {
    const begun = clock.now();
    const observed = await engine.observe(null, signal);
    if (lost > 0) emit({ type: "engine.found" });
    lost = 0;
    lostBy = null;
    world = observed;
    parts.forget(new Set(observed.containers.map((container) => container.id)), begun);
    const aim = desired;
    if (aim === null) return;
    const names = new Set([
      ...aim.deployments.keys(),
      ...observed.containers.map((container) => container.deployment),
      ...Object.keys(parts.memory.get().deployments),
    ]);
    for (const name of names)
      lane(
        name,
        (ended.get(name) ?? -Infinity) >= begun
          ? null
          : { ...observed, containers: observed.containers.filter((item) => item.deployment === name) },
        signal,
      );
    await Promise.all(lanes.values().map((work) => Promise.race([work, clock.sleep(50, signal)])));
    passed = aim;
    if (lanes.size === 0) await parts.afterPass(observed, signal);
  };

  const noteCrash = async (name: string, id: string, signal: AbortSignal): Promise<void> => {
    const now = await engine.inspect(id, signal);
    if (now?.restartPolicy !== "always") return;
    const logs = await lastLines(engine, id, signal);
    const { exitCode, oomKilled, revision } = now;
    crashes.note(name, { container: now.name, revision, exitCode, oomKilled, logs }, clock.now());
    emit({ type: "container.crashed", deployment: name, container: now.name, exitCode, logs });
    wake(name);
  };

  const onEvent = (event: EngineEvent, signal: AbortSignal): void => {
    const known = world?.containers.find((container) => container.id === event.containerId);
    const name = event.deployment ?? known?.deployment ?? null;
    if (name === null) return;
    wake(name);
    if (event.action !== "die" || parts.tracker.isDying(event.containerId)) return;
    noteCrash(name, event.containerId, signal).catch((error: unknown) => {
      if (signal.aborted) return;
      const why = error instanceof Error ? error.message : String(error);
      emit({ type: "warning", message: `${name}: its crash could not be looked at: ${why}` });
    });
  };

  return {
    wake,
    observed: () => world,
    submit(next) {
      desired = next;
      wake(null);
    },
    crash: (name, now) => crashes.of(name, now),
    async run(signal) {
      const events = followEvents(
        engine,
        clock,
        () => wake(null),
        (event) => onEvent(event, signal),
        signal,
      );
      let nextFull = 0;
      while (!signal.aborted) {
        const bell = new AbortController();
        ring = () => bell.abort();
        const now = clock.now();
        try {
          if (dirty.has(null) || now >= nextFull) {
            dirty.clear();
            nextFull = now + SAFETY_NET_MS;
            await pass(signal);
            for (const waiter of waiters) waiter();
          }
        } catch (error) {
          if (isStopped(signal)) break;
          lost++;
          const retryInMs = backoff(lost, 500, ENGINE_RETRY_MAX_MS, Math.random);
          const message = error instanceof Error ? error.message : String(error);
          if (message !== lostBy) emit({ type: "engine.lost", message, retryInMs });
          lostBy = message;
          await clock.sleep(retryInMs, signal);
          dirty.add(null);
          continue;
        }
        for (const [name, at] of due) if (at <= clock.now()) dirty.add(name);
        for (const name of dirty) {
          if (name === null) continue;
          dirty.delete(name);
          due.delete(name);
          lane(name, null, signal);
        }
        const until = Math.min(nextFull, ...due.values());
        if (!dirty.has(null))
          await clock.sleep(Math.max(1, until - clock.now()), AbortSignal.any([signal, bell.signal]));
      }
      await Promise.allSettled(lanes.values());
      await events;
    },
    settled(isSettled, signal) {
      return new Promise((resolve) => {
        const check = (): void => {
          const names = [
            ...(desired?.deployments.keys() ?? []),
            ...(world?.containers ?? []).map((container) => container.deployment),
          ];
          const done =
            signal.aborted ||
            (desired !== null &&
              passed === desired &&
              lanes.size === 0 &&
              dirty.size === 0 &&
              isSettled(names));
          if (!done) return;
          waiters.delete(check);
          resolve();
        };
        waiters.add(check);
        signal.addEventListener("abort", check, { once: true });
        check();
      });
    },
  };
}
