import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { z } from "zod";
import { runtimeFlags } from "../../../tools/package/executable.ts";
import type { Measurement } from "../measurement.ts";
import { median, shownMs } from "../statistics.ts";

const COUNTS = [100, 1000, 10_000];
const ROUNDS = 5;

const timesShape = z.object({ parse: z.number(), plan: z.number(), again: z.number() });

export const measurement: Measurement = {
  title: "Parsing and planning",
  method: `A repository of so many Deployment manifests, one file each, read by a process that has just started, with the flags of the executable: all parsed and
checked, reduced to what the node should run, and the whole way there planned, with nothing running yet. *One file
changed* is the next commit, from the parsed file to the plan: only changed files are parsed again. Median of ${String(ROUNDS)} processes.
The aim is 10,000 manifests in a second, and linear.`,
  run({ say }) {
    const rows = COUNTS.map((count) => {
      const runs = Array.from({ length: ROUNDS }, () => once(count));
      const [parse, plan, again] = [
        median(runs.map((times) => times.parse)),
        median(runs.map((times) => times.plan)),
        median(runs.map((times) => times.again)),
      ];
      const row = [
        count.toLocaleString("en"),
        shownMs(parse),
        shownMs(plan),
        shownMs(parse + plan),
        `${(((parse + plan) / count) * 1000).toFixed(0)} µs`,
        shownMs(again),
      ];
      say(row.join(", "));
      return row;
    });
    return Promise.resolve({
      head: ["manifests", "parse and check", "plan", "together", "each", "one file changed"],
      rows,
    });
  },
};

function once(count: number): z.output<typeof timesShape> {
  const script = join(import.meta.dirname, "..", "plan-once.ts");
  const output = execFileSync(process.execPath, [...runtimeFlags, script, String(count)], {
    encoding: "utf8",
  });
  return timesShape.parse(JSON.parse(output));
}
