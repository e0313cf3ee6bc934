import { EngineError } from "../agent/errors.ts";
import type { ImageFacts, PullProgress } from "../agent/ports.ts";
import { parseImage } from "../manifest/image.ts";
import type { Connection } from "./connection.ts";
import { registryAuth } from "./credentials.ts";
import { engineError } from "./errors.ts";
import { lineSplitter } from "./lines.ts";
import { imageShape, listShape, pullShape } from "./shapes.ts";

const IDLE_MS = 60_000;

/** The image under a reference or id; null: the engine has none. */
export async function findImage(
  connection: Connection,
  reference: string,
  signal: AbortSignal,
): Promise<ImageFacts | null> {
  try {
    const facts = imageShape.parse(
      await connection.json({ method: "GET", path: `/images/${reference}/json`, signal }),
    );
    return {
      id: facts.Id,
      digests: facts.RepoDigests ?? [],
      tags: facts.RepoTags ?? [],
      labels: facts.Config?.Labels ?? {},
    };
  } catch (error) {
    if (error instanceof EngineError && (error.kind === "not-found" || error.kind === "image-not-found"))
      return null;
    throw error;
  }
}

/** Pulls an image (Docker API, ImageCreate). No limit in all, but 60 s without any progress end it. */
export async function pullImage(
  connection: Connection,
  reference: string,
  onProgress: (progress: PullProgress) => void,
  signal: AbortSignal,
): Promise<ImageFacts> {
  const parsed = parseImage(reference);
  if (parsed === null) throw new EngineError("refused", `'${reference}' is not an image reference`);
  const auth = await registryAuth(parsed.registry);
  const name =
    parsed.registry === "docker.io" ? parsed.repository : `${parsed.registry}/${parsed.repository}`;
  const idle = new AbortController();
  const both = AbortSignal.any([signal, idle.signal]);
  const call = {
    method: "POST" as const,
    path: "/images/create",
    query: { fromImage: name, tag: parsed.digest ?? parsed.tag ?? "latest" },
    headers: auth === null ? {} : { "x-registry-auth": auth },
    deadlineMs: IDLE_MS,
    signal: both,
  };
  const response = await connection.stream(call);
  const layers = new Map<string, { current: number; total: number }>();
  const failures: string[] = [];
  const splitter = lineSplitter((line) => {
    if (line.trim() === "") return;
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch {
      return; // A line cut off by a broken connection; what matters then is the break itself.
    }
    const message = pullShape.safeParse(json);
    if (!message.success) return;
    if (message.data.error !== undefined) failures.push(message.data.error);
    const { id, status, progressDetail } = message.data;
    if (id !== undefined && progressDetail?.current !== undefined) {
      layers.set(id, { current: progressDetail.current, total: progressDetail.total ?? 0 });
      const sum = (pick: "current" | "total"): number =>
        [...layers.values()].reduce((total, layer) => total + layer[pick], 0);
      onProgress({ current: sum("current"), total: sum("total"), status: status ?? "" });
    }
  });
  await new Promise<void>((resolve, reject) => {
    let timer = setTimeout(() => idle.abort(), IDLE_MS);
    const end = (error?: unknown): void => {
      clearTimeout(timer);
      if (error === undefined) resolve();
      else if (signal.aborted)
        reject(new EngineError("aborted", `pull of ${reference}: stopped`, { cause: error }));
      else if (idle.signal.aborted)
        reject(
          new EngineError("registry-unreachable", `pull of ${reference}: no progress for 60 s`, {
            cause: error,
          }),
        );
      else
        reject(
          new EngineError("unreachable", `pull of ${reference}: the engine cut the answer off`, {
            cause: error,
          }),
        );
    };
    response.on("data", (chunk: Buffer) => {
      clearTimeout(timer);
      timer = setTimeout(() => idle.abort(), IDLE_MS);
      splitter.push(chunk);
    });
    response.once("end", () => {
      splitter.end();
      end();
    });
    response.once("error", end);
    response.once("close", () => {
      if (!response.complete) end(new Error("cut off"));
    });
  });
  const failed = failures[0];
  if (failed !== undefined) throw engineError(call, 500, `pull of ${reference}: ${failed}`);
  const facts = await findImage(connection, reference, signal);
  if (facts === null)
    throw new EngineError(
      "image-not-found",
      `pull of ${reference}: done, and yet the engine has no such image`,
    );
  return facts;
}

/** Removes an image that nothing uses; never forced. */
export async function removeImage(
  connection: Connection,
  id: string,
  signal: AbortSignal,
): Promise<"removed" | "in-use" | "absent"> {
  try {
    await connection.json({ method: "DELETE", path: `/images/${id}`, signal });
    return "removed";
  } catch (error) {
    if (error instanceof EngineError && error.status === 404) return "absent";
    if (error instanceof EngineError && error.status === 409) return "in-use";
    throw error;
  }
}

/** Image ids of all containers of the engine, whoever's and in whatever state. */
export async function imagesInUse(connection: Connection, signal: AbortSignal): Promise<Set<string>> {
  const list = listShape.parse(
    await connection.json({ method: "GET", path: "/containers/json", query: { all: "true" }, signal }),
  );
  return new Set(list.map((item) => item.ImageID));
}
