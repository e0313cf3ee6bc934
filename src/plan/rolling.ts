import type { DeploymentRevision } from "../state/memory.ts";
import { arrange } from "./arrange.ts";
import { canReturn, isProven, isServing } from "./container.ts";
import { healServing } from "./heal.ts";
import type { Decision, DeploymentInput, TrackedContainer } from "./input.ts";
import { cannotCreate, create, prove } from "./prove.ts";
import { drop, notLaterThan, reasonAgainst, wait } from "./step.ts";

/** The grace period that a stop has unless a manifest says otherwise (SPEC 2), ms. */
const ENDING_MS = 10_000;

/** `RollingUpdate` (SPEC 2): start first; an old one goes only when a new one is proven. */
export function decideRolling(input: DeploymentInput, revision: DeploymentRevision): Decision {
  const { slots, surplus, old, leaving } = arrange(input, revision);
  const missing = slots.filter((slot) => slot.container === null);
  const unproven = slots.flatMap(({ container }) =>
    container !== null && !isProven(container) ? [container] : [],
  );
  const grace = revision.spec.stopGracePeriod;

  const needed = missing.length + unproven.length;
  const servingOld = old.filter(isServing);
  const deadOld = old.find(
    (container) =>
      container.busy === null &&
      !isServing(container) &&
      !getsRequests(input, container) &&
      !(isProven(container) && canReturn(input, container) && servingOld.length < needed),
  );
  if (deadOld !== undefined) return drop(input, deadOld, grace, reasonAgainst(deadOld, revision));
  const proven = slots.flatMap(({ container }) =>
    container !== null && isProven(container) ? [container] : [],
  );
  const healing = healServing(input, revision, [...proven, ...old]);
  if (healing !== null && healing.kind === "act") return healing;

  const spare = old.length > needed ? leastNeeded(input, old) : undefined;
  const extra = unproven.length === 0 ? surplus[0] : undefined;
  const goes = spare ?? extra;
  const kept = goes === undefined ? null : reasonToKeep(input, goes, [...old, ...proven], proven);
  if (goes !== undefined && kept === null) {
    const reason = goes === spare ? reasonAgainst(goes, revision) : "more replicas than asked for";
    return drop(input, goes, grace, reason);
  }

  let pending: Decision | null = healing;
  for (const container of unproven) {
    const decision = prove(input, revision, container);
    if (decision.kind === "act") return decision;
    pending ??= decision;
  }
  const next = missing[0];
  if (next !== undefined && (unproven.length === 0 || old.length === 0)) {
    const blocked = cannotCreate(input, revision);
    if (blocked !== null)
      return blocked.kind === "act" || pending === null ? blocked : notLaterThan(blocked, pending);
    const ending = old.length > 0 ? stillEnding(input, leaving) : null;
    if (ending !== null) return pending === null ? ending : notLaterThan(ending, pending);
    return notLaterThan(pending, create(input, revision, next.replica, [...old, ...leaving]));
  }
  return pending ?? kept ?? (leaving.length > 0 ? wait("older containers to end", null) : { kind: "done" });
}

/** Of some old containers the one to go first: what serves nobody, then what never proved itself, then what gets no requests. */
function leastNeeded(input: DeploymentInput, old: readonly TrackedContainer[]): TrackedContainer | undefined {
  const use = (container: TrackedContainer): number =>
    (isServing(container) ? 4 : 0) + (isProven(container) ? 2 : 0) + (getsRequests(input, container) ? 1 : 0);
  return old.toSorted((a, b) => use(a) - use(b))[0];
}

/** Whether the ingress sends requests to it, or may do so. */
function getsRequests(input: DeploymentInput, container: TrackedContainer): boolean {
  return container.phase === "running" && input.routing?.routed.has(container.id) === true;
}

/**
 * Never more than two generations of a replica (invariant I6), as long as those on their way out take no longer than
 * anybody expects: a long grace period holds up no newer commit. null: nothing to wait for.
 */
function stillEnding(input: DeploymentInput, leaving: readonly TrackedContainer[]): Decision | null {
  const until = Math.max(0, ...leaving.map((container) => (container.busySince ?? 0) + ENDING_MS));
  return input.now < until ? wait("older containers to end", until) : null;
}

/** Why a container stays for now although it could go; null: it goes. */
function reasonToKeep(
  input: DeploymentInput,
  container: TrackedContainer,
  all: readonly TrackedContainer[],
  proven: readonly TrackedContainer[],
): Decision | null {
  if (container.busy !== null) return wait(`the restart of ${container.name} to end`, null);
  const isLast = isServing(container) && all.every((item) => item === container || !isServing(item));
  if (isLast) return wait(`a replica to be ready: only ${container.name} is`, null);
  return awaitReplacement(input, container, proven);
}

/** What still gets requests, because nothing else is ready, stays until something is (invariant I1); null: it may go. */
function awaitReplacement(
  input: DeploymentInput,
  container: TrackedContainer,
  proven: readonly TrackedContainer[],
): Decision | null {
  if (!getsRequests(input, container)) return null;
  if (input.routing?.known !== true) return wait("the ingress to say where requests go", null);
  const replacement = proven.find((item) => item.readiness !== "passing") ?? null;
  return {
    kind: "wait",
    for: `${replacement?.name ?? "a replica"} to be ready: requests still go to ${container.name}`,
    until: null,
    container: replacement?.id ?? null,
    late: false,
  };
}
