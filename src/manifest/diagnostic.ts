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
  /** Complete by itself: what is wrong, what was expected, what to do. */
  message: string;
  /** What was expected, by itself, where that can be said. */
  expected?: string;
  /** What to do or what was probably meant, by itself. */
  hint?: string;
  /** The offending line, made visible, with secret values masked; null when there is none. */
  sourceLine: string | null;
  /** The document that it is about, when its kind and name can be read. */
  resource: { kind: string; name: string } | null;
}

/** The parts of a rendered finding that may be coloured. */
type StyledPart = "location" | "error" | "warning" | "gutter" | "caret";
/** Wraps a part in a terminal's colours, or leaves it as it is. */
export type Style = (part: StyledPart, text: string) => string;

/** A finding for people, without colours: see {@link renderStyled}. */
export function renderText(diagnostic: Diagnostic): string {
  return renderStyled(diagnostic, (_part, text) => text);
}

/**
 * A finding for people: `file:line:column: error: message`, and below it the line with its number and a caret under the
 * column; `style` may colour the parts.
 */
export function renderStyled(diagnostic: Diagnostic, style: Style): string {
  const { file, line, column, severity, message, sourceLine } = diagnostic;
  const location = style("location", `${escapeControl(file)}:${String(line)}:${String(column)}:`);
  const head = `${location} ${style(severity, `${severity}:`)} ${escapeControl(message)}`;
  if (sourceLine === null || sourceLine === "") return head;
  const number = String(line);
  const frame = `  ${style("gutter", `${number} |`)} ${sourceLine}`;
  if (column > sourceLine.length + 1) return `${head}\n${frame}`;
  const caret = `  ${style("gutter", `${" ".repeat(number.length)} |`)} ${" ".repeat(column - 1)}${style("caret", "^")}`;
  return `${head}\n${frame}\n${caret}`;
}

/** GitHub's workflow command for an annotation, escaped by its rules (`%`, CR, LF; in properties also `:` and `,`). */
export function renderGithub(diagnostic: Diagnostic): string {
  const { file, line, column, severity, message } = diagnostic;
  const data = (text: string): string =>
    text.replace(/%/g, "%25").replace(/\r/g, "%0D").replace(/\n/g, "%0A");
  const property = (text: string): string => data(text).replace(/:/g, "%3A").replace(/,/g, "%2C");
  return `::${severity} file=${property(file)},line=${String(line)},col=${String(column)}::${data(message)}`;
}

/** All findings as one JSON text, for programs. */
export function renderJson(diagnostics: readonly Diagnostic[]): string {
  return JSON.stringify(diagnostics, null, 2);
}

/** By file, line, column: the order in which a person mends them. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return [...diagnostics].sort(
    (a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || a.column - b.column,
  );
}
