import { visibleLine } from "./text.ts";

const ENV_KEY = /(?:^|[\s{,"'?-])env\w*["']?\s*:/i;
const LONGEST = 200;

/**
 * A line (1-based) as it may be shown: harmless characters, at most 200 of them, and values below an `env` key masked. Goes by
 * the text alone, because a document with a syntax error has no tree to ask; in doubt it masks.
 */
export function sourceLine(content: string, lineStarts: readonly number[], line: number): string {
  const text = lineText(content, lineStarts, line);
  const inline = ENV_KEY.exec(text);
  if (inline !== null) return shown(maskAfter(text, inline.index + inline[0].length));
  if (!belowEnv(content, lineStarts, line, text)) return shown(text);
  const colon = /^\s*[^\s:]+\s*:(?=\s|$)/.exec(text);
  const flow = /[{[,]/.test(text);
  return shown(
    maskAfter(text, colon === null || flow ? text.length - text.trimStart().length : colon[0].length),
  );
}

function maskAfter(text: string, index: number): string {
  const rest = text.slice(index);
  if (rest.trim() === "" || rest.trim().startsWith("#")) return text.slice(0, index);
  return `${text.slice(0, index)}${/^\s/.test(rest) ? " " : ""}***`;
}

function belowEnv(content: string, lineStarts: readonly number[], line: number, text: string): boolean {
  let indent = text.length - text.trimStart().length;
  for (let above = line - 1; above >= 1 && indent > 0; above--) {
    const candidate = lineText(content, lineStarts, above);
    const trimmed = candidate.trimStart();
    const own = candidate.length - trimmed.length;
    if (trimmed === "" || own >= indent) continue;
    if (ENV_KEY.test(candidate)) return true;
    indent = own;
  }
  return false;
}

function lineText(content: string, lineStarts: readonly number[], line: number): string {
  const start = lineStarts[line - 1] ?? 0;
  const end = content.indexOf("\n", start);
  return content.slice(start, end === -1 ? undefined : end).replace(/\r$/, "");
}

function shown(text: string): string {
  return visibleLine(text.slice(0, LONGEST));
}
