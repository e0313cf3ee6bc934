import type { LogLine } from "../../agent/ports.ts";
import { escapeControl } from "../../manifest/text.ts";
import { asJson } from "../status/watch.ts";
import { terminalOf } from "../terminal.ts";
import { safeLogLine } from "./safe-line.ts";

/** Shows the lines of containers' logs. */
export interface Printer {
  /** Containers whose lines are to come. */
  expect(containers: readonly { name: string }[]): void;
  line(container: { name: string }, line: LogLine): void;
}

/**
 * Writes lines to where the container wrote them, with its name as soon as there is more than one; with `json` every line as an
 * object to standard output.
 */
export function createPrinter(json: boolean): Printer {
  const names = new Set<string>();
  return {
    expect(containers) {
      for (const { name } of containers) names.add(name);
    },
    line({ name }, line) {
      if (json) {
        const time = line.time === 0 ? null : new Date(line.time).toISOString();
        process.stdout.write(asJson({ container: name, stream: line.stream, time, text: line.text }));
        return;
      }
      names.add(name);
      const output = line.stream === "stdout" ? process.stdout : process.stderr;
      const text = safeLogLine(line.text, terminalOf(output).colours);
      output.write(`${names.size > 1 ? `${escapeControl(name)} | ` : ""}${text}\n`);
    },
  };
}
