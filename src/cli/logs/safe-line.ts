import { escapeControl } from "../../manifest/text.ts";

/** Colours and styles (SGR), the only escape sequences that cannot do more than look odd. */
const STYLE = /\u001b\[[0-9;:]*m/g;

/**
 * A workload's log line made harmless: what could move the cursor, set a title or hide text becomes a visible escape. Colours
 * stay where they are wanted and end with the line; elsewhere they are left out. Tabs stay.
 */
export function safeLogLine(line: string, colours: boolean): string {
  const styles = line.match(STYLE) ?? [];
  const safe = line
    .split(STYLE)
    .map((part, index) => {
      const style = colours && index > 0 ? (styles[index - 1] ?? "") : "";
      return `${style}${part.split("\t").map(escapeControl).join("\t")}`;
    })
    .join("");
  return colours && styles.length > 0 ? `${safe}\u001b[0m` : safe;
}
