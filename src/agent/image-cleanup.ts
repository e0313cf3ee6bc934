import type { Emit } from "./events.ts";
import type { MemoryStore } from "./memory.ts";
import type { Engine } from "./ports.ts";

/**
 * Removes images that this agent pulled, that were absent before, that no container of the engine uses and that no
 * deployment's current, last good or previous form needs (SPEC 3; invariant: rollback images stay).
 */
export async function cleanImages(
  engine: Engine,
  memory: MemoryStore,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  const { images, deployments } = memory.get();
  if (Object.keys(images).length === 0) return;
  const needed = await engine.imagesInUse(signal);
  for (const deployment of Object.values(deployments)) {
    for (const pin of Object.values(deployment.pins)) needed.add(pin.id);
    if (deployment.previousGood !== null) needed.add(deployment.previousGood.image.id);
  }
  for (const [id, { reference }] of Object.entries(images)) {
    if (needed.has(id)) continue;
    const outcome = await engine.removeImage(id, signal);
    if (outcome === "in-use") continue;
    memory.update((current) => {
      const { [id]: _, ...rest } = current.images;
      return { ...current, images: rest };
    });
    if (outcome === "removed") emit({ type: "image.removed", image: reference });
  }
}
