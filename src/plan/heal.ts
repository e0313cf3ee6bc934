/** Undoing what hands, crashes and accidents did to containers that are otherwise as they should be (SPEC 3). */
import { containerName } from "../state/labels.ts";
import type { DeploymentRevision } from "../state/memory.ts";
import { canReturn, hasAlias, isProven } from "./container.ts";
import type { Decision, DeploymentInput, TrackedContainer } from "./input.ts";
import { act, wait } from "./step.ts";

/** A person's `docker restart` gets so long to finish before the agent acts (SPEC 3), ms. */
const PASSING_MS = 1000;
/** A container left paused is resumed after (SPEC 3), ms. */
const PAUSED_MS = 10_000;

/** Restores what hands or accidents changed about a container whatever its revision: pause, name. */
export function keepUp(input: DeploymentInput): Decision | null {
  for (const container of input.containers) {
    if (container.busy !== null) continue;
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

/** Heals proven containers: exited ones start again, disconnected ones return, hand-made limits go. */
export function healServing(
  input: DeploymentInput,
  revision: DeploymentRevision,
  containers: readonly TrackedContainer[],
): Decision | null {
  let pending: Decision | null = null;
  for (const container of containers) {
    if (container.busy !== null) continue;
    const decision = healOne(input, revision, container, containers);
    if (decision?.kind === "act") return decision;
    pending ??= decision;
  }
  return pending;
}

function healOne(
  input: DeploymentInput,
  revision: DeploymentRevision,
  container: TrackedContainer,
  containers: readonly TrackedContainer[],
): Decision | null {
  if (container.phase === "exited" || container.phase === "created")
    return isProven(container) && canReturn(input, container) ? startAgain(input, container) : null;
  if (container.phase !== "running") return null;
  if (
    container.attachment.kind === "detached" &&
    revision.spec.network === "bridge" &&
    input.networkId !== null
  )
    return act("attach", container, "disconnected from its network by hand");
  if (container.revision !== revision.revision) return null;
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
  if (isProven(container) && container.attachment.kind === "attached" && !hasAlias(container))
    return act("promote", container, "it lost its name in the network");
  return restartUnlively(input, revision, container, containers);
}

/** Liveness: never the last one that serves while another is down for the same reason (FAULTS 52). */
function restartUnlively(
  input: DeploymentInput,
  revision: DeploymentRevision,
  container: TrackedContainer,
  containers: readonly TrackedContainer[],
): Decision | null {
  if (container.alive || input.now < input.notBefore) return null;
  const others = containers.filter(
    (other) => other !== container && other.phase === "running" && other.readiness === "passing",
  );
  if (containers.length > 1 && (others.length === 0 || containers.some((other) => other.busy !== null)))
    return null;
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

/** Starts what exited, once it is clear that neither the engine nor a person is doing so. */
export function startAgain(input: DeploymentInput, container: TrackedContainer): Decision {
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
