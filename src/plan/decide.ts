import { canonicalReason } from "./diff.ts";
import { containerName } from "../state/labels.ts";
import type { DeploymentRevision } from "../state/memory.ts";
import type { Action } from "./action.ts";
import type { Decision, DeploymentInput, TrackedContainer } from "./input.ts";

/** A person's `docker restart` gets so long to finish before the agent acts (SPEC 3), ms. */
const PASSING_MS = 1000;
/** A container left paused is resumed after (SPEC 3), ms. */
const PAUSED_MS = 10_000;
/** Without any probe: ready after running so long (SPEC 2), ms. */
const SETTLE_MS = 1000;

/**
 * The next step of one deployment (SPEC 3): total, synchronous, deterministic. It never plans further than one action,
 * because after anything at all the agent observes and decides again; {@link unfold} strings decisions to a forecast.
 */
export function decide(input: DeploymentInput): Decision {
  const { target } = input;
  if (target.kind === "leave") return { kind: "done" };
  const upkeep = keepUp(input);
  if (upkeep !== null) return upkeep;
  switch (target.kind) {
    case "absent": {
      const first = input.containers[0];
      return first === undefined
        ? { kind: "done" }
        : drop(first, target.graceMs, "the deployment is gone from the repository");
    }
    case "keep":
      return decideKeep(input, target.drop);
    case "run":
      return target.revision.spec.strategy === "Recreate"
        ? decideRecreate(input, target.revision)
        : decideRolling(input, target.revision);
  }
}

/** Restores what hands or accidents changed about a container whatever its revision: pause, name. */
function keepUp(input: DeploymentInput): Decision | null {
  for (const container of input.containers) {
    const { phase, since } = container;
    if (phase === "paused") {
      if (input.now < since + PAUSED_MS) return wait("a paused container", since + PAUSED_MS);
      return act("resume", container, "left paused");
    }
    if (phase === "removing") return wait("a removal to finish", input.now + 500);
    if (phase === "dead") return act("remove", container, "the engine gave it up as dead");
    const name = containerName(
      input.environment,
      container.deployment,
      container.revision,
      container.replica,
    );
    if (container.name !== name && !input.containers.some((other) => other.name === name)) {
      return {
        kind: "act",
        action: {
          kind: "rename",
          container: container.id,
          name: container.name,
          to: name,
          reason: `renamed by hand from ${name}`,
        },
      };
    }
  }
  return null;
}

function decideKeep(input: DeploymentInput, dropRevision: string | null): Decision {
  const dropped = input.containers.find((container) => container.revision === dropRevision);
  const kept = input.containers.filter((container) => container.revision !== dropRevision);
  if (dropped !== undefined && kept.length > 0) return drop(dropped, 10_000, "its revision failed");
  const serving = kept.some((container) => container.phase === "running");
  for (const container of kept) {
    if (
      container.phase === "running" &&
      container.restartPolicy !== "always" &&
      isReady(container, input.now)
    ) {
      if (container.tried) return act("promote", container, "running again in its last good form");
    }
    if (container.phase !== "exited" && container.phase !== "created") continue;
    if (isProven(container) || !serving) return startAgain(input, container);
  }
  return { kind: "done" };
}

function decideRolling(input: DeploymentInput, revision: DeploymentRevision): Decision {
  const { slots, surplus, old } = arrange(input, revision);
  const missing = slots.filter((slot) => slot.container === null);
  const unproven = slots.flatMap(({ container }) =>
    container !== null && !isProven(container) ? [container] : [],
  );
  const grace = revision.spec.stopGracePeriod;

  const needed = slots.length - (slots.length - missing.length - unproven.length);
  const servingOld = old.filter(isServing);
  const deadOld = old.find(
    (container) =>
      !isServing(container) &&
      !(isProven(container) && canReturn(input, container) && servingOld.length < needed),
  );
  if (deadOld !== undefined) return drop(deadOld, grace, reasonAgainst(deadOld, revision));
  const healing = healServing(input, revision, [
    ...slots.flatMap(({ container }) => (container !== null && isProven(container) ? [container] : [])),
    ...old,
  ]);
  if (healing !== null && healing.kind === "act") return healing;

  if (old.length > needed) {
    const spare = old[0];
    if (spare !== undefined) return drop(spare, grace, reasonAgainst(spare, revision));
  }
  const extra = surplus[0];
  if (extra !== undefined && unproven.length === 0) return drop(extra, grace, "more replicas than asked for");

  let pending: Decision | null = healing;
  for (const container of unproven) {
    const decision = prove(input, revision, container);
    if (decision.kind === "act") return decision;
    pending ??= decision;
  }
  const next = missing[0];
  if (next !== undefined && (unproven.length === 0 || old.length === 0)) {
    const blocked = cannotCreate(input, revision);
    if (blocked !== null) return blocked.kind === "act" ? blocked : (pending ?? blocked);
    return create(input, revision, next.replica, old);
  }
  return pending ?? { kind: "done" };
}

function decideRecreate(input: DeploymentInput, revision: DeploymentRevision): Decision {
  const { slots, surplus, old } = arrange(input, revision);
  const grace = revision.spec.stopGracePeriod;
  const missing = slots.find((slot) => slot.container === null);
  const mine = slots.flatMap(({ container }) => (container === null ? [] : [container]));
  const superseded = old.find(
    (container) =>
      container.phase !== "running" &&
      !isProven(container) &&
      input.lastGood !== null &&
      input.lastGood !== revision.revision &&
      container.revision !== input.lastGood,
  );
  if (superseded !== undefined) return drop(superseded, grace, "superseded before it was proven");

  if (missing !== undefined) {
    const healing = healServing(input, revision, [...mine.filter(isProven), ...old.filter(isProven)]);
    if (healing !== null && healing.kind === "act") return healing;
    const blocked = cannotCreate(input, revision);
    if (blocked !== null) return blocked;
    return create(input, revision, missing.replica, []);
  }
  const unproven = mine.filter((container) => !isProven(container));
  if (unproven.length > 0) {
    if (input.blocked !== null && unproven.every((container) => container.phase === "created"))
      return wait(input.blocked, null);
    const running = old.find(
      (container) => container.phase === "running" || container.phase === "restarting",
    );
    if (running !== undefined) {
      const reason = reasonAgainst(running, revision);
      return running.restartPolicy === "no"
        ? {
            kind: "act",
            action: { kind: "stop", container: running.id, name: running.name, graceMs: grace, reason },
          }
        : act("retire", running, reason);
    }
    let pending: Decision | null = null;
    for (const container of unproven) {
      const decision = prove(input, revision, container);
      if (decision.kind === "act") return decision;
      pending ??= decision;
    }
    if (pending !== null) return pending;
  }
  const healing = healServing(input, revision, mine.filter(isProven));
  if (healing !== null) return healing;
  const last = old[0];
  if (last !== undefined) return drop(last, grace, reasonAgainst(last, revision));
  const extra = surplus[0];
  if (extra !== undefined) return drop(extra, grace, "more replicas than asked for");
  return { kind: "done" };
}

interface Arrangement {
  slots: { replica: number; container: TrackedContainer | null }[];
  surplus: TrackedContainer[];
  old: TrackedContainer[];
}

/** Puts the containers of the target's revision into its replicas; what is left is surplus, the rest is old. */
function arrange(input: DeploymentInput, revision: DeploymentRevision): Arrangement {
  const current = input.containers.filter(
    (container) => container.revision === revision.revision && onNetwork(input, revision, container),
  );
  const old = input.containers
    .filter((container) => !current.includes(container))
    .sort((a, b) => a.replica - b.replica || (a.id < b.id ? -1 : 1));
  const chosen = new Set<TrackedContainer>();
  const slots = Array.from({ length: revision.spec.replicas }, (_, index) => {
    const candidates = current
      .filter((container) => container.replica === index + 1)
      .sort((a, b) => rank(b) - rank(a) || (a.id < b.id ? -1 : 1));
    const container = candidates[0] ?? null;
    if (container !== null) chosen.add(container);
    return { replica: index + 1, container };
  });
  return { slots, surplus: current.filter((container) => !chosen.has(container)), old };
}

/** Whether the engine could start it: its network has not been removed since. */
function canReturn(input: DeploymentInput, container: TrackedContainer): boolean {
  const { attachment } = container;
  return attachment.kind !== "attached" || attachment.networkId === input.networkId;
}

function rank(container: TrackedContainer): number {
  return (isProven(container) ? 2 : 0) + (container.phase === "running" ? 1 : 0);
}

/** A container whose network is gone has to be made anew (ARCHITECTURE, "Containers"). */
function onNetwork(
  input: DeploymentInput,
  revision: DeploymentRevision,
  container: TrackedContainer,
): boolean {
  const { attachment } = container;
  if (revision.spec.network === "host") return attachment.kind === "host";
  if (attachment.kind === "detached") return input.networkId !== null && container.phase === "running";
  return attachment.kind === "attached" && attachment.networkId === input.networkId;
}

/** Heals proven containers: exited ones start again, disconnected ones return, hand-made limits go. */
function healServing(
  input: DeploymentInput,
  revision: DeploymentRevision,
  containers: readonly TrackedContainer[],
): Decision | null {
  let pending: Decision | null = null;
  for (const container of containers) {
    if (container.phase === "exited" || container.phase === "created") {
      if (!isProven(container) || !canReturn(input, container)) continue;
      const decision = startAgain(input, container);
      if (decision.kind === "act") return decision;
      pending ??= decision;
      continue;
    }
    if (container.phase !== "running") continue;
    if (
      container.attachment.kind === "detached" &&
      revision.spec.network === "bridge" &&
      input.networkId !== null
    ) {
      return act("attach", container, "disconnected from its network by hand");
    }
    if (container.revision !== revision.revision) continue;
    const { cpus, memory } = revision.spec.resources;
    if (container.cpus !== cpus || container.memory !== memory) {
      return {
        kind: "act",
        action: {
          kind: "set-resources",
          container: container.id,
          name: container.name,
          cpus,
          memory,
          reason: "its limits were changed by hand",
        },
      };
    }
    if (isProven(container) && container.attachment.kind === "attached" && !hasAlias(container)) {
      return act("promote", container, "it lost its name in the network");
    }
    const others = containers.filter(
      (other) => other !== container && other.phase === "running" && other.readiness === "passing",
    );
    if (!container.alive && (containers.length === 1 || others.length > 0) && input.now >= input.notBefore) {
      return {
        kind: "act",
        action: {
          kind: "restart",
          container: container.id,
          name: container.name,
          graceMs: revision.spec.stopGracePeriod,
          reason: "its liveness probe failed",
        },
      };
    }
  }
  return pending;
}

function startAgain(input: DeploymentInput, container: TrackedContainer): Decision {
  const from = Math.max(container.since + PASSING_MS, input.notBefore);
  if (input.now < from) return wait(`${container.name} to come back by itself`, from);
  return act(
    "start",
    container,
    container.phase === "created"
      ? "created and never started"
      : `exited with code ${String(container.exitCode)} and not restarted by the engine`,
  );
}

/** Leads a container from created to proven, or to failed. */
function prove(input: DeploymentInput, revision: DeploymentRevision, container: TrackedContainer): Decision {
  switch (container.phase) {
    case "created":
      if (input.now < input.notBefore) return wait("the next try", input.notBefore);
      return act("start", container, "new");
    case "exited":
      if (container.tried && input.fallback)
        return fail(
          container,
          "exited",
          `exited with code ${String(container.exitCode)} before it was ready`,
        );
      if (container.tried && input.notBefore <= container.since)
        return fail(
          container,
          "exited",
          `exited with code ${String(container.exitCode)} before it was ready`,
        );
      if (input.now < input.notBefore) return wait("the next try", input.notBefore);
      return act("start", container, container.tried ? "tried again" : "kept aside, and wanted again");
    case "running": {
      if (container.attachment.kind === "detached" && revision.spec.network === "bridge")
        return act("attach", container, "disconnected from its network by hand");
      if (revisionReady(revision, container, input.now)) return act("promote", container, "ready");
      const deadline = container.since + revision.spec.progressDeadline;
      if (input.now >= deadline) {
        // With nothing to return to, a slow first start (a database) is left to finish: stopping it could only harm.
        if (input.fallback)
          return fail(
            container,
            "not-ready",
            `not ready within ${String(Math.round(revision.spec.progressDeadline / 1000))} s`,
          );
        return {
          kind: "wait",
          for: `${container.name} to become ready (past its deadline; there is nothing to return to)`,
          until: null,
          container: container.id,
        };
      }
      const settle = hasProbe(revision) ? deadline : Math.min(deadline, container.since + SETTLE_MS);
      return {
        kind: "wait",
        for: `${container.name} to become ready`,
        until: settle,
        container: container.id,
      };
    }
    case "paused":
    case "restarting":
    case "removing":
    case "dead":
      return wait(`${container.name} (${container.phase})`, input.now + 1000);
  }
}

function cannotCreate(input: DeploymentInput, revision: DeploymentRevision): Decision | null {
  if (!input.imageReady) {
    const image = revision.spec.image ?? "";
    return {
      kind: "act",
      action: { kind: "pull", revision: revision.revision, image, reason: `image ${image} is needed` },
    };
  }
  if (input.blocked !== null) return wait(input.blocked, null);
  if (input.now < input.notBefore) return wait("the next try", input.notBefore);
  if (revision.spec.network === "bridge" && input.networkId === null) {
    return { kind: "act", action: { kind: "ensure-network", reason: "the environment has no network yet" } };
  }
  return null;
}

function create(
  input: DeploymentInput,
  revision: DeploymentRevision,
  replica: number,
  rivals: readonly TrackedContainer[],
): Decision {
  const previous = input.containers.find((container) => container.revision !== revision.revision);
  const reason =
    previous === undefined
      ? input.containers.length === 0
        ? "new"
        : "a replica is missing"
      : canonicalReason(previous.specLabel, revision.canonical);
  const name = containerName(input.environment, input.name, revision.revision, replica);
  const sameName = input.containers.find((container) => container.name === name);
  if (sameName !== undefined) return drop(sameName, revision.spec.stopGracePeriod, reason);
  return {
    kind: "act",
    action: {
      kind: "create",
      revision: revision.revision,
      replica,
      name,
      alias: !rivals.some(isServing),
      reason,
    },
  };
}

/** One step towards a container being gone. */
function drop(container: TrackedContainer, graceMs: number, reason: string): Decision {
  const isUp = container.phase === "running" || container.phase === "restarting";
  if (container.restartPolicy !== "no") return act("retire", container, reason);
  if (isUp)
    return {
      kind: "act",
      action: { kind: "stop", container: container.id, name: container.name, graceMs, reason },
    };
  return act("remove", container, reason);
}

function reasonAgainst(container: TrackedContainer, revision: DeploymentRevision): string {
  return container.revision === revision.revision
    ? "its network is gone"
    : canonicalReason(container.specLabel, revision.canonical);
}

export function isProven(container: TrackedContainer): boolean {
  return container.restartPolicy === "always";
}

function hasAlias(container: TrackedContainer): boolean {
  return (
    container.attachment.kind === "attached" && container.attachment.aliases.includes(container.deployment)
  );
}

/** Whether requests may be going to it: up, and reachable by the deployment's name or marked as proven. */
function isServing(container: TrackedContainer): boolean {
  return (
    container.phase === "running" &&
    (isProven(container) || hasAlias(container)) &&
    container.readiness !== "failing"
  );
}

function hasProbe(revision: DeploymentRevision): boolean {
  return revision.spec.health.readiness !== null || revision.servicePort !== null;
}

/** Ready by its probe; without one by having run for a second (SPEC 2). */
export function revisionReady(
  revision: DeploymentRevision,
  container: TrackedContainer,
  now: number,
): boolean {
  if (container.phase !== "running") return false;
  return hasProbe(revision) ? container.readiness === "passing" : now >= container.since + SETTLE_MS;
}

function isReady(container: TrackedContainer, now: number): boolean {
  return (
    container.readiness === "passing" ||
    (container.readiness === "unknown" && now >= container.since + SETTLE_MS)
  );
}

function fail(container: TrackedContainer, cause: "exited" | "not-ready", reason: string): Decision {
  return {
    kind: "act",
    action: { kind: "fail", container: container.id, name: container.name, cause, reason },
  };
}

type Plain = Extract<Action["kind"], "start" | "promote" | "retire" | "remove" | "resume" | "attach">;

function act(kind: Plain, container: TrackedContainer, reason: string): Decision {
  return { kind: "act", action: { kind, container: container.id, name: container.name, reason } };
}

function wait(reason: string, until: number | null): Decision {
  return { kind: "wait", for: reason, until, container: null };
}
