import { escapeControl } from "./text.ts";

export { escapeControl } from "./text.ts";

/** A finding about a manifest, with everything that a person needs to mend it. */
export interface Diagnostic {
  file: string;
  /** 1-based. */
  line: number;
  /** 1-based. */
  column: number;
  severity: "error" | "warning";
  message: string;
  /** The offending line, escaped, with env values masked; null when there is none. */
  sourceLine: string | null;
  /** The document that it is about, when its kind and name can be read. */
  resource: { kind: string; name: string } | null;
}

/** One line and a code frame: `file:line:column: error: message`. */
export function renderText(diagnostic: Diagnostic): string {
  const { file, line, column, severity, message, sourceLine } = diagnostic;
  const head = `${escapeControl(file)}:${String(line)}:${String(column)}: ${severity}: ${escapeControl(message)}`;
  if (sourceLine === null) return head;
  const gutter = String(line);
  const pad = " ".repeat(gutter.length);
  return `${head}\n  ${gutter} | ${sourceLine}\n  ${pad} | ${" ".repeat(Math.max(0, column - 1))}^`;
}

/** GitHub's workflow command for an annotation. */
export function renderGithub(diagnostic: Diagnostic): string {
  const property = (text: string): string =>
    escapeControl(text).replace(/%/g, "%25").replace(/:/g, "%3A").replace(/,/g, "%2C");
  const message = escapeControl(diagnostic.message).replace(/%/g, "%25");
  return `::${diagnostic.severity} file=${property(diagnostic.file)},line=${String(diagnostic.line)},col=${String(diagnostic.column)}::${message}`;
}

/** By file, line, column: the order in which a person mends them. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return [...diagnostics].sort(
    (a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || a.column - b.column,
  );
}
