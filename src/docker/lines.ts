import { StringDecoder } from "node:string_decoder";

/**
 * Splits a byte stream into lines without breaking a UTF-8 character. A line of more than `cap` characters (of UTF-16) is
 * cut there and the rest of it dropped, so that no peer makes us hold more.
 */
export function lineSplitter(
  onLine: (line: string) => void,
  cap = 16_384,
): { push(chunk: Buffer): void; end(): void } {
  const decoder = new StringDecoder("utf8");
  let line = "";
  const take = (text: string): void => {
    let from = 0;
    for (;;) {
      const at = text.indexOf("\n", from);
      const piece = text.slice(from, at === -1 ? undefined : at);
      if (line.length < cap) line += piece.slice(0, cap - line.length);
      if (at === -1) return;
      onLine(line);
      line = "";
      from = at + 1;
    }
  };
  return {
    push: (chunk) => take(decoder.write(chunk)),
    end() {
      take(decoder.end());
      if (line !== "") onLine(line);
      line = "";
    },
  };
}
