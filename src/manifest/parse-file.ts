import { isScalar, type Document } from "yaml";
import { readEverydayDocument } from "./everyday-document.ts";
import { refusalOf } from "./file-limits.ts";
import type { ManifestFile, ParsedManifests } from "./parsed.ts";
import { readDocument } from "./read-document.ts";
import { frameLines } from "./source-line.ts";
import { splitDocuments } from "./split-documents.ts";
import { lineCounterOf, yamlDocuments } from "./yaml-documents.ts";

/** Reads one file (SPEC 2). Never throws: what is wrong becomes a diagnostic and holds back its own document alone. */
export function parseFile(file: ManifestFile): ParsedManifests {
  const result: ParsedManifests = {
    resources: [],
    texts: new Map(),
    diagnostics: [],
    invalid: [],
    unidentified: false,
    documents: 0,
  };
  const refused = refusalOf(file);
  if (refused !== null) return refuseFile(file, result, refused);
  if (!readSimply(file, result)) readCarefully(file, result);
  if (result.resources.length > 0) result.texts.set(file.path, file.content);
  return result;
}

/** Reads a file of everyday documents without an error; any other is left as it is, and untouched the result. */
function readSimply(file: ManifestFile, result: ParsedManifests): boolean {
  const resources = [];
  let line = 1;
  let offset = 0;
  for (const document of splitDocuments(file.content)) {
    for (; offset < document.offset; offset++) if (file.content[offset] === "\n") line++;
    const resource = readEverydayDocument(document.text, file.path, line);
    if (resource === null) return false;
    resources.push(resource);
  }
  result.resources = resources;
  result.documents = resources.length;
  return true;
}

function readCarefully(file: ManifestFile, result: ParsedManifests): void {
  const lines = lineCounterOf(file.content);
  const frame = frameLines(file.content, lines.lineStarts);
  for (const { text, offset } of splitDocuments(file.content)) {
    const documents = yamlDocuments(text);
    if (documents === null) {
      // Its words might quote the source, so they are not shown.
      const { line } = lines.linePos(offset);
      refuseFile(file, result, "not valid YAML: the document cannot be read at all", line);
      continue;
    }
    for (const document of documents)
      if (!isEmpty(document)) readDocument(document, { path: file.path, text, offset, lines, frame, result });
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
