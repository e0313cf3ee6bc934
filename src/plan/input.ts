import type { Action } from "./action.ts";
import type { DeploymentRevision } from "../state/memory.ts";
import type { ObservedContainer } from "../state/observed.ts";
import type { ImageState } from "./target.ts";

/** What a deployment should become. */
export type Target =
  | { kind: "run"; revision: DeploymentRevision }
  /**
   * Keep alive what is there without knowing its spec; containers of the revision `drop` go, and of the revisions `unproven`
   * it is known that they never proved themselves.
   */
  | { kind: "keep"; drop: string | null; unproven: readonly string[] }
  | { kind: "absent"; graceMs: number }
  /** Suspended or held for maintenance: hands off. */
  | { kind: "leave" };

/** A container and what this agent has seen of it itself: no rule depends on the host's clock. */
export interface TrackedContainer extends ObservedContainer {
  /** ms: since when the agent has seen it in this phase (of this start). */
  since: number;
  /** Started by this agent's own call since it was created or last proven. */
  tried: boolean;
  readiness: "unknown" | "passing" | "failing";
  /** false: liveness failed `failureThreshold` times. */
  alive: boolean;
  /** What is being done to it at this moment, beside everything else; null: nothing. */
  busy: "retire" | "stop" | "restart" | null;
  /** ms: since when `busy`; null: it is not. */
  busySince: number | null;
  /** ms: what was last tried with it failed, and it is left alone until then; null: nothing failed. */
  retryAt: number | null;
}

/** What the ingress does with a deployment's requests now. */
export interface Routing {
  /** false: it has not been asked yet, or did not answer. Then every container may be getting requests, and nothing is changed. */
  known: boolean;
  /** Ids of the containers that get requests for all of the deployment's Services. */
  routed: ReadonlySet<string>;
  /** Addresses that requests go to although no container has them any more. */
  strays: readonly string[];
}

export interface DeploymentInput {
  name: string;
  environment: string;
  target: Target;
  containers: readonly TrackedContainer[];
  networkId: string | null;
  /** null: no Service of this environment leads to it. */
  routing: Routing | null;
  /** The target's image; ready: in hand, resolved to an id. */
  image: ImageState;
  /** There is a last good form to return to when the target fails. */
  fallback: boolean;
  /** The revision whose stopped containers are kept aside until the target is proven; null: any. */
  lastGood: string | null;
  /** Why no new container may be created yet (a dependency, a port); null: nothing stands in the way. */
  blocked: string | null;
  /** ms: no retry of a failed start before. */
  notBefore: number;
  now: number;
}

/** What to do next: one action, or wait (until a time, or for an event), or nothing. */
export type Decision =
  | { kind: "act"; action: Action }
  /** `late`: for longer than it may take; nothing more is done but to wait. */
  | { kind: "wait"; for: string; until: number | null; container: string | null; late: boolean }
  | { kind: "done" };
