/** An image reference, taken apart by the grammar of the distribution project (`reference.go`). */
export interface ImageReference {
  /** Host and port; `docker.io` when none is written. */
  registry: string;
  /** With `library/` for the official images of docker.io. */
  repository: string;
  tag: string | null;
  digest: string | null;
}

const COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const REFERENCE = new RegExp(
  `^(?<name>(?:(?<host>(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?|\\[[0-9a-fA-F:]+\\](?::[0-9]+)?)/)?(?<path>${COMPONENT}(?:/${COMPONENT})*))` +
    "(?::(?<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$",
);

/** Parses an image reference; null when it is none. */
export function parseImage(text: string): ImageReference | null {
  if (text.length > 512) return null;
  const groups = REFERENCE.exec(text)?.groups;
  const path = groups?.["path"];
  if (groups === undefined || path === undefined) return null;
  const host = groups["host"];
  const isRegistry = host !== undefined && (/[.:[]/.test(host) || host === "localhost");
  if (host !== undefined && !isRegistry && !new RegExp(`^${COMPONENT}$`).test(host)) return null;
  const registry = isRegistry && host !== "index.docker.io" ? host : "docker.io";
  const named = isRegistry || host === undefined ? path : `${host}/${path}`;
  const repository = registry === "docker.io" && !named.includes("/") ? `library/${named}` : named;
  return { registry, repository, tag: groups["tag"] ?? null, digest: groups["digest"] ?? null };
}
