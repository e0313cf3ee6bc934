/** What the agent needs of the node's ingress (SPEC 6). The types are the agent's own: no adapter's types leak in. */
import type { IngressSettings, Route } from "../state/route.ts";

/** A certificate as it is served for a host name. */
interface Certificate {
  issuer: string;
  /** ms since the epoch. */
  expires: number;
}

/** What became of one route that was asked for. */
export interface RouteReport {
  service: string;
  /** `held`: an older Service of this engine has the host name. `rejected`: the ingress refused it; all others are served. */
  state: "active" | "held" | "rejected";
  message: string;
  certificate: Certificate | null;
}

/**
 * The ingress of the engine, shared by the agents of all its environments. Every call has a deadline of its own and obeys
 * `signal`; all throw {@link EngineError} or {@link IngressError}.
 */
export interface Ingress {
  /**
   * Leads the ingress to these routes of this environment: its container, its configuration. What is already so is left
   * alone: no change means no load, no container call. The other environments' routes stay as they are.
   */
  ensure(
    settings: IngressSettings,
    routes: readonly Route[],
    signal: AbortSignal,
  ): Promise<readonly RouteReport[]>;
  /**
   * Where the requests of a Service go from now on, as `address:port`; empty: nowhere, they get 503. Loads nothing. Resolves
   * when no request that comes from now on is sent anywhere else.
   */
  direct(service: string, upstreams: readonly string[], signal: AbortSignal): Promise<void>;
  /** The routes that this environment last asked for, as the ingress itself keeps them; none when it never did. */
  routes(signal: AbortSignal): Promise<readonly Route[]>;
  /** Where requests go now by Service, read from what the ingress itself uses; a Service never directed is absent. */
  directed(signal: AbortSignal): Promise<ReadonlyMap<string, readonly string[]>>;
  /** How many established connections the ingress has to an `address:port`; 0 means that it is drained. */
  connections(upstream: string, signal: AbortSignal): Promise<number>;
  /** The ingress's own metrics, Prometheus text; null while it does not run. */
  metrics(signal: AbortSignal): Promise<string | null>;
  close(): void;
}
