/** From nothing to a proven container (SPEC 3, step 6). */
import { containerName } from "../state/labels.ts";
import type { DeploymentRevision } from "../state/memory.ts";
import { isServing, readyBy, revisionReady } from "./container.ts";
import { canonicalReason } from "./diff.ts";
import type { Decision, DeploymentInput, TrackedContainer } from "./input.ts";
import { isGone, isLeaving } from "./arrange.ts";
import { act, drop, fail, wait } from "./step.ts";

/** So often it is looked whether the engine has removed what it said it would, ms. */
const GONE_LOOK_MS = 1000;

/** Leads a container from created to proven, or to failed. */
export function prove(
  input: DeploymentInput,
  revision: DeploymentRevision,
  container: TrackedContainer,
): Decision {
  switch (container.phase) {
    case "created":
      if (input.now < input.notBefore) return wait("the next try", input.notBefore);
      return act("start", container, "new");
    case "exited":
      if (container.tried && (input.fallback || input.notBefore <= container.since))
        return fail(
          container,
          "exited",
          `exited with code ${String(container.exitCode)} before it was ready`,
        );
      if (input.now < input.notBefore) return wait("the next try", input.notBefore);
      return act("start", container, container.tried ? "tried again" : "kept aside, and wanted again");
    case "running":
      return proveRunning(input, revision, container);
    case "paused":
    case "restarting":
    case "removing":
    case "dead":
      return wait(`${container.name} (${container.phase})`, input.now + 1000);
  }
}

function proveRunning(
  input: DeploymentInput,
  revision: DeploymentRevision,
  container: TrackedContainer,
): Decision {
  if (container.attachment.kind === "detached" && revision.spec.network === "bridge")
    return act("attach", container, "disconnected from its network by hand");
  if (revisionReady(revision, container, input.now)) return act("promote", container, "ready");
  const { progressDeadline } = revision.spec;
  const late = input.now >= container.since + progressDeadline;
  if (late && input.fallback)
    return fail(container, "not-ready", `not ready within ${String(Math.round(progressDeadline / 1000))} s`);
  return {
    kind: "wait",
    // With nothing to return to, a slow first start (a database) is left to finish: stopping it could only harm.
    for: late
      ? `${container.name} to become ready (past its deadline; there is nothing to return to)`
      : `${container.name} to become ready`,
    until: late ? null : readyBy(revision, container),
    container: container.id,
    late,
  };
}

/** What has to be in hand before a container can be created; null: all of it is. */
export function cannotCreate(input: DeploymentInput, revision: DeploymentRevision): Decision | null {
  if (input.image.kind === "pulling") return wait("its image", null);
  if (input.image.kind === "failed") return wait("its image", input.image.retryAt);
  if (input.image.kind === "unknown") {
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

/** Creates a replica; what has its name goes first. */
export function create(
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
  if (sameName !== undefined) {
    if (isLeaving(sameName)) return wait(`${name} to end`, null);
    if (isGone(sameName)) return wait(`${name} (${sameName.phase}) to be removed`, input.now + GONE_LOOK_MS);
    return drop(input, sameName, revision.spec.stopGracePeriod, reason);
  }
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
