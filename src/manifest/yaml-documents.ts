import { LineCounter, parseAllDocuments, type Document } from "yaml";

/**
 * The documents of a text as the library reads them, more than one only after `...`; null when it gives up, as on a stack too
 * deep.
 */
export function yamlDocuments(text: string): readonly Document[] | null {
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

/** Tells the line and column of an offset in a whole file. */
export function lineCounterOf(content: string): LineCounter {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (let end = content.indexOf("\n"); end !== -1; end = content.indexOf("\n", end + 1))
    lines.addNewLine(end + 1);
  return lines;
}
