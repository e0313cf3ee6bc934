import { isAlias, isMap, isScalar, type Document, type YAMLMap } from "yaml";

/** The document as plain data, with env as SPEC 2 has it. Throws when its aliases expand without bound. */
export function toValue(document: Document): unknown {
  const value: unknown = document.toJS({ maxAliasCount: 100 });
  const found: unknown = isMap(document.contents) ? document.getIn(["spec", "env"], true) : null;
  const env: unknown = isAlias(found) ? found.resolve(document) : found;
  if (!isMap(env) || typeof value !== "object" || value === null || !("spec" in value)) return value;
  const { spec } = value;
  if (typeof spec !== "object" || spec === null || !("env" in spec)) return value;
  const merged = typeof spec.env === "object" && spec.env !== null ? { ...spec.env } : {};
  return { ...value, spec: { ...spec, env: { ...merged, ...envTexts(document, env) } } };
}

/** A plain scalar's source text (`1.10` stays `1.10`), a quoted or block one's value, null as empty (SPEC 2). */
function envTexts(document: Document, env: YAMLMap, depth = 0): Record<string, unknown> {
  const merged: Record<string, unknown> = {};
  const own: Record<string, unknown> = {};
  for (const pair of env.items) {
    if (!isScalar(pair.key)) continue;
    const node: unknown = isAlias(pair.value) ? pair.value.resolve(document) : pair.value;
    if (pair.key.value === "<<" && isMap(node) && depth < 10)
      Object.assign(merged, envTexts(document, node, depth + 1));
    else if (node === null || node === undefined) own[scalarText(pair.key.value)] = "";
    else if (isScalar(node) && node.tag === undefined) {
      const plain = node.type === "PLAIN" && node.source !== undefined;
      own[scalarText(pair.key.value)] =
        node.value === null ? "" : plain ? node.source : scalarText(node.value);
    } else if (isScalar(node)) {
      // What no text can be: the schema then refuses it and points here.
      own[scalarText(pair.key.value)] = { tag: node.tag };
    }
  }
  return { ...merged, ...own };
}

function scalarText(value: unknown): string {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" || typeof value === "bigint"
    ? String(value)
    : "";
}
