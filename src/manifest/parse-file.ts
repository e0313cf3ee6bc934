import { isScalar, LineCounter, parseAllDocuments, type Document } from "yaml";
import { refusalOf } from "./file-limits.ts";
import type { ManifestFile, ParsedManifests } from "./parsed.ts";
import { readDocument } from "./read-document.ts";
import { frameLines } from "./source-line.ts";
import { splitDocuments } from "./split-documents.ts";

/** Reads one file (SPEC 2). Never throws: what is wrong becomes a diagnostic and holds back its own document alone. */
export function parseFile(file: ManifestFile): ParsedManifests {
  const result: ParsedManifests = {
    resources: [],
    diagnostics: [],
    invalid: [],
    unidentified: false,
    documents: 0,
  };
  const refused = refusalOf(file);
  if (refused !== null) return refuseFile(file, result, refused);
  const lines = lineStarts(file.content);
  const frame = frameLines(file.content, lines.lineStarts);
  for (const { text, offset } of splitDocuments(file.content)) {
    const documents = parseText(text);
    if (documents === null) {
      // Its words might quote the source, so they are not shown.
      const { line } = lines.linePos(offset);
      refuseFile(file, result, "not valid YAML: the document cannot be read at all", line);
      continue;
    }
    for (const document of documents)
      if (!isEmpty(document)) readDocument(document, { path: file.path, text, offset, lines, frame, result });
  }
  return result;
}

/** The documents of a text, more than one only after `...`; null when the library gives up, as on a stack too deep. */
function parseText(text: string): readonly Document[] | null {
  try {
    const parsed = parseAllDocuments(text, {
      merge: true,
      prettyErrors: false,
      // Ours to check: the library compares every key with every other one.
      uniqueKeys: false,
      logLevel: "silent",
    });
    return Array.isArray(parsed) ? parsed : [];
  } catch {
    return null;
  }
}

function refuseFile(file: ManifestFile, result: ParsedManifests, message: string, line = 1): ParsedManifests {
  result.unidentified = true;
  result.documents++;
  result.diagnostics.push({
    file: file.path,
    line,
    column: 1,
    severity: "error",
    message,
    sourceLine: null,
    resource: null,
  });
  return result;
}

/** A document of comments only, or of nothing at all. */
function isEmpty({ contents, errors }: Document): boolean {
  if (errors.length > 0) return false;
  return contents === null || (isScalar(contents) && contents.value === null && contents.source === "");
}

function lineStarts(content: string): LineCounter {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (let end = content.indexOf("\n"); end !== -1; end = content.indexOf("\n", end + 1))
    lines.addNewLine(end + 1);
  return lines;
}
