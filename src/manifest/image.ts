/** An image reference, taken apart by the grammar of the distribution project (`reference.go`) and Docker's normalisation. */
export interface ImageReference {
  /** Host and port; `docker.io` when none is written. */
  registry: string;
  /** With `library/` for the official images of docker.io. */
  repository: string;
  /** As written, null when none is. */
  tag: string | null;
  /** `sha256:` and 64 hex digits, null when none is written. */
  digest: string | null;
}

const COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const HOST_PART = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
const HOST = new RegExp(`^(?:${HOST_PART}(?:\\.${HOST_PART})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]+)?$`);
const PATH = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Parses an image reference; null when it is none ({@link explainImage} says why). */
export function parseImage(text: string): ImageReference | null {
  const parsed = readImage(text);
  return typeof parsed === "string" ? null : parsed;
}

/** Why a text is no image reference; null when it is one. */
export function explainImage(text: string): string | null {
  const parsed = readImage(text);
  return typeof parsed === "string" ? parsed : null;
}

function readImage(text: string): ImageReference | string {
  if (text === "") return "it is empty";
  if (text.length > 512) return "it is longer than 512 characters";
  if (/\s/.test(text)) return "it has white space in it";
  if (/^[a-z]+:\/\//i.test(text)) return "it starts with a scheme: leave 'https://' out";
  if (/^[0-9a-f]{64}$/.test(text)) return "it is an image id, which means nothing on another host";
  const at = text.indexOf("@");
  const digest = at === -1 ? null : text.slice(at + 1);
  if (digest !== null && !DIGEST.test(digest)) return "its digest is not 'sha256:' and 64 hexadecimal digits";
  const beforeDigest = at === -1 ? text : text.slice(0, at);
  const colon = beforeDigest.indexOf(":", beforeDigest.lastIndexOf("/") + 1);
  const tag = colon === -1 ? null : beforeDigest.slice(colon + 1);
  if (tag !== null && !TAG.test(tag))
    return "its tag may have letters, digits, '_', '.' and '-' only, at most 128";
  const name = colon === -1 ? beforeDigest : beforeDigest.slice(0, colon);

  const slash = name.indexOf("/");
  const first = slash === -1 ? "" : name.slice(0, slash);
  // Docker's rule: the first part is a registry when it has a dot, a colon or a capital letter, or is `localhost`.
  const isRegistry = slash !== -1 && (/[.:[A-Z]/.test(first) || first === "localhost");
  if (isRegistry && !HOST.test(first)) return `'${first}' is no registry's host name`;
  const registry = isRegistry && first !== "index.docker.io" ? first : "docker.io";
  const path = isRegistry ? name.slice(slash + 1) : name;
  if (/[A-Z]/.test(path)) return "a repository's name is in lower case";
  if (!PATH.test(path))
    return "its name may have lower-case letters, digits and single '.', '_', '-' between them";
  const repository = registry === "docker.io" && !path.includes("/") ? `library/${path}` : path;
  if (registry.length + 1 + repository.length > 255) return "its name is longer than 255 characters";
  return { registry, repository, tag, digest };
}
