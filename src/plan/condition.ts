import type { DesiredDeployment } from "../state/desired.ts";
import type { DeploymentMemory } from "../state/memory.ts";
import { isProven, revisionReady } from "./container.ts";
import type { Decision, Target, TrackedContainer } from "./input.ts";
import type { ImageState } from "./target.ts";

type DeploymentState =
  | "pending"
  | "pulling"
  | "building"
  | "starting"
  | "running"
  | "degraded"
  | "rolled_back"
  | "held"
  | "suspended"
  | "failed"
  | "removing";

export interface Condition {
  state: DeploymentState;
  /** One word for machines. */
  reason: string;
  message: string;
  /** Nothing is left to be done but to wait for a person, a commit or a retry. */
  settled: boolean;
  readyReplicas: number;
  replicas: number;
}

export interface Failure {
  message: string;
  count: number;
}

/** The state that is reported for a deployment (SPEC 5): from observation, never from intention. */
export function conditionOf(facts: {
  wanted: DesiredDeployment | null;
  target: Target;
  memory: DeploymentMemory;
  containers: readonly TrackedContainer[];
  image: ImageState;
  decision: Decision;
  /** Why the wanted revision cannot be begun yet; null: nothing stands in its way. */
  blocked: { reason: string; lasting: boolean } | null;
  failure: Failure | null;
  crash: string | null;
  /** How long nothing served while this revision was released, ms; null: it was never without. */
  gapMs: number | null;
  now: number;
}): Condition {
  const { wanted, target, memory, containers, image, decision, failure, now } = facts;
  const revision = target.kind === "run" ? target.revision : null;
  const replicas =
    revision?.spec.replicas ?? (wanted?.kind === "run" ? wanted.revision.spec.replicas : containers.length);
  const ready = containers.filter((container) => {
    if (container.phase !== "running" || container.readiness === "failing") return false;
    if (revision === null || container.revision !== revision.revision) return isProven(container);
    return isProven(container) || revisionReady(revision, container, now);
  });
  const current =
    revision === null
      ? ready
      : ready.filter((container) => container.revision === revision.revision && isProven(container));
  const readyReplicas = current.length;
  const leaving = containers.some((container) => container.busy !== null);
  const idle =
    !leaving && (decision.kind === "done" || (decision.kind === "wait" && decision.container === null));
  const say = (state: DeploymentState, reason: string, message: string, settled: boolean): Condition => ({
    state,
    reason,
    message,
    settled,
    readyReplicas,
    replicas,
  });

  if (wanted === null) {
    return target.kind === "absent"
      ? say("removing", "removed-from-git", "", false)
      : say(
          "held",
          "prune-blocked",
          "a document whose kind or name cannot be read keeps everything from being removed",
          true,
        );
  }
  if (wanted.kind === "suspended")
    return say("suspended", "suspended", "left as it is (suspend: true)", true);
  if (wanted.kind === "held") return say("held", "manifest", wanted.message, idle);
  if (memory.quarantine?.specHash === wanted.revision.specHash)
    return say("rolled_back", "release-failed", memory.quarantine.message, idle);
  const onWanted = revision?.revision === wanted.revision.revision;
  if (image.kind === "pulling" && (!onWanted || readyReplicas < replicas))
    return say("pulling", "pulling", `pulling ${wanted.revision.spec.image ?? ""}`, false);
  if (image.kind === "failed" && (!onWanted || readyReplicas < replicas))
    return say(ready.length > 0 ? "held" : "failed", "image", image.message, true);
  if (failure !== null && !(onWanted && readyReplicas >= replicas && decision.kind === "done"))
    return say(ready.length > 0 ? "held" : "failed", "error", failure.message, true);
  if (onWanted && readyReplicas >= replicas) {
    const settled = decision.kind === "done";
    return facts.crash !== null
      ? say("degraded", "crashed", facts.crash, settled)
      : say("running", "ready", facts.gapMs === null ? "" : gapMessage(facts.gapMs), settled);
  }
  if (facts.blocked !== null && (!onWanted || readyReplicas < replicas) && decision.kind !== "act")
    return say("pending", "waiting", `waiting for ${facts.blocked.reason}`, facts.blocked.lasting && idle);
  if (
    decision.kind === "wait" &&
    decision.container === null &&
    containers.every((container) => !isProven(container) || container.phase === "running")
  ) {
    return say("pending", "waiting", `waiting for ${decision.for}`, false);
  }
  const broken = containers.find(
    (container) =>
      isProven(container) && (container.phase !== "running" || container.readiness === "failing"),
  );
  if (onWanted && broken !== undefined) {
    const why =
      broken.phase === "running"
        ? "its readiness probe fails"
        : `${broken.phase}, exit code ${String(broken.exitCode)}${broken.oomKilled ? ", out of memory" : ""}`;
    return say(
      "degraded",
      broken.phase === "running" ? "not-ready" : "crashed",
      facts.crash ?? `${broken.name}: ${why}`,
      decision.kind === "done" || (decision.kind === "wait" && decision.until === null),
    );
  }
  const message = decision.kind === "wait" ? `waiting for ${decision.for}` : "";
  const late = decision.kind === "wait" && decision.late;
  return say("starting", late ? "late" : "starting", message, late);
}

function gapMessage(ms: number): string {
  return `nothing served for ${ms < 1000 ? `${String(Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`} while it was released`;
}
