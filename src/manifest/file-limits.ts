import { Lexer } from "yaml";
import type { ManifestFile } from "./parsed.ts";
import { hasControl } from "./text.ts";

const MAX_FILE_BYTES = 1024 * 1024;
/** Only files larger than this (characters) are counted before they are parsed. */
const COUNT_ABOVE = 32 * 1024;
const MAX_TOKENS = 400_000;
/** More levels than any manifest opens; the parser spends a stack frame on each. */
const MAX_OPEN = 10_000;

/** Why a file is not parsed at all, or null: caps that keep a hostile one from costing seconds or the stack. */
export function refusalOf(file: ManifestFile): string | null {
  if (hasControl(file.path)) return "the file's path has control or invisible characters: rename it";
  if (Buffer.byteLength(file.content) > MAX_FILE_BYTES) return "the file is larger than 1 MiB: split it";
  if (file.content.length <= COUNT_ABOVE) return null;
  let tokens = 0;
  let open = 0;
  for (const token of new Lexer().lex(file.content)) {
    tokens++;
    if (token === "{" || token === "[" || token === "-" || token === "?") open++;
    else if (token === "}" || token === "]") open--;
    else if (token === "\n") open = Math.max(0, open - 1);
    if (tokens > MAX_TOKENS) return "the file has more than about 100,000 values: split it";
    if (open > MAX_OPEN) return "the file is nested too deeply";
  }
  return null;
}
