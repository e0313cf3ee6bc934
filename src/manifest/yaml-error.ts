import { isScalar, visit, type Document, type ErrorCode } from "yaml";

/** YAML's grammar errors in words for people. The library's own words can quote the source, which may be a secret. */
const WORDS: Partial<Record<ErrorCode, string>> = {
  ALIAS_PROPS: "an alias cannot have an anchor or a tag of its own",
  BAD_ALIAS: "expected a name after '&' or '*'; put a text that starts so in quotes",
  BAD_COLLECTION_TYPE: "the tag does not fit a list or map",
  BAD_DIRECTIVE: "a '%' directive is not understood; put a text that starts with '%' in quotes",
  BAD_DQ_ESCAPE: "unknown '\\' escape in double quotes; use single quotes, or write '\\\\'",
  BAD_INDENT:
    "the indentation is wrong here: fields of one map start in one column, deeper than their parent",
  BAD_PROP_ORDER: "an anchor or a tag belongs directly before its value",
  BAD_SCALAR_START: "a plain text cannot start with this character: put it in quotes",
  BLOCK_AS_IMPLICIT_KEY: "expected 'key: value' on one line; put a text with ': ' in quotes",
  BLOCK_IN_FLOW: "a block cannot be inside { } or [ ]",
  IMPOSSIBLE: "this is not expected here: is a quote, bracket or indentation above it wrong?",
  KEY_OVER_1024_CHARS: "the key is longer than 1024 characters",
  MISSING_CHAR: "a closing bracket, a colon, a comma or a space is missing here or above",
  MULTILINE_IMPLICIT_KEY: "expected 'key: value' on one line: is the ':' missing, or the indentation wrong?",
  MULTIPLE_ANCHORS: "expected one anchor at most",
  MULTIPLE_TAGS: "expected one tag at most",
  RESOURCE_EXHAUSTION: "the document is nested too deeply",
  TAB_AS_INDENT: "a tab cannot be indentation: use spaces",
  TAG_RESOLVE_FAILED: "the YAML tag does not fit its value, or is not allowed",
  UNEXPECTED_TOKEN: "this is not expected here: is a quote, bracket or indentation above it wrong?",
};

/** What a grammar error means, without any part of the source, and where (characters from the document's text). */
export function yamlProblem(
  document: Document,
  error: Readonly<{ code: ErrorCode; message: string; pos: readonly [number, number] }>,
): { offset: number; message: string } {
  const at = error.pos[0];
  const quote = error.code === "MISSING_CHAR" ? openQuoteBefore(document, at) : null;
  if (quote !== null) return { offset: quote, message: "not valid YAML: this quote is never closed" };
  if (/^Flow (map|sequence)/.test(error.message))
    return {
      offset: at,
      message: "not valid YAML: a '{' or '[' is not closed, or its lines are not indented enough",
    };
  return { offset: at, message: `not valid YAML: ${WORDS[error.code] ?? "this cannot be read here"}` };
}

/** Where the quoted text begins whose end the parser missed at `end`: that is the place to mend. */
function openQuoteBefore(document: Document, end: number): number | null {
  let found: number | null = null;
  visit(document, {
    Scalar(_key, node) {
      const [start, valueEnd] = node.range ?? [0, -1];
      const quoted = isScalar(node) && (node.type === "QUOTE_DOUBLE" || node.type === "QUOTE_SINGLE");
      if (quoted && valueEnd === end) found = start;
    },
  });
  return found;
}
