import { isScalar, visit, type Document } from "yaml";
import { escapeControl, hasControl } from "./text.ts";

const MAX_NODES = 50_000;
const MAX_DEPTH = 40;
const CORE_TAGS: ReadonlySet<string> = new Set(
  ["map", "seq", "str", "int", "float", "bool", "null"].map((name) => `tag:yaml.org,2002:${name}`),
);

/** Anchors' bombs, tags, hostile keys: what no manifest needs (attacks on parsers). */
export function forbidden(document: Document): { message: string; offset: number }[] {
  const problems: { message: string; offset: number }[] = [];
  let count = 0;
  visit(document, {
    Node(_, node, path) {
      count++;
      if (path.length > MAX_DEPTH) {
        problems.push({
          message: `nested more than ${String(MAX_DEPTH)} levels deep`,
          offset: node.range?.[0] ?? 0,
        });
        return visit.BREAK;
      }
      if (count > MAX_NODES) {
        problems.push({
          message: `more than ${String(MAX_NODES)} values in one document`,
          offset: node.range?.[0] ?? 0,
        });
        return visit.BREAK;
      }
      if ("tag" in node && typeof node.tag === "string" && !CORE_TAGS.has(node.tag)) {
        problems.push({
          message: `YAML tag '${escapeControl(node.tag)}' is not allowed`,
          offset: node.range?.[0] ?? 0,
        });
      }
      return undefined;
    },
    Pair(_, pair) {
      if (!isScalar(pair.key)) return undefined;
      const key = String(pair.key.value);
      if (key === "__proto__" || key === "constructor" || key === "prototype" || hasControl(key)) {
        problems.push({
          message: `key '${escapeControl(key)}' is not allowed`,
          offset: pair.key.range?.[0] ?? 0,
        });
      }
      return undefined;
    },
  });
  return problems;
}
