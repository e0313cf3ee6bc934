/** `entry`: a `KEY: value` whose key may be shown; `inside`: nothing of the line may. */
export type SecretPlace = "entry" | "inside";

/** Maps whose values may be secrets: variables, and a log driver's options (some carry tokens). */
const SECRET_BLOCK = /^([\s-]*)["']?(?:env|options)["']?\s*:(.*)$/;
const SECRET_FLOW = /[{,]\s*["']?(?:env|options)["']?\s*:|^\s*\?\s+["']?(?:env|options)\b/;
/** What ends a secret map: a field's name, which begins in lower case, unlike most variables that lost their indentation. */
const NEXT_FIELD = /^\s*(?:- +)?[a-z][A-Za-z]*\s*:(?:\s|$)/;
const NEXT_ROOT_FIELD = /^(?:apiVersion|kind|metadata|spec|status)\s*:(?:\s|$)/;
const ENTRY = /^\s*["']?[A-Za-z_][\w.-]*["']?\s*:(?:\s|$)/;

/** Where the scan is: in which secret map, if any, and what would end it. */
interface Place {
  /** Indentation of the key of the secret map; null outside. */
  indent: number | null;
  /** Indentation of its entries, once the first is seen. */
  entries: number | null;
  /** A bracket opened the map, so that indentation means nothing up to the end of the document. */
  flow: boolean;
  /** The quote that a value of several lines is still waiting for. */
  quote: string | null;
}

const OUTSIDE: Readonly<Place> = { indent: null, entries: null, flow: false, quote: null };

/**
 * The lines of a file (1-based) that belong to `env` or `options`. It reads the text alone, by indentation, so that it also
 * holds for a file that YAML cannot parse; in doubt a line counts as secret.
 */
export function secretLines(content: string): ReadonlyMap<number, SecretPlace> {
  const found = new Map<number, SecretPlace>();
  let place: Place = { ...OUTSIDE };
  content.split(/\r?\n/).forEach((text, index) => {
    if (/^(---|\.\.\.)(\s|$)/.test(text)) {
      place = { ...OUTSIDE };
      return;
    }
    const indent = text.length - text.trimStart().length;
    if (text.trim() === "") return;
    if (place.quote !== null) {
      found.set(index + 1, "inside");
      if (text.includes(place.quote)) place.quote = null;
      return;
    }
    if (place.flow) {
      found.set(index + 1, "inside");
      return;
    }
    if (place.indent !== null && !endsBlock(text, indent, place.indent)) {
      place.entries ??= indent;
      found.set(index + 1, indent === place.entries && ENTRY.test(text) ? "entry" : "inside");
      place.quote = openQuote(text);
      return;
    }
    place = opened(text);
  });
  return found;
}

function endsBlock(text: string, indent: number, block: number): boolean {
  if (indent > block || (indent === block && text.trimStart().startsWith("-"))) return false;
  return indent === 0 && block > 0 ? NEXT_ROOT_FIELD.test(text) : NEXT_FIELD.test(text);
}

function opened(text: string): Place {
  const block = SECRET_BLOCK.exec(text);
  if (block === null) return { ...OUTSIDE, flow: SECRET_FLOW.test(text) };
  const value = block[2] ?? "";
  const flow = /[{[]/.test(value) && !/[}\]]\s*(#.*)?$/.test(value);
  return { indent: block[1]?.length ?? 0, entries: null, flow, quote: flow ? null : openQuote(text) };
}

/** The quote that a value starts with and does not close on its line. */
function openQuote(text: string): string | null {
  const value = /:\s+(?:[&!]\S+\s+)*(["'])(.*)$/.exec(text) ?? /^[\s-]*(["'])(.*)$/.exec(text);
  const quote = value?.[1];
  return quote !== undefined && (value?.[2]?.split(quote).length ?? 0) % 2 === 1 ? quote : null;
}
