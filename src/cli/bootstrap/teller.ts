import type { Teller } from "../../bootstrap/teller.ts";
import { paintFor, terminalOf } from "../terminal.ts";

/** Tells a run on standard output, a line for each step with its time; asks on the terminal. */
export function createTeller(mayAsk: boolean): Teller {
  const paint = paintFor(terminalOf(process.stdout));
  let begun = 0;
  return {
    begin(what) {
      begun = performance.now();
      process.stdout.write(`${what} … `);
    },
    end(note) {
      const seconds = (performance.now() - begun) / 1000;
      const time = seconds < 0.95 ? "" : ` ${paint("dim", `(${seconds.toFixed(seconds < 10 ? 1 : 0)} s)`)}`;
      process.stdout.write(`${paint("green", note)}${time}\n`);
    },
    say(text) {
      process.stdout.write(`${text}\n`);
    },
    ask: mayAsk
      ? async (question) => {
          const { confirm } = await import("@clack/prompts");
          return (await confirm({ message: question })) === true;
        }
      : null,
  };
}
