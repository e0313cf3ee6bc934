/** Writes results into docs/benchmarks.md: each between markers of its own, so that one can be measured again alone. */
import type { Measurement, Table } from "./measurement.ts";

/** The section of one measurement, without its markers. */
export function renderSection(measurement: Measurement, table: Table): string {
  const lines = [table.head, table.head.map(() => "---"), ...table.rows].map(
    (cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`,
  );
  return [`## ${measurement.title}`, "", measurement.method, "", ...lines].join("\n");
}

/**
 * The page with the text between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->` replaced; a page without these markers gets
 * them at its end. Everything else stays as it is.
 */
export function replaceSection(page: string, name: string, text: string): string {
  const [open, close] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const begin = page.indexOf(open);
  const end = page.indexOf(close, begin);
  const section = `${open}\n\n${text}\n\n${close}`;
  if (begin === -1) return `${page.trimEnd()}\n\n${section}\n`;
  if (end === -1) throw new Error(`docs/benchmarks.md has '${open}' without '${close}': put it back`);
  return page.slice(0, begin) + section + page.slice(end + close.length);
}
