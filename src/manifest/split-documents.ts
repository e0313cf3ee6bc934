/** One document of a file: its text, and where that begins in the file (characters). */
export interface DocumentText {
  text: string;
  offset: number;
}

/**
 * Splits a file at its `---` lines, which YAML allows nowhere inside a document. Each document is then parsed by itself: an
 * unclosed quote or bracket can swallow the rest of its own document, but never the next one. Texts of comments and
 * directives alone are left out.
 */
export function splitDocuments(content: string): DocumentText[] {
  const starts = [0];
  for (const { index } of content.matchAll(/^---(?=\s|$)/gm)) if (index > 0) starts.push(index);
  return starts.flatMap((offset, index): DocumentText[] => {
    const text = content.slice(offset, starts[index + 1]);
    const empty = text.split("\n").every((line) => /^\ufeff?(?:---|\.\.\.)?\s*(?:[#%].*)?$/.test(line));
    return empty ? [] : [{ text, offset }];
  });
}
