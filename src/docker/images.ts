import { EngineError } from "../agent/errors.ts";
import type { ImageFacts } from "../agent/ports.ts";
import { pathOf } from "./call.ts";
import type { Connection } from "./connection.ts";
import { imageShape, listShape } from "./shapes.ts";

/** The image under a reference or id; null: the engine has none. */
export async function findImage(
  connection: Connection,
  reference: string,
  signal: AbortSignal,
): Promise<ImageFacts | null> {
  try {
    const facts = await connection.json(
      { method: "GET", path: `/images/${pathOf(reference)}/json`, signal },
      imageShape,
    );
    return {
      id: facts.Id,
      digests: facts.RepoDigests ?? [],
      tags: facts.RepoTags ?? [],
      labels: facts.Config?.Labels ?? {},
    };
  } catch (error) {
    if (error instanceof EngineError && error.status === 404) return null;
    throw error;
  }
}

/** Removes an image that nothing uses; never forced. */
export async function removeImage(
  connection: Connection,
  id: string,
  signal: AbortSignal,
): Promise<"removed" | "in-use" | "absent"> {
  try {
    await connection.run({ method: "DELETE", path: `/images/${pathOf(id)}`, signal });
    return "removed";
  } catch (error) {
    if (error instanceof EngineError && error.status === 404) return "absent";
    if (error instanceof EngineError && error.status === 409) return "in-use";
    throw error;
  }
}

/** Image ids of all containers of the engine, whoever's and in whatever state. */
export async function imagesInUse(connection: Connection, signal: AbortSignal): Promise<Set<string>> {
  const list = await connection.json(
    { method: "GET", path: "/containers/json", query: { all: "true" }, signal },
    listShape,
  );
  return new Set(list.map((item) => item.ImageID));
}
