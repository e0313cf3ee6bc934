import { parseImage } from "../manifest/image.ts";
import type { Memory } from "../state/memory.ts";
import type { Emit } from "./events.ts";
import type { MemoryStore } from "./memory.ts";
import type { Engine, ImageFacts } from "./ports.ts";

/**
 * Removes images that this agent pulled, that were absent before, that no container of the engine uses, that nobody gave
 * another name, and that no deployment's current, last good or previous form needs (SPEC 3; invariant I7).
 */
export async function cleanImages(
  engine: Engine,
  memory: MemoryStore,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  if (Object.keys(memory.get().images).length === 0) return;
  const used = await engine.imagesInUse(signal);
  for (const [id, { reference }] of Object.entries(memory.get().images)) {
    // Asked anew each time: a release may have come to need it meanwhile.
    if (used.has(id) || isNeeded(memory.get(), id)) continue;
    const facts = await engine.image(id, signal);
    if (facts !== null && hasOtherName(facts, reference)) continue;
    if (isNeeded(memory.get(), id)) continue;
    const outcome = facts === null ? "absent" : await engine.removeImage(id, signal);
    if (outcome === "in-use") continue;
    memory.update((current) => {
      const { [id]: _, ...rest } = current.images;
      return { ...current, images: rest };
    });
    if (outcome === "removed") emit({ type: "image.removed", image: reference });
  }
}

function isNeeded({ deployments }: Memory, id: string): boolean {
  return Object.values(deployments).some(
    ({ pins, previousGood }) =>
      previousGood?.image.id === id || Object.values(pins).some((pin) => pin.id === id),
  );
}

/** Whether somebody knows the image by another name than the one it was pulled by: then it is theirs too. */
function hasOtherName(facts: ImageFacts, reference: string): boolean {
  const own = parseImage(reference);
  const foreign = (name: string): boolean => {
    const other = parseImage(name);
    return other?.registry !== own?.registry || other?.repository !== own?.repository;
  };
  const tag = own?.digest === null ? (own.tag ?? "latest") : null;
  return (
    facts.digests.some(foreign) || facts.tags.some((name) => foreign(name) || parseImage(name)?.tag !== tag)
  );
}
