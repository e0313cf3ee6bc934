import { conditionOf, type Condition } from "../plan/condition.ts";
import { decide } from "../plan/decide.ts";
import { describe } from "../plan/describe.ts";
import type { EngineAction } from "../plan/action.ts";
import type { Decision, DeploymentInput, Target, TrackedContainer } from "../plan/input.ts";
import { routingOf } from "../plan/route.ts";
import { resolveTarget } from "../plan/target.ts";
import type { DesiredDeployment, DesiredState } from "../state/desired.ts";
import type { Owner } from "../state/labels.ts";
import type { ObservedState } from "../state/observed.ts";
import type { AddressPool } from "./addresses.ts";
import { createBeside } from "./beside.ts";
import { blockedBy, type Blocked } from "./blocked.ts";
import type { Clock } from "./clock.ts";
import type { Crash } from "./crashes.ts";
import { EngineError } from "./errors.ts";
import type { Emit } from "./events.ts";
import type { Job } from "./executor.ts";
import { createGiveUp } from "./give-up.ts";
import { createGaps } from "./gaps.ts";
import type { HealthMonitor } from "./health.ts";
import type { ImageLane } from "./image-lane.ts";
import type { IngressLane } from "./ingress-lane.ts";
import { createLastGood, hasFallback } from "./last-good.ts";
import type { MemoryStore } from "./memory.ts";
import type { Engine } from "./ports.ts";
import { createRetries } from "./retries.ts";
import type { Tracker } from "./tracker.ts";
import { watchedOf } from "./watched.ts";

export interface ReconcilerParts {
  engine: Engine;
  owner: Owner;
  memory: MemoryStore;
  health: HealthMonitor;
  tracker: Tracker;
  addresses: AddressPool;
  images: ImageLane;
  ingress: Pick<IngressLane, "routes" | "directed">;
  clock: Clock;
  emit: Emit;
  execute: (action: EngineAction, job: Job) => Promise<void>;
  publish: (name: string, report: DeploymentReport | null) => void;
  wake: (name: string) => void;
  /** Others may wait for what has just changed here. */
  wakeDependents: (name: string) => void;
  /** A crash of late, for people; null: none. */
  crash: (name: string, now: number) => Crash | null;
}

export interface DeploymentReport {
  condition: Condition;
  wanted: DesiredDeployment | null;
  target: Target;
  containers: readonly TrackedContainer[];
  crash: Crash | null;
  /** Restarts by this agent because liveness failed, since the agent started. */
  livenessRestarts: number;
}

export interface Reconciler {
  /** Leads one deployment as far as it gets now; answers when to look again (ms; null: only at an event). */
  reconcile(
    name: string,
    desired: DesiredState,
    observed: ObservedState,
    signal: AbortSignal,
  ): Promise<number | null>;
  condition(name: string): Condition | null;
}

/** The single path by which containers change: observe, decide, do one thing, observe again (ARCHITECTURE, principle 3). */
export function createReconciler(parts: ReconcilerParts): Reconciler {
  const { engine, memory, clock, emit } = parts;
  const retries = createRetries(clock, emit);
  const giveUp = createGiveUp({ engine, memory, health: parts.health, clock, emit, retries });
  const conditions = new Map<string, Condition>();
  const lastActions = new Map<string, string>();
  const gaps = createGaps();
  const lastGood = createLastGood(memory, gaps, emit);
  const beside = createBeside({ ...parts, retries, gaps });

  /** What crashed counts while it is still wanted. */
  const crashOf = (name: string, wanted: DesiredDeployment | null, now: number): Crash | null => {
    const crash = parts.crash(name, now);
    return wanted?.kind !== "run" || crash?.revision === wanted.revision.revision ? crash : null;
  };

  const condition = (name: string): Condition | null => conditions.get(name) ?? null;

  const step = async (
    name: string,
    desired: DesiredState,
    world: ObservedState,
    slice: ObservedState,
    signal: AbortSignal,
  ): Promise<number | null | "again"> => {
    const now = clock.now();
    const wanted = desired.deployments.get(name) ?? null;
    const own = slice.containers.filter((container) => container.deployment === name);
    // Everybody's: an address that another deployment has is none to hand out.
    parts.addresses.observe([...world.containers, ...own]);
    const remembered = memory.deployment(name);
    let containers = parts.tracker.track(own, now);
    const revision = wanted?.kind === "run" ? wanted.revision : null;
    const image =
      revision === null ? ({ kind: "unknown" } as const) : parts.images.state(name, revision, now);
    const blocked = blockedBy(wanted, desired, world, condition);
    const target = resolveTarget(wanted, remembered, containers, {
      prunable: desired.prunable,
      image,
      blocked: blocked !== null,
    });
    const aim = target.kind === "run" ? target.revision : null;
    parts.health.sync(name, watchedOf(target, remembered.lastGood, containers));
    containers = parts.tracker.track(own, now).map((container) => ({
      ...container,
      retryAt: retries.container(name, container.id),
    }));
    const routes = parts.ingress.routes(name);

    const wantsImage =
      revision !== null &&
      remembered.quarantine?.specHash !== revision.specHash &&
      containers.filter((container) => container.revision === revision.revision).length <
        revision.spec.replicas;
    if (revision !== null && wantsImage && image.kind === "unknown") {
      parts.images.begin(name, revision);
      return "again";
    }

    const input: DeploymentInput = {
      name,
      environment: parts.owner.environment,
      target,
      containers,
      networkId: slice.network?.id ?? null,
      routing: routingOf(routes, parts.ingress.directed(), containers),
      image: aim === null ? { kind: "unknown" } : parts.images.state(name, aim, now),
      fallback: hasFallback(remembered.lastGood, aim, containers),
      lastGood: remembered.lastGood?.revision ?? null,
      blocked: aim !== null && aim.revision === revision?.revision ? (blocked?.reason ?? null) : null,
      notBefore: retries.startNotBefore(name),
      now,
    };
    let decision: Decision = decide(input);
    const asked = decision.kind === "act" ? decision.action : null;
    retries.tidy(name, revision?.specHash ?? null, new Set(own.map((container) => container.id)), asked);
    if (asked !== null && now < retries.notBefore(name, asked))
      decision = {
        kind: "wait",
        for: "the next try",
        until: retries.notBefore(name, asked),
        container: null,
        late: false,
      };
    report(name, { wanted, target, containers, decision, blocked, now });
    if (decision.kind !== "act") {
      lastActions.delete(name);
      if (decision.kind === "done" && wanted === null && containers.length === 0) {
        forget(name);
        return null;
      }
      return soonest([
        decision.kind === "wait" ? decision.until : null,
        image.kind === "failed" ? image.retryAt : null,
        retries.next(name),
        crashOf(name, wanted, now)?.until ?? null,
      ]);
    }

    const { action } = decision;
    const job: Job = {
      deployment: name,
      revision: aim,
      containers: own,
      network: slice.network,
      routes,
      signal,
    };
    if (action.kind === "pull" || action.kind === "await-ready") {
      if (aim !== null) parts.images.begin(name, aim);
      return "again";
    }
    const container =
      "container" in action ? containers.find((item) => item.id === action.container) : undefined;
    if (action.kind === "fail") {
      if (aim !== null && container !== undefined)
        await giveUp(
          { deployment: name, revision: aim, container, message: action.reason, fallback: input.fallback },
          signal,
        );
      return "again";
    }
    if (action.kind === "retire" || action.kind === "stop" || action.kind === "restart") {
      beside.begin(name, action, job, revision?.specHash ?? null);
      return "again";
    }
    try {
      await parts.execute(action, job);
      retries.succeeded(name, action);
      emit({ type: "action.done", deployment: name, action, durationMs: clock.now() - now });
      const repeated = lastActions.get(name) === describe(action);
      lastActions.set(name, describe(action));
      // Done, and asked for again at once: it took no effect. Going on without a pause would only burn the engine.
      if (repeated)
        retries.failed(
          name,
          revision?.specHash ?? null,
          action,
          new Error("the engine did it, and nothing changed"),
        );
    } catch (error) {
      if (signal.aborted) return null;
      if (error instanceof EngineError && error.kind === "image-not-found" && aim !== null)
        parts.images.lost(name, aim);
      const unproven =
        action.kind === "start" &&
        container !== undefined &&
        container.restartPolicy !== "always" &&
        container.revision === aim?.revision;
      const lasting =
        error instanceof EngineError &&
        (error.kind === "refused" || error.kind === "engine" || error.kind === "port-taken");
      if (unproven && lasting && input.fallback) {
        const message = `it could not be started: ${error.message}`;
        await giveUp({ deployment: name, revision: aim, container, message, fallback: true }, signal);
      } else retries.failed(name, revision?.specHash ?? null, action, error);
    }
    return "again";
  };

  const report = (
    name: string,
    seen: Omit<DeploymentReport, "condition" | "crash" | "livenessRestarts"> & {
      decision: Decision;
      blocked: Blocked | null;
      now: number;
    },
  ): void => {
    const { wanted, target, containers, decision, blocked, now } = seen;
    const image =
      wanted?.kind === "run"
        ? parts.images.state(name, wanted.revision, now)
        : ({ kind: "unknown" } as const);
    const crash = crashOf(name, wanted, now);
    const condition = conditionOf({
      wanted,
      target,
      memory: memory.deployment(name),
      containers,
      image,
      decision,
      blocked,
      failure: retries.shown(name),
      crash: crash?.message ?? null,
      gapMs: wanted?.kind === "run" ? gaps.of(name, wanted.revision.revision, now) : null,
      now,
    });
    const before = conditions.get(name);
    conditions.set(name, condition);
    if (before?.state !== condition.state) {
      emit({
        type: "deployment.state",
        deployment: name,
        from: before?.state ?? null,
        to: condition.state,
        message: condition.message,
      });
    }
    if (before?.state !== condition.state || before.settled !== condition.settled) parts.wakeDependents(name);
    parts.publish(name, {
      condition,
      wanted,
      target,
      containers,
      crash,
      livenessRestarts: beside.restarts(name),
    });
    if (condition.state === "running" && wanted?.kind === "run")
      lastGood.remember(name, wanted.revision, now);
    // The first replica ends the gap, and so does the return to the last good form.
    else if (condition.readyReplicas > 0 && target.kind === "run")
      gaps.ended(name, target.revision.revision, now);
  };

  const forget = (name: string): void => {
    conditions.delete(name);
    retries.clear(name);
    gaps.forget(name);
    beside.forget(name);
    parts.health.sync(name, []);
    memory.update((current) => {
      if (!(name in current.deployments)) return current;
      const { [name]: _, ...deployments } = current.deployments;
      return { ...current, deployments };
    });
    parts.publish(name, null);
  };

  return {
    condition,
    async reconcile(name, desired, observed, signal) {
      let slice = observed;
      for (;;) {
        if (signal.aborted) return null;
        const next = await step(name, desired, observed, slice, signal);
        if (next !== "again") return next;
        slice = await engine.observe(name, signal);
      }
    },
  };
}

/** The earliest of some times (ms); null: none is known. */
function soonest(times: readonly (number | null)[]): number | null {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Math.min(...known);
}
