import { secretLines, type SecretPlace } from "./secret-lines.ts";
import { visibleLine } from "./text.ts";

const MAX_LENGTH = 200;
const MASK = "***";

/** A file's lines for code frames; what they cost is spent on the first line asked for. */
export type FrameLines = (line: number) => string;

/**
 * Reads lines (1-based) of a file for code frames: as written, at most 200 characters, control characters made visible one
 * for one so that columns stay, and what may be secret masked (values of `env` and `options`, credentials in a URL).
 */
export function frameLines(content: string, lineStarts: readonly number[]): FrameLines {
  let secret: ReadonlyMap<number, SecretPlace> | null = null;
  return (line) => {
    secret ??= secretLines(content);
    const start = lineStarts[line - 1];
    if (start === undefined) return "";
    const end = content.indexOf("\n", start);
    const text = content.slice(start, end === -1 ? undefined : end).replace(/\r$/, "");
    return visibleLine(masked(text, secret.get(line) ?? null).slice(0, MAX_LENGTH)).trimEnd();
  };
}

function masked(text: string, place: SecretPlace | null): string {
  if (place === "inside") return `${indentOf(text)}${MASK}`;
  if (place === "entry") return maskAfter(text, text.indexOf(":") + 1);
  const inline = /^[\s-]*["']?(?:env|options)["']?\s*:|[{,]\s*["']?(?:env|options)["']?\s*:/.exec(text);
  if (inline !== null) return maskAfter(text, inline.index + inline[0].length);
  return text.replace(/(:\/\/)[^\s/@]+@/g, `$1${MASK}@`);
}

function maskAfter(text: string, end: number): string {
  const rest = text.slice(end).trim();
  return rest === "" || rest.startsWith("#") ? text.slice(0, end) : `${text.slice(0, end)} ${MASK}`;
}

function indentOf(text: string): string {
  return /^\s*/.exec(text)?.[0] ?? "";
}
