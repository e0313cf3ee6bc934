/** What a stream's reader can show. */
export interface Terminal {
  /** Columns and rows; null: not a terminal, so nothing is shortened. */
  size: { columns: number; rows: number } | null;
  colours: boolean;
}

type Colour = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";
/** Puts a text in colour, or leaves it as it is. */
export type Paint = (colour: Colour, text: string) => string;

const CODES: Record<Colour, string> = {
  bold: "1",
  dim: "2",
  red: "31",
  green: "32",
  yellow: "33",
  cyan: "36",
};

/** Colours on a terminal only, never on a dumb one nor when `NO_COLOR` is set to anything (no-color.org). */
export function terminalOf(
  stream: { isTTY?: boolean; columns?: number; rows?: number },
  environment: NodeJS.ProcessEnv = process.env,
): Terminal {
  if (stream.isTTY !== true) return { size: null, colours: false };
  const noColour = (environment["NO_COLOR"] ?? "") !== "" || environment["TERM"] === "dumb";
  // A terminal that does not know its size says 0.
  const { columns = 0, rows = 0 } = stream;
  return { size: columns > 0 && rows > 0 ? { columns, rows } : null, colours: !noColour };
}

/** How texts are coloured there. */
export function paintFor(terminal: Terminal): Paint {
  return terminal.colours
    ? (colour, text) => `\u001b[${CODES[colour]}m${text}\u001b[0m`
    : (_colour, text) => text;
}
