/** A column of a table. */
export interface Column {
  title: string;
  /** The lower, the sooner it is left out where there is no room; null: never. */
  rank: number | null;
  /** May be shortened to this many characters from its left, where an image's registry or a path begins; null: never. */
  shortest: number | null;
  align?: "right";
}

/** A cell: its text as it is measured, and what it looks like. */
export interface Cell {
  text: string;
  /** Colours the text, which by then has its spaces; it must not change how wide it is. */
  paint?: (text: string) => string;
}

const GAP = "  ";

/**
 * Lines of a table, at most `width` characters wide if that can be had: long cells are shortened first, then the least
 * important columns are left out. A column without any content but `-` is left out too. `width` null: as wide as it gets.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  width: number | null,
  heading: (text: string) => string,
): string[] {
  const natural = columns.map((column, index) =>
    Math.max(column.title.length, ...rows.map((row) => row[index]?.text.length ?? 0)),
  );
  let shown = columns
    .map((_, index) => index)
    .filter(
      (index) => columns[index]?.rank === null || rows.some((row) => (row[index]?.text ?? "-") !== "-"),
    );
  let widths = natural;
  const total = (): number =>
    shown.reduce((sum, index) => sum + (widths[index] ?? 0), 0) + GAP.length * (shown.length - 1);
  if (width !== null) {
    for (;;) {
      widths = fit(columns, natural, shown, width);
      if (total() <= width) break;
      const ranks = shown.map((index) => columns[index]?.rank ?? Infinity);
      const least = Math.min(...ranks);
      if (least === Infinity) break;
      shown = shown.filter((index) => columns[index]?.rank !== least);
    }
  }
  const line = (cells: readonly Cell[]): string =>
    shown
      .map((index, position) => {
        const size = widths[index] ?? 0;
        const cell = cells[index] ?? { text: "-" };
        const text = cell.text.length > size ? `…${cell.text.slice(cell.text.length - size + 1)}` : cell.text;
        const padded =
          columns[index]?.align === "right"
            ? text.padStart(size)
            : position === shown.length - 1
              ? text
              : text.padEnd(size);
        return cell.paint === undefined ? padded : cell.paint(padded);
      })
      .join(GAP)
      .trimEnd();
  return [line(columns.map(({ title }) => ({ text: title, paint: heading }))), ...rows.map(line)];
}

/** Takes what is too much from the columns that may be shortened, the widest first. */
function fit(
  columns: readonly Column[],
  natural: readonly number[],
  shown: readonly number[],
  width: number,
): number[] {
  const widths = [...natural];
  let excess =
    shown.reduce((sum, index) => sum + (widths[index] ?? 0), 0) + GAP.length * (shown.length - 1) - width;
  while (excess > 0) {
    const [widest] = shown
      .filter((index) => {
        const shortest = columns[index]?.shortest ?? null;
        return shortest !== null && (widths[index] ?? 0) > shortest;
      })
      .sort((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0));
    if (widest === undefined) break;
    widths[widest] = (widths[widest] ?? 1) - 1;
    excess--;
  }
  return widths;
}
