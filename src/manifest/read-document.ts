import { isMap, type Document, type LineCounter } from "yaml";
import type { Diagnostic } from "./diagnostic.ts";
import { documentValue } from "./document-value.ts";
import { fieldKey, referringFields } from "./field-position.ts";
import { identityOf, onlyScalar, type Identity } from "./identity.ts";
import { findings } from "./issues.ts";
import { offsetOfPath, startOf } from "./locate.ts";
import type { ParsedManifests } from "./parsed.ts";
import { documents, folders, kinds, type FieldPosition, type Kind, type Resource } from "./resource.ts";
import type { FrameLines } from "./source-line.ts";
import { suggest } from "./suggest.ts";
import { escapeControl } from "./text.ts";
import { validateDocument } from "./validate.ts";
import { yamlProblem } from "./yaml-error.ts";

/** YAML's non-printable characters, which a file may not have as they are. */
const NOT_PRINTABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

/** Where a document comes from, and where its resource or its problems go. */
interface Context {
  path: string;
  /** The text that the document was parsed from, and where in the file (characters) it begins. */
  text: string;
  offset: number;
  lines: LineCounter;
  frame: FrameLines;
  result: ParsedManifests;
}

/** A problem at an offset (characters) of the document's text. */
interface Problem {
  offset: number;
  message: string;
  expected?: string;
  hint?: string;
}

/** Adds what a document is to the result: a resource, or its problems and whose they are. */
export function readDocument(document: Document, context: Context): void {
  const { path, result } = context;
  result.documents++;
  const start = startOf(document.contents) ?? document.errors[0]?.pos[0] ?? 0;
  const source = { file: path, ...positionAt(start, context) };
  const read = readResource(document, source, context);
  if (!Array.isArray(read)) {
    read.fields = referringPositions(document, read, context);
    result.resources.push(read);
    warnWrongFolder(read, document, context);
    return;
  }
  const identity = identityOf(document);
  const seen = new Set<string>();
  for (const problem of read) {
    const key = `${String(problem.offset)} ${problem.message}`;
    if (!seen.has(key)) result.diagnostics.push(diagnosticOf(problem, "error", identity, context));
    seen.add(key);
  }
  if (identity === null) result.unidentified = true;
  else {
    const message = read[0]?.message ?? "the document is invalid";
    result.invalid.push({ ...identity, file: path, line: source.line, message });
  }
}

/** The resource that a document is, or everything that is wrong with it. */
function readResource(
  document: Document,
  source: Resource["source"],
  context: Context,
): Resource | Problem[] {
  const end = context.text.trimEnd().length;
  const grammar = document.errors.map((error): Problem => {
    const { offset, message } = yamlProblem(document, error);
    // What is missing at the end of a document is missing on its last line, not on the empty one after it.
    return { offset: Math.min(offset, end), message };
  });
  const hidden = NOT_PRINTABLE.exec(context.text);
  if (hidden !== null)
    grammar.push({
      offset: hidden.index,
      message: `not valid YAML: the control character ${escapeControl(hidden[0])} is not allowed; write it as an escape in double quotes`,
    });
  if (grammar.length > 0) return grammar;
  const lineOf = (offset: number): number => positionAt(offset, context).line;
  const { value, problems, complete } = documentValue(document, lineOf);
  const kind = kindOf(document);
  if (typeof kind !== "string") return [...problems, kind];
  const validated = validateDocument(kind, value, source);
  if (!Array.isArray(validated)) return problems.length > 0 ? problems : validated;
  // What was cut off would be reported as absent.
  if (!complete) return problems;
  const found = findings(documents[kind], validated, value).map(
    ({ path, atKey, ...finding }): Problem => ({ ...finding, offset: offsetOfPath(document, path, atKey) }),
  );
  return [...problems, ...found];
}

function kindOf(document: Document): Kind | Problem {
  const root: unknown = document.contents;
  const text = isMap(root) ? onlyScalar(root, "kind") : null;
  const kind = kinds.find((known) => known === text);
  if (kind !== undefined) return kind;
  const meant = text === null ? null : suggest(text, kinds);
  const expected = `one of ${kinds.join(", ")}`;
  const hint = meant === null ? null : `did you mean '${meant}'?`;
  return {
    offset: offsetOfPath(document, ["kind"], false),
    message: `kind: expected ${expected}${hint === null ? "" : `; ${hint}`}`,
    expected,
    ...(hint === null ? {} : { hint }),
  };
}

/** The fields whose truth depends on other documents: where they are, for `checkReferences`. */
function referringPositions(
  document: Document,
  resource: Resource,
  context: Context,
): Map<string, FieldPosition> {
  const found = new Map<string, FieldPosition>();
  for (const path of referringFields(resource)) {
    const position = positionAt(offsetOfPath(document, path, false), context);
    found.set(fieldKey(path), { ...position, sourceLine: context.frame(position.line) });
  }
  return found;
}

function warnWrongFolder(resource: Resource, document: Document, context: Context): void {
  const folder = context.path.split("/")[0] ?? "";
  const expected = folders[resource.kind];
  if (folder === expected || !Object.values<string>(folders).includes(folder)) return;
  const { kind, name } = resource;
  const message = `a ${kind} belongs in ${expected}/, not in ${folder}/; it is read all the same`;
  const offset = offsetOfPath(document, ["kind"], false);
  context.result.diagnostics.push(diagnosticOf({ offset, message }, "warning", { kind, name }, context));
}

function diagnosticOf(
  { offset, ...problem }: Problem,
  severity: "error" | "warning",
  resource: Identity | null,
  context: Context,
): Diagnostic {
  const position = positionAt(offset, context);
  return {
    file: context.path,
    ...position,
    severity,
    ...problem,
    sourceLine: context.frame(position.line),
    resource,
  };
}

/** Line and column (1-based) in the file of an offset in the document's text. */
function positionAt(offset: number, { lines, offset: begin }: Context): { line: number; column: number } {
  const { line, col } = lines.linePos(begin + offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}
