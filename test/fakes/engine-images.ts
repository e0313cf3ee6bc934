import { createHash } from "node:crypto";
import type { ImageFacts } from "../../src/agent/ports.ts";
import { parseImage } from "../../src/manifest/image.ts";
import type { Behave } from "./engine-behaviour.ts";

export interface FakeImage {
  /** sha256:… */
  id: string;
  labels: Record<string, string>;
  behave: Behave;
}

/** Images under names, as an engine or a registry holds them. */
export interface ImageStore {
  /** Puts an image under a reference, taking the tag from the image that had it. */
  tag(reference: string, image: FakeImage): void;
  add(image: FakeImage): void;
  /** By id or reference. */
  find(reference: string): FakeImage | null;
  facts(image: FakeImage): ImageFacts;
  remove(id: string): void;
}

/** An image whose id follows from what is given, so that the same content has the same id everywhere. */
export function fakeImage(content: string, behave: Behave, labels: Record<string, string> = {}): FakeImage {
  return { id: `sha256:${sha256(`${content}\n${JSON.stringify(labels)}`)}`, labels, behave };
}

/** The digest under which a registry holds an image. */
export function digestOf(image: FakeImage): string {
  return `sha256:${sha256(`manifest of ${image.id}`)}`;
}

export function imageStore(): ImageStore {
  const images = new Map<string, FakeImage>();
  /** Full names to ids. */
  const names = new Map<string, string>();
  const find = (reference: string): FakeImage | null =>
    images.get(reference) ?? images.get(names.get(fullName(reference)) ?? "") ?? null;
  return {
    find,
    add: (image) => void images.set(image.id, image),
    tag(reference, image) {
      images.set(image.id, image);
      names.set(fullName(reference), image.id);
    },
    facts(image) {
      const own = [...names].filter(([, id]) => id === image.id).map(([name]) => shortName(name));
      return {
        id: image.id,
        tags: own.filter((name) => !name.includes("@")),
        digests: own.filter((name) => name.includes("@")),
        labels: image.labels,
      };
    },
    remove(id) {
      images.delete(id);
      for (const [name, named] of names) if (named === id) names.delete(name);
    },
  };
}

/** The repository of a reference as people write it, without tag and digest. */
export function repositoryOf(reference: string): string {
  return shortName(fullName(reference)).replace(/(@|:[^:/]*$).*/, "");
}

function fullName(reference: string): string {
  const parsed = parseImage(reference);
  if (parsed === null) return reference;
  const version = parsed.digest === null ? `:${parsed.tag ?? "latest"}` : `@${parsed.digest}`;
  return `${parsed.registry}/${parsed.repository}${version}`;
}

function shortName(name: string): string {
  return name.replace(/^docker\.io\/(library\/)?/, "");
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
