import { isMap, isNode, isPair, isScalar, LineCounter, parseAllDocuments, visit, type Document } from "yaml";
import type { z } from "zod";
import { escapeControl, sortDiagnostics, type Diagnostic } from "./diagnostic.ts";
import { hasControl } from "./text.ts";
import { findings } from "./issues.ts";
import { documents, kinds, type Kind, type Resource } from "./resource.ts";
import { suggest } from "./suggest.ts";

export interface ManifestFile {
  path: string;
  /** Object id of the content: the cache's key. */
  blob: string;
  content: string;
}

export interface InvalidDocument {
  kind: Kind;
  name: string;
  file: string;
  line: number;
  message: string;
}

export interface ParsedManifests {
  resources: Resource[];
  diagnostics: Diagnostic[];
  /** Documents with errors whose kind and name are known: each is held, never read as deleted (SPEC 2). */
  invalid: InvalidDocument[];
  /** Some document's kind or name cannot be read: nothing may be pruned (SPEC 2). */
  unidentified: boolean;
  /** Documents, valid or not. */
  documents: number;
}

/** Parsed files by path and blob, kept by the caller between commits. */
export type ParseCache = Map<string, ParsedManifests>;

const MAX_FILE_BYTES = 1024 * 1024;
const MAX_NODES = 50_000;
const MAX_DEPTH = 40;

/**
 * Reads every manifest of a commit (SPEC 2). Never throws: whatever is wrong becomes a diagnostic, all of them together,
 * and holds back its own document alone.
 */
export function parseManifests(
  files: readonly ManifestFile[],
  cache: ParseCache = new Map(),
): ParsedManifests {
  const all: ParsedManifests = {
    resources: [],
    diagnostics: [],
    invalid: [],
    unidentified: false,
    documents: 0,
  };
  const live = new Set<string>();
  for (const file of [...files].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    const key = `${file.path}\0${file.blob}`;
    live.add(key);
    const parsed = cache.get(key) ?? parseFile(file);
    cache.set(key, parsed);
    all.resources.push(...parsed.resources);
    all.diagnostics.push(...parsed.diagnostics);
    all.invalid.push(...parsed.invalid);
    all.unidentified ||= parsed.unidentified;
    all.documents += parsed.documents;
  }
  for (const key of cache.keys()) if (!live.has(key)) cache.delete(key);
  return { ...refuseDuplicates(all) };
}

function parseFile(file: ManifestFile): ParsedManifests {
  const result: ParsedManifests = {
    resources: [],
    diagnostics: [],
    invalid: [],
    unidentified: false,
    documents: 0,
  };
  const refuse = (message: string): ParsedManifests => {
    result.unidentified = true;
    result.documents = 1;
    result.diagnostics.push({
      file: file.path,
      line: 1,
      column: 1,
      severity: "error",
      message,
      sourceLine: null,
      resource: null,
    });
    return result;
  };
  if (Buffer.byteLength(file.content) > MAX_FILE_BYTES)
    return refuse("the file is larger than 1 MiB: split it");
  const lines = new LineCounter();
  try {
    const parsed = parseAllDocuments(file.content, { lineCounter: lines, merge: true, prettyErrors: false });
    if (!Array.isArray(parsed)) return result;
    for (const document of parsed) {
      if (document.contents === null && document.errors.length === 0) continue;
      result.documents++;
      parseDocument(file, document, lines, result);
    }
  } catch (error) {
    return refuse(
      `the file cannot be read as YAML: ${error instanceof Error ? escapeControl(error.message) : "unknown error"}`,
    );
  }
  return result;
}

function parseDocument(
  file: ManifestFile,
  document: Document,
  lines: LineCounter,
  result: ParsedManifests,
): void {
  const problems: { message: string; offset: number }[] = document.errors.map((error) => ({
    message: escapeControl(error.message),
    offset: error.pos[0],
  }));
  const start = isNode(document.contents) ? (document.contents.range?.[0] ?? 0) : (problems[0]?.offset ?? 0);
  const kindText = scalarAt(document, ["kind"]);
  const kind = kinds.find((known) => known === kindText) ?? null;
  const name = scalarAt(document, ["metadata", "name"]);
  const identity = kind !== null && name !== null && !hasControl(name) ? { kind, name } : null;
  problems.push(...forbidden(document));
  if (problems.length === 0) {
    if (kind === null) {
      const meant = kindText === null ? null : suggest(kindText, kinds);
      problems.push({
        message: `kind: expected ${kinds.join(", ")}${meant === null ? "" : `; did you mean '${meant}'?`}`,
        offset: offsetOf(document, ["kind"], false, start),
      });
    } else {
      const { line, col } = lines.linePos(start);
      const validated = validate(kind, toValue(document), { file: file.path, line, column: col });
      if (!Array.isArray(validated)) {
        result.resources.push(validated);
        return;
      }
      for (const finding of findings(documents[kind], validated)) {
        problems.push({
          message: finding.message,
          offset: offsetOf(document, finding.path, finding.atKey, start),
        });
      }
    }
  }
  for (const problem of problems) {
    const { line, col } = lines.linePos(problem.offset);
    result.diagnostics.push({
      file: file.path,
      line: Math.max(1, line),
      column: Math.max(1, col),
      severity: "error",
      message: problem.message,
      sourceLine: sourceLine(file.content, document, lines, Math.max(1, line)),
      resource: identity,
    });
  }
  if (identity === null) result.unidentified = true;
  else {
    const { line } = lines.linePos(start);
    result.invalid.push({
      ...identity,
      file: file.path,
      line: Math.max(1, line),
      message: problems[0]?.message ?? "invalid",
    });
  }
}

/** Validates a document of a known kind; the kind and its spec stay together for the type checker. */
function validate(kind: Kind, value: unknown, source: Resource["source"]): Resource | z.core.$ZodIssue[] {
  const common = ({
    name,
    labels,
    annotations,
  }: {
    name: string;
    labels: Record<string, string>;
    annotations: Record<string, string>;
  }) => ({ name, labels, annotations, source });
  switch (kind) {
    case "Node": {
      const parsed = documents.Node.safeParse(value);
      return parsed.success
        ? { kind, ...common(parsed.data.metadata), spec: parsed.data.spec }
        : parsed.error.issues;
    }
    case "Deployment": {
      const parsed = documents.Deployment.safeParse(value);
      return parsed.success
        ? { kind, ...common(parsed.data.metadata), spec: parsed.data.spec }
        : parsed.error.issues;
    }
    case "Service": {
      const parsed = documents.Service.safeParse(value);
      return parsed.success
        ? { kind, ...common(parsed.data.metadata), spec: parsed.data.spec }
        : parsed.error.issues;
    }
  }
}

/** Anchors' bombs, tags, hostile keys: what no manifest needs (attacks on parsers). */
function forbidden(document: Document): { message: string; offset: number }[] {
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
      if ("tag" in node && typeof node.tag === "string" && !node.tag.startsWith("tag:yaml.org,2002:")) {
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

/** The document as plain data, with env as SPEC 2 has it: a plain scalar's source text, a quoted one's value, null as empty. */
function toValue(document: Document): unknown {
  const value: unknown = document.toJS({ maxAliasCount: 100 });
  const env = document.getIn(["spec", "env"], true);
  if (!isMap(env) || typeof value !== "object" || value === null || !("spec" in value)) return value;
  const spec = value.spec;
  if (typeof spec !== "object" || spec === null) return value;
  const texts: Record<string, unknown> =
    "env" in spec && typeof spec.env === "object" && spec.env !== null ? { ...spec.env } : {};
  for (const pair of env.items) {
    if (!isScalar(pair.key) || String(pair.key.value) === "<<") continue;
    const key = String(pair.key.value);
    const node = pair.value;
    if (node === null) texts[key] = "";
    else if (isScalar(node)) {
      if (node.value === null) texts[key] = "";
      else if (node.type === "PLAIN" && node.source !== undefined) texts[key] = node.source;
      else if (typeof node.value === "string") texts[key] = node.value;
    }
  }
  for (const [key, text] of Object.entries(texts)) {
    if (text === null) texts[key] = "";
    else if (typeof text === "number" || typeof text === "boolean") texts[key] = String(text);
  }
  return { ...value, spec: { ...spec, env: texts } };
}

function scalarAt(document: Document, path: string[]): string | null {
  const value: unknown =
    document.errors.length > 0 && !isMap(document.contents) ? null : document.getIn(path);
  return typeof value === "string" ? value : null;
}

/** Where a path's value (or key) begins; the nearest enclosing node for what is absent. */
function offsetOf(
  document: Document,
  path: readonly PropertyKey[],
  atKey: boolean,
  fallback: number,
): number {
  let offset = fallback;
  let node: unknown = document.contents;
  for (const [index, step] of path.entries()) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
      if (pair === undefined) return offset;
      const keyOffset = isNode(pair.key) ? pair.key.range?.[0] : undefined;
      const valueOffset = isNode(pair.value) ? pair.value.range?.[0] : undefined;
      const last = index === path.length - 1;
      offset = (last && !atKey && isScalar(pair.value) ? valueOffset : keyOffset) ?? valueOffset ?? offset;
      node = pair.value;
    } else if (typeof step === "number" && isNode(node) && "items" in node && Array.isArray(node.items)) {
      const item: unknown = node.items[step];
      const inner: unknown = isPair(item) ? item.value : item;
      if (!isNode(inner)) return offset;
      offset = inner.range?.[0] ?? offset;
      node = inner;
    } else return offset;
  }
  return offset;
}

/** The line as written, escaped and capped, with a value inside `env` masked. */
function sourceLine(content: string, document: Document, lines: LineCounter, line: number): string {
  const start = lines.lineStarts[line - 1] ?? 0;
  const end = content.indexOf("\n", start);
  const text = content.slice(start, end === -1 ? undefined : end).replace(/\r$/, "");
  const env: unknown = isMap(document.contents) ? document.getIn(["spec", "env"], true) : null;
  const range = isNode(env) ? env.range : null;
  const masked =
    range &&
    start >= range[0] - text.length &&
    start < range[2] &&
    /^\s*[^#:]+:\s*\S/.test(text) &&
    start + text.length > range[0]
      ? text.replace(/:\s*.*$/, ": ***")
      : text;
  return escapeControl(masked.slice(0, 200));
}

function refuseDuplicates(parsed: ParsedManifests): ParsedManifests {
  const first = new Map<string, Resource>();
  const duplicates = new Map<string, Resource[]>();
  for (const item of parsed.resources) {
    const key = `${item.kind}/${item.name}`;
    const other = first.get(key);
    if (other === undefined) first.set(key, item);
    else duplicates.set(key, [...(duplicates.get(key) ?? [other]), item]);
  }
  const invalid = [...parsed.invalid];
  const diagnostics = [...parsed.diagnostics];
  for (const group of duplicates.values()) {
    for (const item of group) {
      const other = group.find((candidate) => candidate !== item);
      const message = `${item.kind} '${item.name}' is defined twice; the other one is at ${other === undefined ? "" : `${other.source.file}:${String(other.source.line)}`}`;
      diagnostics.push({
        ...item.source,
        severity: "error",
        message,
        sourceLine: null,
        resource: { kind: item.kind, name: item.name },
      });
      invalid.push({
        kind: item.kind,
        name: item.name,
        file: item.source.file,
        line: item.source.line,
        message,
      });
    }
  }
  const resources = parsed.resources.filter((item) => !duplicates.has(`${item.kind}/${item.name}`));
  return { ...parsed, resources, invalid, diagnostics: sortDiagnostics(diagnostics) };
}
