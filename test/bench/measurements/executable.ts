import { spawnSync } from "node:child_process";
import { copyFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { makeArchive } from "../../../tools/package/archive.ts";
import { packagedExecutable } from "../../testbed/executable.ts";
import type { Measurement } from "../measurement.ts";
import { median } from "../statistics.ts";

const root = join(import.meta.dirname, "..", "..", "..");
const RUNS = 15;

export const measurement: Measurement = {
  title: "The executable: size, and time to start",
  method: `The whole run of a command, from the start of the process to its end, median of ${String(RUNS)} after one that is not counted. The
floor is the runtime itself with an empty program. Sizes in MB (10^6 bytes); the archive is what is downloaded.`,
  async run({ sandbox, say }) {
    const executable = await packagedExecutable();
    const copy = join(sandbox.folder(), "orun-linux");
    copyFileSync(executable, copy);
    const license = join(root, "LICENSE");
    const archive = makeArchive(copy, { orun: license, runtime: license }, 0);
    const sizes = `${megabytes(executable)} (${megabytes(archive)} as .tar.xz)`;
    const repository = join(root, "examples", "quickstart");
    const programs: [string, string, string[]][] = [
      ["runtime alone", process.execPath, ["-e", "0"]],
      ["orun version, executable", executable, ["version"]],
      ["orun version, from source", join(root, "bin", "orun"), ["version"]],
      ["orun validate, executable", executable, ["validate", repository]],
      ["orun validate, from source", join(root, "bin", "orun"), ["validate", repository]],
    ];
    const rows = programs.map(([name, program, args]) => {
      const row = [name, `${time(program, args).toFixed(0)} ms`, program === executable ? sizes : ""];
      say(row.join(", "));
      return row;
    });
    return { head: ["what", "time", "size, MB"], rows };
  },
};

function time(program: string, args: readonly string[]): number {
  const times = Array.from({ length: RUNS + 1 }, () => {
    const begun = performance.now();
    const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`${program} failed: ${stderr}`);
    return performance.now() - begun;
  });
  return median(times.slice(1));
}

function megabytes(path: string): string {
  return (statSync(path).size / 1e6).toFixed(0);
}
