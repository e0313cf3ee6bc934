/** `npm run bench [-- NAME…]`: measures, all or what is named, and writes the results to docs/benchmarks.md. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { openSandbox } from "../testbed/sandbox.ts";
import { describeMachine } from "./machine.ts";
import { isMeasurement, type Measurement, type Table } from "./measurement.ts";
import { renderSection, replaceSection } from "./report.ts";

const folder = join(import.meta.dirname, "measurements");
const page = join(import.meta.dirname, "..", "..", "docs", "benchmarks.md");

const known = readdirSync(folder)
  .map((name) => basename(name, ".ts"))
  .sort();
const asked = process.argv.slice(2);
const unknown = asked.find((name) => !known.includes(name));
if (unknown === undefined) for (const name of asked.length > 0 ? asked : known) await measure(name);
else {
  console.error(`bench: there is no measurement '${unknown}'; there are: ${known.join(", ")}`);
  process.exitCode = 1;
}

/** One that fails is reported and does not keep the others from being measured. */
async function measure(name: string): Promise<void> {
  const begun = performance.now();
  const say = (text: string): void => console.log(`[${name} ${seconds(begun)}] ${text}`);
  try {
    const loaded: unknown = await import(join(folder, `${name}.ts`));
    const measurement =
      typeof loaded === "object" && loaded !== null && "measurement" in loaded ? loaded.measurement : null;
    if (!isMeasurement(measurement)) throw new Error(`measurements/${name}.ts exports no 'measurement'`);
    say(measurement.title);
    const machine = describeMachine(new Date());
    const table = await inSandbox(measurement, say);
    const text = `${renderSection(measurement, table)}\n\n${machine}`;
    writeFileSync(page, replaceSection(readFileSync(page, "utf8"), name, text));
    console.log(`${[table.head, ...table.rows].map((cells) => cells.join("  |  ")).join("\n")}\n`);
  } catch (error) {
    console.error(`bench: ${name} failed:`, error);
    process.exitCode = 1;
  }
}

async function inSandbox(measurement: Measurement, say: (text: string) => void): Promise<Table> {
  let dispose = (): Promise<void> => Promise.resolve();
  const sandbox = openSandbox({
    after: (disposeAll) => {
      dispose = disposeAll;
    },
  });
  try {
    return await measurement.run({ sandbox, say });
  } finally {
    await dispose();
  }
}

function seconds(begun: number): string {
  return `${((performance.now() - begun) / 1000).toFixed(0).padStart(3)} s`;
}
