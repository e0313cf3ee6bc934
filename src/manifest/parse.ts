import { sortDiagnostics } from "./diagnostic.ts";
import { refuseDuplicates } from "./duplicates.ts";
import { parseFile } from "./parse-file.ts";
import type { ManifestFile, ParsedManifests } from "./parsed.ts";

export type { ManifestFile, ParsedManifests } from "./parsed.ts";

/** What single files say, by path and blob; made and kept by the caller between commits. */
export type ParseCache = Map<string, ParsedManifests>;

/**
 * Reads every manifest of a commit (SPEC 2). Never throws: whatever is wrong becomes a diagnostic, all of them together,
 * sorted by file and line, and holds back its own document alone. Files that `cache` knows by path and blob are not parsed
 * again; files that are gone leave it. The order of `files` does not matter.
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
  for (const file of [...files].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))) {
    const key = `${file.path}\0${file.blob}`;
    live.add(key);
    const parsed = cache.get(key) ?? parseFile(file);
    cache.set(key, parsed);
    for (const item of parsed.resources) all.resources.push(item);
    for (const item of parsed.diagnostics) all.diagnostics.push(item);
    for (const item of parsed.invalid) all.invalid.push(item);
    all.unidentified ||= parsed.unidentified;
    all.documents += parsed.documents;
  }
  for (const key of cache.keys()) if (!live.has(key)) cache.delete(key);
  const result = refuseDuplicates(all);
  return { ...result, diagnostics: sortDiagnostics(result.diagnostics) };
}
