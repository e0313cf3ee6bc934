/** What the agent needs of a container engine. The types are the agent's own: no adapter's types leak in (ARCHITECTURE, 13). */
import type { DeploymentSpec } from "../manifest/deployment.ts";
import type { ObservedContainer, ObservedState, ObservedNetwork } from "../state/observed.ts";

export interface EngineIdentity {
  /** Stable for one engine installation; the lock is by this id. */
  id: string;
  version: string;
  apiVersion: string;
}

/** An environment that has a network on the engine, and the branch that it is of. */
export interface EnvironmentHolder {
  environment: string;
  branch: string;
  node: string;
}

/** Everything a container is made of; the adapter translates it and decides nothing. */
export interface ContainerBlueprint {
  name: string;
  labels: Record<string, string>;
  /** An image id or a reference with a digest: never a tag that may have moved. */
  image: string;
  spec: DeploymentSpec;
  /** `spec.env` over the content of `spec.envFiles`. */
  env: Record<string, string>;
  /** null with the host network. */
  network: { id: string; address: string; alias: string | null } | null;
}

export interface ImageFacts {
  /** sha256:… of the image's configuration. */
  id: string;
  /** repository@sha256:…, as the engine knows them; empty for an image that was only built or loaded. */
  digests: string[];
  tags: string[];
  labels: Record<string, string>;
}

export interface PullProgress {
  /** Bytes so far over all layers and, as far as known, in total. */
  current: number;
  total: number;
  /** The engine's word for the phase: "Downloading", "Extracting". */
  status: string;
}

export interface LogLine {
  stream: "stdout" | "stderr";
  /** ms since the epoch. */
  time: number;
  text: string;
}

export interface LogQuery {
  /** Last so many lines; null: all. */
  tail: number | null;
  /** ms since the epoch; null: from the start. */
  since: number | null;
  follow: boolean;
}

/** A container event of the engine's stream: who and what ("die", "destroy", "pause", "rename", "health_status"…). */
export interface EngineEvent {
  action: string;
  containerId: string;
  /** Our deployment label on it, or null. */
  deployment: string | null;
}

/**
 * The engine, for one owner. Every call has a deadline of its own and obeys `signal`; all throw {@link EngineError}.
 * Calls are idempotent: what is already so counts as done (Docker API 304, 404 on removal, 409 on removal in progress).
 */
export interface Engine {
  identity(signal: AbortSignal): Promise<EngineIdentity>;
  /** Whose environments the engine has networks of, of this node and others. */
  environments(signal: AbortSignal): Promise<EnvironmentHolder[]>;
  /** Our containers, everybody's names and ports, and our network; with `deployment`, of our containers only that one's. */
  observe(deployment: string | null, signal: AbortSignal): Promise<ObservedState>;
  /** One container afresh; null when it is gone or is not ours any more. */
  inspect(id: string, signal: AbortSignal): Promise<ObservedContainer | null>;
  /** Finds or makes the environment's network, with a subnet that overlaps no network or route of the host. */
  ensureNetwork(signal: AbortSignal): Promise<ObservedNetwork>;
  /** Creates, never starts. `warnings` are the engine's own. */
  create(blueprint: ContainerBlueprint, signal: AbortSignal): Promise<{ id: string; warnings: string[] }>;
  start(id: string, signal: AbortSignal): Promise<void>;
  /** SIGTERM, then SIGKILL after `graceMs`. */
  stop(id: string, graceMs: number, signal: AbortSignal): Promise<void>;
  unpause(id: string, signal: AbortSignal): Promise<void>;
  /** Removes the container and never a volume. A running one is refused unless `force`. */
  remove(id: string, options: { force: boolean }, signal: AbortSignal): Promise<void>;
  rename(id: string, name: string, signal: AbortSignal): Promise<void>;
  setRestartPolicy(id: string, policy: "no" | "always", signal: AbortSignal): Promise<void>;
  /** null lifts a limit; one that is left out stays as it is. */
  setResources(
    id: string,
    limits: { cpus?: number | null; memory?: number | null },
    signal: AbortSignal,
  ): Promise<void>;
  attach(
    id: string,
    network: { id: string; address: string; alias: string | null },
    signal: AbortSignal,
  ): Promise<void>;
  detach(id: string, networkId: string, signal: AbortSignal): Promise<void>;
  /** The image that the engine has under this reference or id; null: none. */
  image(reference: string, signal: AbortSignal): Promise<ImageFacts | null>;
  pull(
    reference: string,
    onProgress: (progress: PullProgress) => void,
    signal: AbortSignal,
  ): Promise<ImageFacts>;
  /** Never forced. */
  removeImage(id: string, signal: AbortSignal): Promise<"removed" | "in-use" | "absent">;
  /** Ids of the images that any container of the engine, running or not, uses. */
  imagesInUse(signal: AbortSignal): Promise<Set<string>>;
  /** Calls `onLine` for each; with `follow` until the container ends or the signal aborts (which resolves). */
  logs(id: string, query: LogQuery, onLine: (line: LogLine) => void, signal: AbortSignal): Promise<void>;
  /** Runs a command in the container; `output` is capped at 4 KiB. */
  exec(
    id: string,
    command: string[],
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<{ exitCode: number; output: string }>;
  /** Follows container events until the stream ends (resolves), breaks (throws) or the signal aborts (resolves). `onOpen` once events flow. */
  events(onOpen: () => void, onEvent: (event: EngineEvent) => void, signal: AbortSignal): Promise<void>;
}

export interface ProbeResult {
  ok: boolean;
  /** "200", "connection refused", "timed out after 2000 ms": for people. */
  detail: string;
}

/** One probe of one container, ending within `timeoutMs`; never throws but on abort. */
export type ProbeRunner = (
  target: { containerId: string; address: string },
  probe: NonNullable<DeploymentSpec["health"]["readiness"]>,
  signal: AbortSignal,
) => Promise<ProbeResult>;

/** Reads the environment files of a deployment on this node. */
export interface NodeFiles {
  /** The content; throws when it is absent or unreadable. */
  read(path: string): Promise<string>;
  /** Whether something of this host listens there already; null: nothing does. The answer names it when it can. */
  portTaken(port: number, protocol: "tcp" | "udp", hostIP: string | null): Promise<string | null>;
}
