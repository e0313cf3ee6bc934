import type { LineCounter } from "yaml";
import { offsetOfPath, startOf } from "./locate.ts";
import type { Resource } from "./resource.ts";
import { frameLines, type FrameLines } from "./source-line.ts";
import { splitDocuments } from "./split-documents.ts";
import { lineCounterOf, yamlDocuments } from "./yaml-documents.ts";

/** Where a field is, with its line made safe to show; line and column are 1-based. */
interface FieldPosition {
  file: string;
  line: number;
  column: number;
  sourceLine: string | null;
}

/** Finds the place of a field (`["spec", "dependsOn", 0]`) of a resource that was read from one of the files. */
export type LocateField = (resource: Resource, path: readonly (string | number)[]) => FieldPosition;

interface OpenFile {
  lines: LineCounter;
  frame: FrameLines;
  /** Where each document's text begins (line, 1-based), in order. */
  documents: { text: string; offset: number; line: number }[];
}

/**
 * For findings that no single document tells: valid documents are read again, one by one and only when something has to be
 * said about them. `texts` are the files' contents by path.
 */
export function fieldLocator(texts: ReadonlyMap<string, string>): LocateField {
  const open = new Map<string, OpenFile>();
  const openFile = (path: string, content: string): OpenFile => {
    const known = open.get(path);
    if (known !== undefined) return known;
    const lines = lineCounterOf(content);
    const documents = splitDocuments(content).map((document) => ({
      ...document,
      line: lines.linePos(document.offset).line,
    }));
    const file = { lines, frame: frameLines(content, lines.lineStarts), documents };
    open.set(path, file);
    return file;
  };
  return (resource, path) => {
    const { source } = resource;
    const content = texts.get(source.file);
    const found = content === undefined ? null : locate(openFile(source.file, content), source.line, path);
    return {
      file: source.file,
      ...(found ?? { line: source.line, column: source.column, sourceLine: null }),
    };
  };
}

/** The field's place in the document whose root begins on a line. */
function locate(
  { lines, frame, documents }: OpenFile,
  rootLine: number,
  path: readonly (string | number)[],
): Omit<FieldPosition, "file"> | null {
  const part = documents.findLast((document) => document.line <= rootLine);
  if (part === undefined) return null;
  for (const document of yamlDocuments(part.text) ?? []) {
    const start = startOf(document.contents);
    if (start === null || lines.linePos(part.offset + start).line !== rootLine) continue;
    const { line, col } = lines.linePos(part.offset + offsetOfPath(document, path, false));
    return { line, column: col, sourceLine: frame(line) };
  }
  return null;
}
