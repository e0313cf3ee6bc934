import { readEverydayYaml } from "./everyday-yaml.ts";
import { isInWrongFolder } from "./read-document.ts";
import { kinds, type Resource } from "./resource.ts";
import { validateDocument } from "./validate.ts";

/**
 * The resource of a document that is written in everyday YAML and has nothing wrong with it; null: it has to be read with
 * care. `line` (1-based) is where its text begins in the file.
 */
export function readEverydayDocument(text: string, path: string, line: number): Resource | null {
  const document = readEverydayYaml(text);
  const kind = kinds.find((known) => known === document?.value["kind"]);
  if (document === null || kind === undefined || isInWrongFolder(kind, path)) return null;
  const source = { file: path, line: line + document.line, column: 1 };
  const read = validateDocument(kind, document.value, source);
  return Array.isArray(read) ? null : read;
}
