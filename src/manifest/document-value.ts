import { isAlias, isMap, isScalar, isSeq, type Document, type Pair, type YAMLMap } from "yaml";
import { escapeControl, hasControl } from "./text.ts";

/** Something that no manifest may have, at an offset (characters) of its file. */
export interface ValueProblem {
  message: string;
  offset: number;
}

/** Caps on one document, aliases expanded: far above any real manifest, far below what would hurt. */
const MAX_NODES = 50_000;
const MAX_DEPTH = 40;

const CORE_TAGS = new Set(
  ["str", "int", "float", "bool", "null", "map", "seq"].map((tag) => `tag:yaml.org,2002:${tag}`),
);
const FORBIDDEN_KEYS = new Set(["__proto__", "constructor", "prototype"]);

interface Walk {
  problems: ValueProblem[];
  anchors: Map<string, unknown>;
  /** Anchors of the aliases that are being expanded. */
  open: Set<string>;
  lineOf: (offset: number) => number;
  nodes: number;
  /** A cap was reached: nothing more is read. */
  stopped: boolean;
}

/** How a node is read: `env` is the map of SPEC 2 whose scalars are texts, `root` and `spec` lead to it. */
type Mode = "root" | "spec" | "env" | "env value" | "plain";

/**
 * A YAML document as plain data, and what is wrong with it beyond YAML's own grammar: duplicate and hostile keys, tags,
 * aliases that multiply, depth. In `spec.env` a plain scalar is its source text (`1.10` stays `1.10`), a quoted or block one
 * its value, null the empty text; tags and collections are refused there (SPEC 2). Not `complete` when a cap cut it off.
 */
export function documentValue(
  document: Document,
  lineOf: (offset: number) => number,
): { value: unknown; problems: ValueProblem[]; complete: boolean } {
  const walk: Walk = {
    problems: [],
    anchors: new Map(),
    open: new Set(),
    lineOf,
    nodes: 0,
    stopped: false,
  };
  const value = read(document.contents, "root", 0, walk);
  return { value, problems: walk.problems, complete: !walk.stopped };
}

function read(node: unknown, mode: Mode, depth: number, walk: Walk): unknown {
  if (walk.stopped || node === null || node === undefined) return mode === "env value" ? "" : null;
  const offset = offsetOf(node);
  walk.nodes++;
  if (walk.nodes > MAX_NODES || depth > MAX_DEPTH) {
    walk.stopped = true;
    walk.problems.push({
      message:
        depth > MAX_DEPTH
          ? `the document is nested more than ${String(MAX_DEPTH)} levels deep`
          : `the document has more than ${String(MAX_NODES)} values, aliases expanded: split it`,
      offset,
    });
    return null;
  }
  if (isAlias(node)) return readAlias(node.source, offset, mode, depth, walk);
  refuseTag(node, offset, mode, walk);
  let value: unknown = null;
  if (isScalar(node)) value = mode === "env value" ? environmentText(node) : node.value;
  else if (mode === "env value") {
    const found = isMap(node) ? "a map" : "a list";
    walk.problems.push({ message: `spec.env: expected a text for a variable, found ${found}`, offset });
  } else if (isMap(node)) value = readMap(node, mode, depth, walk);
  else if (isSeq(node)) value = node.items.map((item) => read(item, "plain", depth + 1, walk));
  if (typeof node === "object" && "anchor" in node && typeof node.anchor === "string")
    walk.anchors.set(node.anchor, node);
  return value;
}

function readMap(map: YAMLMap, mode: Mode, depth: number, walk: Walk): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  const merges: unknown[] = [];
  const seen = new Map<string, number>();
  for (const pair of map.items) {
    const key = keyOf(pair, walk);
    if (key === null) continue;
    const offset = offsetOf(pair.key);
    const first = seen.get(key);
    if (first !== undefined) {
      walk.problems.push({
        message: `duplicate key '${key}': it is already there on line ${String(walk.lineOf(first))}`,
        offset,
      });
      continue;
    }
    seen.set(key, offset);
    if (key === "<<" && isPlain(pair.key)) merges.push(pair.value);
    else result[key] = read(pair.value, modeBelow(mode, key), depth + 1, walk);
  }
  for (const merge of merges) mergeInto(result, merge, mode, depth, walk);
  return result;
}

/** YAML's merge key: keys of the map win over merged ones, earlier merged maps over later ones. */
function mergeInto(
  result: Record<string, unknown>,
  source: unknown,
  mode: Mode,
  depth: number,
  walk: Walk,
): void {
  const sources = isSeq(source) ? source.items : [source];
  for (const item of sources) {
    const value = read(item, mode, depth + 1, walk);
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      if (!walk.stopped)
        walk.problems.push({
          message: "'<<' expects a map, or a list of maps",
          offset: offsetOf(item ?? source),
        });
      continue;
    }
    for (const [key, inner] of Object.entries(value)) if (!Object.hasOwn(result, key)) result[key] = inner;
  }
}

function readAlias(name: string, offset: number, mode: Mode, depth: number, walk: Walk): unknown {
  const target = walk.anchors.get(name);
  if (target === undefined || walk.open.has(name)) {
    walk.problems.push({
      message: "this alias has no anchor before it; put a text that starts with '*' in quotes",
      offset,
    });
    return null;
  }
  walk.open.add(name);
  const value = read(target, mode, depth + 1, walk);
  walk.open.delete(name);
  return value;
}

function keyOf(pair: Pair, walk: Walk): string | null {
  const offset = offsetOf(pair.key);
  if (!isScalar(pair.key) || pair.key.value === null) {
    walk.problems.push({ message: "expected a text as a key", offset });
    return null;
  }
  walk.nodes++;
  refuseTag(pair.key, offset, "plain", walk);
  const key = isPlain(pair.key) && pair.key.source !== undefined ? pair.key.source : textOf(pair.key.value);
  if (!FORBIDDEN_KEYS.has(key) && !hasControl(key)) return key;
  const why = FORBIDDEN_KEYS.has(key) ? "" : ": it has control or invisible characters";
  walk.problems.push({ message: `key '${escapeControl(key)}' is not allowed${why}`, offset });
  return null;
}

function refuseTag(node: object, offset: number, mode: Mode, walk: Walk): void {
  const tag = "tag" in node && typeof node.tag === "string" ? node.tag : null;
  if (tag === null || (mode !== "env value" && CORE_TAGS.has(tag))) return;
  const where = mode === "env value" ? "spec.env: " : "";
  const short = escapeControl(tag.replace(/^tag:yaml\.org,2002:/, "!!"));
  const advice = mode === "env value" ? "; put the value in quotes instead" : "";
  walk.problems.push({ message: `${where}the YAML tag '${short}' is not allowed${advice}`, offset });
}

function environmentText(node: { value: unknown; type?: string; source?: string }): string {
  if (node.value === null) return "";
  return isPlain(node) && node.source !== undefined ? node.source : textOf(node.value);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function isPlain(node: unknown): boolean {
  return isScalar(node) && (node.type === undefined || node.type === "PLAIN");
}

function modeBelow(mode: Mode, key: string): Mode {
  if (mode === "root") return key === "spec" ? "spec" : "plain";
  if (mode === "spec") return key === "env" ? "env" : "plain";
  return mode === "env" ? "env value" : "plain";
}

function offsetOf(node: unknown): number {
  if (typeof node !== "object" || node === null || !("range" in node) || !Array.isArray(node.range)) return 0;
  const start: unknown = node.range[0];
  return typeof start === "number" ? start : 0;
}
