/** What the ingress needs of the container engine and of the host. The types are the agent's own (ARCHITECTURE, 13). */
import type { ContainerPhase } from "../state/observed.ts";

/** The container that has the ingress's name. */
export interface IngressContainer {
  id: string;
  phase: ContainerPhase;
  /** ms since the epoch; null: never started. */
  startedAt: number | null;
  labels: Readonly<Record<string, string>>;
  /** Its labels, as far as they come from its image. */
  inherited: Readonly<Record<string, string>>;
  imageId: string;
}

/** What the ingress's container is made of. It has the host's network and one capability: to open ports below 1024. */
export interface IngressBlueprint {
  name: string;
  /** An image id. */
  image: string;
  labels: Record<string, string>;
  entrypoint: readonly string[];
  args: readonly string[];
  env: Record<string, string>;
  mounts: readonly { from: string; to: string; readOnly: boolean }[];
}

/** The engine, for the ingress's container. Every call has a deadline and obeys `signal`; all throw {@link EngineError}. */
export interface IngressHost {
  /** Stable for one engine installation. */
  engineId(signal: AbortSignal): Promise<string>;
  find(name: string, signal: AbortSignal): Promise<IngressContainer | null>;
  /** Creates, never starts; the restart policy is `always`. */
  create(blueprint: IngressBlueprint, signal: AbortSignal): Promise<string>;
  start(id: string, signal: AbortSignal): Promise<void>;
  stop(id: string, graceMs: number, signal: AbortSignal): Promise<void>;
  unpause(id: string, signal: AbortSignal): Promise<void>;
  rename(id: string, name: string, signal: AbortSignal): Promise<void>;
  /** Removes a container that does not run, and never a volume. */
  remove(id: string, signal: AbortSignal): Promise<void>;
  /** The id of an image; null: the engine has none of that name. */
  image(reference: string, signal: AbortSignal): Promise<string | null>;
  pull(reference: string, signal: AbortSignal): Promise<string>;
  /** The last lines that it wrote. */
  lastLines(id: string, count: number, signal: AbortSignal): Promise<readonly string[]>;
}
