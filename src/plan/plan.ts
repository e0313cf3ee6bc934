import type { DesiredState } from "../state/desired.ts";
import { emptyDeploymentMemory, type Memory } from "../state/memory.ts";
import type { ObservedState } from "../state/observed.ts";
import type { Route } from "../state/route.ts";
import type { Action } from "./action.ts";
import { forecast } from "./forecast.ts";
import type { TrackedContainer } from "./input.ts";
import { routingOf } from "./route.ts";
import { resolveTarget } from "./target.ts";

export interface DeploymentPlan {
  name: string;
  actions: Action[];
  /** Why nothing is done although something is wanted. */
  note: string | null;
}

/** The whole plan (ARCHITECTURE): pure and deterministic; the order of the inputs changes nothing. */
export function planAll(
  desired: DesiredState,
  observed: ObservedState,
  memory: Memory,
  ingress: { routes: readonly Route[]; directed: ReadonlyMap<string, readonly string[]> },
  environment: string,
  now: number,
): DeploymentPlan[] {
  const own = new Map<string, TrackedContainer[]>();
  for (const container of [...observed.containers].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    // Long seen, and healthy as far as anybody knows: a forecast has no probes of its own.
    const tracked: TrackedContainer = {
      ...container,
      since: -Infinity,
      tried: false,
      readiness: "unknown",
      alive: true,
      busy: null,
      busySince: null,
      retryAt: null,
    };
    const siblings = own.get(container.deployment);
    if (siblings === undefined) own.set(container.deployment, [tracked]);
    else siblings.push(tracked);
  }
  const routes = Map.groupBy(ingress.routes, (route) => route.deployment);
  const names = [...new Set([...desired.deployments.keys(), ...own.keys()])].sort();
  return names.map((name) => {
    const wanted = desired.deployments.get(name) ?? null;
    const remembered = memory.deployments[name] ?? emptyDeploymentMemory();
    const containers = own.get(name) ?? [];
    const target = resolveTarget(wanted, remembered, containers, {
      prunable: desired.prunable,
      image: { kind: "ready" },
      blocked: false,
    });
    const aim = target.kind === "run" ? target.revision.revision : null;
    const actions = forecast({
      name,
      environment,
      target,
      containers,
      networkId: observed.network?.id ?? null,
      routing: routingOf(routes.get(name) ?? [], ingress.directed, containers),
      image: { kind: aim !== null && remembered.pins[aim] !== undefined ? "ready" : "unknown" },
      fallback: false,
      lastGood: remembered.lastGood?.revision ?? null,
      blocked: null,
      notBefore: 0,
      now,
    });
    const quarantined =
      wanted?.kind === "run" && remembered.quarantine?.specHash === wanted.revision.specHash;
    const note =
      wanted?.kind === "held"
        ? `held: ${wanted.message}`
        : wanted?.kind === "suspended"
          ? "suspended"
          : quarantined
            ? `this revision failed before (${remembered.quarantine?.message ?? ""}) and is not tried again until its manifest changes`
            : null;
    return { name, actions, note };
  });
}
