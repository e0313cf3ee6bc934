/** What a benchmark is made of. One file in `measurements/` is one measurement; its file name is its name. */
import type { Sandbox } from "../testbed/sandbox.ts";

export interface Measurement {
  /** Heading of its section in docs/benchmarks.md. */
  title: string;
  /** What is measured and how, for readers of the table: one paragraph of Markdown. */
  method: string;
  /** Measures. What it starts, it starts from the sandbox, which ends it. Throws when something does not work. */
  run(bench: Bench): Promise<Table>;
}

export interface Bench {
  sandbox: Sandbox;
  /** Tells whoever waits what is going on. */
  say: (text: string) => void;
}

/** Cells are Markdown. Numbers carry their unit in the heading or in the cell. */
export interface Table {
  head: string[];
  rows: string[][];
}

/** Whether a module's `measurement` export is one. */
export function isMeasurement(value: unknown): value is Measurement {
  return (
    typeof value === "object" &&
    value !== null &&
    "title" in value &&
    typeof value.title === "string" &&
    "method" in value &&
    typeof value.method === "string" &&
    "run" in value &&
    typeof value.run === "function"
  );
}
