import { isAlias, isMap, isNode, isScalar, isSeq, type Document } from "yaml";

/**
 * Where a path's value (or, `atKey`, its key) begins, as an offset (characters) of the file; for what is absent, where the
 * nearest enclosing field begins. A value that is a list or map is shown at its key.
 */
export function offsetOfPath(document: Document, path: readonly PropertyKey[], atKey: boolean): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [index, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && keyText(item.key) === String(step));
      if (pair === undefined) return offset;
      const last = index === path.length - 1;
      const value =
        last && !atKey && (isScalar(pair.value) || isAlias(pair.value)) ? startOf(pair.value) : null;
      offset = value ?? startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof step === "number") {
      const item: unknown = node.items[step];
      if (!isNode(item)) return offset;
      offset = startOf(item) ?? offset;
      node = item;
    } else return offset;
  }
  return offset;
}

function keyText(key: { value: unknown; type?: string; source?: string }): string {
  return key.type === "PLAIN" && key.source !== undefined ? key.source : String(key.value);
}

/** The first character of a node, null for an empty one. */
export function startOf(node: unknown): number | null {
  return isNode(node) ? (node.range?.[0] ?? null) : null;
}
