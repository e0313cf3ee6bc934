import type { ImageState } from "../plan/target.ts";
import { parseImage } from "../manifest/image.ts";
import type { DeploymentRevision, ImagePin } from "../state/memory.ts";
import { backoff } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import { EngineError, scheduleOf } from "./errors.ts";
import type { Emit } from "./events.ts";
import type { MemoryStore } from "./memory.ts";
import type { Engine, ImageFacts } from "./ports.ts";

/** Gets images in hand beside the deployments' own work, so that a slow registry never keeps what runs from being healed. */
export interface ImageLane {
  state(deployment: string, revision: DeploymentRevision, now: number): ImageState;
  begin(deployment: string, revision: DeploymentRevision): void;
  /** The engine turned out not to have it any more. */
  lost(deployment: string, revision: DeploymentRevision): void;
  idle(): Promise<void>;
}

export function createImageLane(parts: {
  engine: Engine;
  memory: MemoryStore;
  clock: Clock;
  emit: Emit;
  limit: <T>(work: () => Promise<T>) => Promise<T>;
  wake: (deployment: string) => void;
  signal: AbortSignal;
}): ImageLane {
  const { engine, memory, clock, emit, signal } = parts;
  const states = new Map<string, ImageState>();
  const failures = new Map<string, number>();
  const running = new Set<Promise<void>>();
  const keyOf = (deployment: string, revision: DeploymentRevision): string =>
    `${deployment} ${revision.revision}`;

  const get = async (deployment: string, revision: DeploymentRevision): Promise<void> => {
    const key = keyOf(deployment, revision);
    const image = revision.spec.image ?? "";
    const begun = clock.now();
    try {
      const pin = await parts.limit(() => resolve(deployment, revision, image));
      memory.updateDeployment(deployment, (current) => ({
        ...current,
        pins: { ...current.pins, [revision.revision]: pin },
      }));
      states.set(key, { kind: "ready" });
      failures.delete(key);
      emit({ type: "image.pulled", deployment, image, digest: pin.digest, durationMs: clock.now() - begun });
    } catch (error) {
      if (signal.aborted) return;
      const count = (failures.get(key) ?? 0) + 1;
      failures.set(key, count);
      const message = error instanceof Error ? error.message : String(error);
      const stalled = error instanceof EngineError && scheduleOf[error.kind] === "stalled";
      const retryInMs = backoff(count, stalled ? 10_000 : 2000, 300_000, Math.random);
      states.set(key, {
        kind: "failed",
        message: `image ${image}: ${message}`,
        retryAt: clock.now() + retryInMs,
      });
      emit({ type: "image.failed", deployment, image, message, retryInMs });
    }
    parts.wake(deployment);
  };

  /** The digest is resolved once per revision and used again ever after (SPEC 4); the policy is asked only then (SPEC 2). */
  const resolve = async (
    deployment: string,
    revision: DeploymentRevision,
    image: string,
  ): Promise<ImagePin> => {
    const key = keyOf(deployment, revision);
    const pinned = memory.deployment(deployment).pins[revision.revision];
    if (pinned !== undefined) {
      const local = await engine.image(pinned.id, signal);
      if (local !== null) return pinOf(local, image);
      return pinOf(await pull(pinned.digest ?? image, key), image);
    }
    const local = await engine.image(image, signal);
    if (local !== null && revision.spec.imagePullPolicy !== "Always") return pinOf(local, image);
    if (revision.spec.imagePullPolicy === "Never")
      throw new EngineError(
        "image-not-found",
        "the engine has no such image, and imagePullPolicy is Never: load it on this node",
      );
    return pinOf(await pull(image, key), image);
  };

  const pull = async (reference: string, key: string): Promise<ImageFacts> => {
    const before = await engine.image(reference, signal);
    const facts = await engine.pull(
      reference,
      ({ current, total }) => states.set(key, { kind: "pulling", progress: { current, total } }),
      signal,
    );
    if (before?.id !== facts.id) {
      memory.update((current) => ({
        ...current,
        images: { ...current.images, [facts.id]: { reference, at: Math.round(clock.now()) } },
      }));
    }
    return facts;
  };

  return {
    state(deployment, revision, now) {
      const state = states.get(keyOf(deployment, revision)) ?? { kind: "unknown" };
      if (state.kind === "failed" && now >= state.retryAt) return { kind: "unknown" };
      // A deployment that went, or a revision of long ago, was forgotten with its pin: it is resolved anew.
      const pinned = memory.deployment(deployment).pins[revision.revision] !== undefined;
      return state.kind === "ready" && !pinned ? { kind: "unknown" } : state;
    },
    begin(deployment, revision) {
      const key = keyOf(deployment, revision);
      if (states.get(key)?.kind === "pulling") return;
      states.set(key, { kind: "pulling", progress: null });
      const work = get(deployment, revision).finally(() => running.delete(work));
      running.add(work);
    },
    lost: (deployment, revision) => void states.delete(keyOf(deployment, revision)),
    idle: async () => {
      await Promise.all(running);
    },
  };
}

/** The repository's digest where the engine knows one, so that `docker ps` shows a name; else the id. */
function pinOf(facts: ImageFacts, image: string): ImagePin {
  const wanted = parseImage(image);
  const digest = facts.digests.find((entry) => {
    const parsed = parseImage(entry);
    return parsed !== null && parsed.registry === wanted?.registry && parsed.repository === wanted.repository;
  });
  return { id: facts.id, digest: digest ?? null };
}
