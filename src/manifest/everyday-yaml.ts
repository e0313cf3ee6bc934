/** What the everyday subset can say. */
type EverydayValue = string | number | boolean | EverydayValue[] | { [key: string]: EverydayValue };

/** How values are read: `env` is the map of SPEC 2 whose plain values are texts, `root` and `spec` lead to it. */
type Mode = "root" | "spec" | "env" | "plain";

/** A line that is neither empty nor a comment. */
interface Line {
  /** 0-based, in the document. */
  number: number;
  indent: number;
  text: string;
}

interface Reader {
  lines: Line[];
  /** The next line to read. */
  at: number;
}

/** Characters of a document, of a line (YAML ends a key at 1024), and levels: beyond any everyday manifest. */
const MAX_LENGTH = 32 * 1024;
const MAX_LINE = 1000;
const MAX_DEPTH = 20;
/** Printable ASCII, with spaces and line feeds as the only white space. */
const SIMPLE_TEXT = /^[\x20-\x7e\n]*$/;
const ENTRY = /^([A-Za-z_][\w./-]*):(?: +(.*))?$/;
const DOUBLE_QUOTED = /^"([^"\\]*)"(?: +#.*)?$/;
const SINGLE_QUOTED = /^'([^']*)'(?: +#.*)?$/;
/** `["a", b, 80]`, on one line: quoted texts, and plain ones of characters that mean nothing to YAML. */
const FLOW_ITEM = /"[^"\\]*"|'[^']*'|[\w/.$][\w/.$-]*/;
const FLOW_LIST = new RegExp(
  `^\\[( *(?:(?:${FLOW_ITEM.source}) *(?:, *(?:${FLOW_ITEM.source}) *)*)?)\\](?: +#.*)?$`,
);
const WHOLE_NUMBER = /^(?:0|[1-9][0-9]{0,8})$/;
/** What YAML's core schema reads, or might be thought to read, as something else than a text (YAML 1.2.2, 10.3.2). */
const SPECIAL = /^(?:true|false|null|[0-9.][0-9a-finox_.+-]*)$/i;
/** Addresses and versions: digits with two dots or more are a text after all. */
const DOTTED = /^[0-9]+(?:\.[0-9]+){2,}$/;
const HOSTILE = /^(?:__proto__|constructor|prototype)$/;

/** A document, and on which of its lines (0-based) its root begins, which is always in column 1. */
interface EverydayDocument {
  value: Record<string, EverydayValue>;
  line: number;
}

/**
 * Reads a document in YAML's everyday subset: block maps and lists, lists of scalars in brackets, plain and simply quoted
 * texts on one line, whole numbers, true, false, comments. Its root is a map. null for anything else, right or wrong: that is for the library to read and to
 * judge. What this reads, it reads as the library does, several times as fast.
 */
export function readEverydayYaml(text: string): EverydayDocument | null {
  if (text.length > MAX_LENGTH || !SIMPLE_TEXT.test(text)) return null;
  const lines = linesOf(text);
  const first = lines[0]?.text === "---" ? 1 : 0;
  const begin = lines[first];
  if (begin === undefined) return null;
  const line = begin.number;
  const reader: Reader = { lines, at: first };
  const value = readMap(reader, 0, "root", 0);
  return value === undefined || reader.at < lines.length ? null : { value, line };
}

function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  for (const [number, line] of text.split("\n").entries()) {
    const content = line.trim();
    if (content !== "" && !content.startsWith("#"))
      lines.push({ number, indent: line.length - line.trimStart().length, text: content });
  }
  return lines;
}

/** A map whose keys stand at `indent`; undefined, here and below: not in the subset. */
function readMap(
  reader: Reader,
  indent: number,
  mode: Mode,
  depth: number,
): Record<string, EverydayValue> | undefined {
  if (depth > MAX_DEPTH) return undefined;
  const map: Record<string, EverydayValue> = {};
  let entries = 0;
  for (let line = reader.lines[reader.at]; line !== undefined; line = reader.lines[reader.at]) {
    if (line.indent < indent) break;
    const entry = line.indent > indent || line.text.length > MAX_LINE ? null : ENTRY.exec(line.text);
    const [, key, rest = ""] = entry ?? [];
    if (key === undefined || SPECIAL.test(key) || HOSTILE.test(key) || Object.hasOwn(map, key))
      return undefined;
    reader.at++;
    const nested = rest === "" || rest.startsWith("#");
    const value = nested
      ? mode === "env"
        ? undefined
        : readNested(reader, indent, modeBelow(mode, key), depth + 1)
      : readScalar(rest, mode);
    if (value === undefined) return undefined;
    map[key] = value;
    entries++;
  }
  return entries === 0 ? undefined : map;
}

/** What belongs to a key without a value on its line: deeper, or a list at the key's own indentation. */
function readNested(reader: Reader, indent: number, mode: Mode, depth: number): EverydayValue | undefined {
  const line = reader.lines[reader.at];
  if (line === undefined || line.indent < indent) return undefined;
  if (line.text.startsWith("- ")) return readList(reader, line.indent, depth);
  return line.indent === indent ? undefined : readMap(reader, line.indent, mode, depth);
}

function readList(reader: Reader, indent: number, depth: number): EverydayValue[] | undefined {
  const list: EverydayValue[] = [];
  for (let line = reader.lines[reader.at]; line !== undefined; line = reader.lines[reader.at]) {
    if (line.indent < indent || (line.indent === indent && !line.text.startsWith("- "))) break;
    if (line.indent > indent || line.text.length > MAX_LINE) return undefined;
    const rest = line.text.slice(1).trimStart();
    const value = ENTRY.test(rest) ? readItemMap(reader, line, rest, depth) : readItem(reader, rest);
    if (value === undefined) return undefined;
    list.push(value);
  }
  return list;
}

/** A map that begins on the line of its dash: its keys stand where the first one does. */
function readItemMap(
  reader: Reader,
  line: Line,
  rest: string,
  depth: number,
): Record<string, EverydayValue> | undefined {
  const indent = line.indent + line.text.length - rest.length;
  reader.lines[reader.at] = { number: line.number, indent, text: rest };
  return readMap(reader, indent, "plain", depth + 1);
}

function readItem(reader: Reader, rest: string): EverydayValue | undefined {
  reader.at++;
  return readScalar(rest, "plain");
}

function readScalar(text: string, mode: Mode): EverydayValue | undefined {
  if (text.startsWith('"')) return DOUBLE_QUOTED.exec(text)?.[1];
  if (text.startsWith("'")) return SINGLE_QUOTED.exec(text)?.[1];
  if (text.startsWith("[")) return mode === "env" ? undefined : readFlowList(text);
  const comment = text.indexOf(" #");
  const plain = comment === -1 ? text : text.slice(0, comment).trimEnd();
  if (!/^[\w/.$]/.test(plain) || plain.includes(": ") || plain.endsWith(":")) return undefined;
  if (mode === "env") return /^null$/i.test(plain) ? undefined : plain;
  if (plain === "true" || plain === "false") return plain === "true";
  if (WHOLE_NUMBER.test(plain)) return Number(plain);
  return SPECIAL.test(plain) && !DOTTED.test(plain) ? undefined : plain;
}

function readFlowList(text: string): EverydayValue[] | undefined {
  const inner = FLOW_LIST.exec(text)?.[1];
  if (inner === undefined) return undefined;
  const list: EverydayValue[] = [];
  for (const [item] of inner.matchAll(new RegExp(FLOW_ITEM, "g"))) {
    const value = readScalar(item, "plain");
    if (value === undefined) return undefined;
    list.push(value);
  }
  return list;
}

function modeBelow(mode: Mode, key: string): Mode {
  if (mode === "root" && key === "spec") return "spec";
  return mode === "spec" && key === "env" ? "env" : "plain";
}
