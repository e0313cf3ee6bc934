import { setTimeout as delay } from "node:timers/promises";
import { escapeControl } from "../../manifest/text.ts";
import { type Terminal, terminalOf } from "../terminal.ts";

/** Asks once for what is to be shown. */
export type View = () => Promise<{ json: unknown; text: (terminal: Terminal) => string; well: boolean }>;

const INTERVAL_MS = 1000;

/** Shows it once. Answers the exit code: 0 when all is well, 1 when not. */
export async function showOnce(view: View, json: boolean): Promise<number> {
  const seen = await view();
  process.stdout.write(json ? asJson(seen.json) : seen.text(terminalOf(process.stdout)));
  return seen.well ? 0 : 1;
}

/**
 * Shows it again and again until interrupted: on a terminal in place, elsewhere each time that it changed. An agent that does
 * not answer for a while is shown too; it may be on its way back.
 */
export async function watch(
  view: View,
  json: boolean,
  signal: AbortSignal = new AbortController().signal,
): Promise<number> {
  let before: string | null = null;
  while (!signal.aborted) {
    const terminal = terminalOf(process.stdout);
    const text = await view().then(
      (seen) => (json ? asJson(seen.json) : seen.text(terminal)),
      (error: unknown) => {
        const message = escapeControl(error instanceof Error ? error.message : String(error));
        return json ? asJson({ error: message }) : `${message}\n`;
      },
    );
    if (terminal.size !== null && !json) process.stdout.write(repaint(text, terminal.size));
    else if (text !== before) process.stdout.write(text);
    before = text;
    await delay(INTERVAL_MS, undefined, { signal }).catch(() => undefined);
  }
  return 0;
}

/** One line of JSON. The characters that could steer a terminal are escapes in it, which mean the same. */
export function asJson(value: unknown): string {
  return `${escapeControl(JSON.stringify(value))}\n`;
}

/** Draws over what is there, without clearing it first, which flickers; what does not fit is counted. */
export function repaint(text: string, size: { columns: number; rows: number }): string {
  const lines = text.trimEnd().split("\n");
  const room = size.rows - 1;
  let used = 0;
  let fitting = 0;
  for (const line of lines) {
    // Colours take no room.
    used += Math.max(1, Math.ceil(line.replace(/\u001b\[\d+m/g, "").length / size.columns));
    if (used > room) break;
    fitting++;
  }
  const shown =
    fitting === lines.length
      ? lines
      : [
          ...lines.slice(0, fitting - 1),
          `… ${String(lines.length - fitting + 1)} more lines: make the terminal higher`,
        ];
  return `\u001b[H${shown.map((line) => `${line}\u001b[K`).join("\n")}\n\u001b[J`;
}
