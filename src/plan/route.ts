/** Where the ingress should send a deployment's requests (SPEC 6). */
import type { Route } from "../state/route.ts";
import type { ObservedContainer } from "../state/observed.ts";
import { arrange } from "./arrange.ts";
import { canReturn, isProven } from "./container.ts";
import { nextRestart } from "./heal.ts";
import type { Decision, DeploymentInput, Routing, TrackedContainer } from "./input.ts";

/** The address that requests for a port of this container go to; null: it has none. It stays while the container is stopped. */
export function upstreamOf(container: ObservedContainer, port: number): string | null {
  const { attachment } = container;
  if (attachment.kind === "host") return `127.0.0.1:${String(port)}`;
  if (attachment.kind === "detached") return null;
  const address = attachment.staticAddress ?? attachment.address;
  return address === null ? null : `${address}:${String(port)}`;
}

/**
 * Which of a deployment's containers the ingress sends requests to now; null: no route leads to the deployment. `directed` null:
 * that is not known, as when the agent has just started.
 */
export function routingOf(
  routes: readonly Route[],
  directed: ReadonlyMap<string, readonly string[]> | null,
  containers: readonly ObservedContainer[],
): Routing | null {
  if (routes.length === 0) return null;
  if (directed === null)
    return { known: false, routed: new Set(containers.map((container) => container.id)), strays: [] };
  const routed = new Set<string>();
  const known = new Set<string>();
  for (const container of containers) {
    const upstreams = routes.map((route) => upstreamOf(container, route.port));
    for (const upstream of upstreams) if (upstream !== null) known.add(upstream);
    const complete = routes.every((route, index) => {
      const upstream = upstreams[index];
      return (
        upstream !== null && upstream !== undefined && (directed.get(route.service) ?? []).includes(upstream)
      );
    });
    if (complete) routed.add(container.id);
  }
  const strays = routes
    .flatMap((route) => directed.get(route.service) ?? [])
    .filter((upstream) => !known.has(upstream));
  return { known: true, routed, strays: [...new Set(strays)].sort() };
}

/**
 * The next change of the ingress, if it needs one. Comes before every retirement, so that a container that goes gets no request
 * any more, and one that serves goes only after its replacement is routed to (invariant I1). When nothing is ready, requests
 * keep going where they went: the last one is never taken out silently.
 */
export function reroute(input: DeploymentInput): Decision | null {
  const { routing } = input;
  if (routing?.known !== true) return null;
  const wanted = wantedUpstreams(input, routing);
  if (wanted === null) return null;
  const ids = wanted.map((container) => container.id).sort();
  const now = input.containers.filter((container) => routing.routed.has(container.id));
  const added = wanted.filter((container) => !routing.routed.has(container.id));
  const removed = now.filter((container) => !ids.includes(container.id));
  if (added.length === 0 && removed.length === 0 && routing.strays.length === 0) return null;
  const reasons = [
    ...added.map((container) => `${container.name} is ready`),
    ...removed.map((container) => `${container.name} ${whyOut(container)}`),
  ];
  const reason = reasons.length > 0 ? reasons.join(", ") : `nothing answers at ${routing.strays.join(", ")}`;
  return {
    kind: "act",
    action: {
      kind: "route",
      containers: ids,
      names: wanted.map((container) => container.name).sort(),
      reason,
    },
  };
}

function whyOut(container: TrackedContainer): string {
  if (container.phase !== "running") return `is ${container.phase}`;
  if (!container.alive) return "fails its liveness probe";
  return container.readiness === "failing" ? "fails its readiness probe" : "goes";
}

/** null: leave it as it is. */
function wantedUpstreams(input: DeploymentInput, routing: Routing): TrackedContainer[] | null {
  const { target } = input;
  if (target.kind === "leave") return null;
  if (target.kind === "absent" || input.containers.length === 0) return [];
  const up = input.containers.filter((container) => takesRequests(input, container, routing));
  // Requests go past what is about to be restarted; when that is all of them, past the next one at least.
  const lively = up.filter((container) => container.alive);
  const next = target.kind === "run" ? nextRestart(input, target.revision, up) : null;
  const all = lively.length > 0 ? lively : up.filter((container) => container !== next);
  const takes = (container: TrackedContainer): boolean => all.includes(container);
  if (all.length === 0) return null;
  if (target.kind === "keep") return all;
  const { slots, old } = arrange(input, target.revision);
  const current = slots.flatMap(({ container }) =>
    container !== null && takes(container) ? [container] : [],
  );
  if (target.revision.spec.strategy === "Recreate") return current.length > 0 ? current : null;
  const needed = slots.filter(({ container }) => container === null || !isProven(container)).length;
  const staying = old.slice(Math.max(0, old.length - needed)).filter(takes);
  const chosen = [...current, ...(needed === 0 ? [] : staying)];
  return chosen.length > 0 ? chosen : all;
}

/** Known to be ready, or already taking requests and not known to fail. */
function takesRequests(input: DeploymentInput, container: TrackedContainer, routing: Routing): boolean {
  if (container.phase !== "running" || !isProven(container) || container.busy !== null) return false;
  if (container.attachment.kind === "detached" || !canReturn(input, container)) return false;
  return (
    container.readiness === "passing" ||
    (container.readiness === "unknown" && routing.routed.has(container.id))
  );
}
