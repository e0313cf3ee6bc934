/** Which of the routes that all environments of an engine ask for are served, and by whose settings. Pure. */
import type { IngressSettings, Route } from "../state/route.ts";

/** A route, and since when its Service has had that host name: of two that claim one, the older keeps it (SPEC 6). */
interface Claim {
  route: Route;
  /** ms since the epoch. */
  since: number;
}

/** What one environment asks of the engine's ingress. */
export interface Fragment {
  environment: string;
  /** ms since the epoch: when the environment first asked for anything. */
  since: number;
  settings: IngressSettings;
  claims: readonly Claim[];
}

/** The fragment after an environment asks for these routes: a claim ages as long as its Service keeps the host name. */
export function nextFragment(
  before: Fragment | null,
  environment: string,
  settings: IngressSettings,
  routes: readonly Route[],
  now: number,
): Fragment {
  const claims = routes.map((route) => {
    const old = before?.claims.find(
      (claim) => claim.route.service === route.service && claim.route.host === route.host,
    );
    return { route, since: old?.since ?? now };
  });
  return { environment, since: before?.since ?? now, settings, claims };
}

/** What the fragments come to. */
export interface Arrangement {
  /** Production's, else those of the environment that came first. */
  settings: IngressSettings;
  granted: readonly Route[];
  held: readonly { route: Route; by: Route }[];
}

/** null: nobody asks for anything. */
export function arrangeClaims(fragments: readonly Fragment[]): Arrangement | null {
  const [first] = [...fragments].sort(
    (a, b) =>
      Number(b.environment === "production") - Number(a.environment === "production") ||
      a.since - b.since ||
      (a.environment < b.environment ? -1 : 1),
  );
  if (first === undefined) return null;
  const claims = fragments
    .flatMap((fragment) => fragment.claims)
    .sort((a, b) => a.since - b.since || (identity(a.route) < identity(b.route) ? -1 : 1));
  const owners = new Map<string, Route>();
  const held: { route: Route; by: Route }[] = [];
  for (const { route } of claims) {
    const by = owners.get(route.host);
    if (by === undefined) owners.set(route.host, route);
    else held.push({ route, by });
  }
  const granted = [...owners.values()].sort((a, b) => (a.host < b.host ? -1 : 1));
  return { settings: first.settings, granted, held };
}

/** A route's Service among all environments. */
export function identity(route: Route): string {
  return `${route.environment}.${route.service}`;
}
