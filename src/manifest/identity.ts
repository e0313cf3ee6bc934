import { isMap, isScalar, type Document, type YAMLMap } from "yaml";
import { DNS_LABEL } from "./fields.ts";
import { kinds, type Kind } from "./resource.ts";

/** Which resource a document is about. */
export interface Identity {
  kind: Kind;
  name: string;
}

/**
 * The kind and name of a document, also of an invalid one; null when either cannot be read for certain: absent, unknown,
 * given twice, or no name at all. What it cannot tell might be anything, so nothing may then be pruned (SPEC 2).
 */
export function identityOf(document: Document): Identity | null {
  const root: unknown = document.contents;
  if (!isMap(root)) return null;
  const kindText = onlyScalar(root, "kind");
  const kind = kinds.find((known) => known === kindText);
  const metadata = onlyValue(root, "metadata");
  const name = isMap(metadata) ? onlyScalar(metadata, "name") : null;
  return kind === undefined || name === null || !DNS_LABEL.test(name) ? null : { kind, name };
}

/** The text of a field that is there exactly once, else null. */
export function onlyScalar(map: YAMLMap, field: string): string | null {
  const value = onlyValue(map, field);
  return isScalar(value) && typeof value.value === "string" ? value.value : null;
}

function onlyValue(map: YAMLMap, field: string): unknown {
  const [pair, another] = map.items.filter((item) => isScalar(item.key) && item.key.value === field);
  return another === undefined ? pair?.value : undefined;
}
