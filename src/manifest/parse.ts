import { isMap, isNode, isPair, isScalar, LineCounter, parseAllDocuments, type Document } from "yaml";
import type { z } from "zod";
import { sortDiagnostics, type Diagnostic } from "./diagnostic.ts";
import { toValue } from "./document-value.ts";
import { forbidden } from "./hostile.ts";
import { findings } from "./issues.ts";
import { documents, kinds, type Kind, type Resource } from "./resource.ts";
import { sourceLine } from "./source-line.ts";
import { suggest } from "./suggest.ts";
import { escapeControl, hasControl } from "./text.ts";

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
  if (hasControl(file.path)) return refuse("the file's name has control or invisible characters: rename it");
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
        const folder = misplaced(validated);
        if (folder !== null)
          result.diagnostics.push({
            ...validated.source,
            severity: "warning",
            message: `a ${validated.kind} belongs below ${folder}/`,
            sourceLine: null,
            resource: { kind: validated.kind, name: validated.name },
          });
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
      sourceLine: sourceLine(file.content, lines.lineStarts, Math.max(1, line)),
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

/** The folder that a resource belongs in, when it lies in another kind's; null when all is well. */
function misplaced(resource: Resource): string | null {
  const folders = { Node: "nodes", Deployment: "deployments", Service: "services" };
  const actual = resource.source.file.split("/")[0] ?? "";
  const right = folders[resource.kind];
  return Object.values(folders).includes(actual) && actual !== right ? right : null;
}

/** The text at a path; null when it is absent, no text, or written twice, so that nobody can tell which one is meant. */
function scalarAt(document: Document, path: readonly string[]): string | null {
  let node: unknown = document.contents;
  for (const step of path) {
    if (!isMap(node)) return null;
    const pairs = node.items.filter((item) => isScalar(item.key) && item.key.value === step);
    if (pairs.length !== 1) return null;
    node = pairs[0]?.value;
  }
  return isScalar(node) && typeof node.value === "string" ? node.value : null;
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
