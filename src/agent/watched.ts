import type { Probe } from "../manifest/deployment.ts";
import type { DeploymentRevision } from "../state/memory.ts";
import type { Target, TrackedContainer } from "../plan/input.ts";
import { isProven } from "../plan/container.ts";
import type { Watched } from "./health.ts";

/** The containers of a deployment that are to be probed, and how. Without a readiness probe: its Service's port (SPEC 2). */
export function watchedOf(
  target: Target,
  lastGood: DeploymentRevision | null,
  containers: readonly TrackedContainer[],
): Watched[] {
  if (target.kind !== "run") return [];
  const known = [target.revision, ...(lastGood === null ? [] : [lastGood])];
  return containers.flatMap((container): Watched[] => {
    // Each is judged by its own revision: a new probe says nothing about an old container.
    const revision = known.find((item) => item.revision === container.revision);
    if (container.phase !== "running" || revision === undefined) return [];
    const { spec, servicePort } = revision;
    const readiness = spec.health.readiness ?? (servicePort === null ? null : acceptsTcp(servicePort));
    const { attachment } = container;
    const address =
      attachment.kind === "host" ? "127.0.0.1" : attachment.kind === "attached" ? attachment.address : null;
    if (address === null) return [];
    return [
      {
        id: container.id,
        address,
        startedAt: container.startedAt,
        readiness,
        liveness: isProven(container) ? spec.health.liveness : null,
      },
    ];
  });
}

function acceptsTcp(port: number): Probe {
  return { type: "tcp", port, interval: 5000, timeout: 2000, failureThreshold: 3, initialDelay: 0 };
}
