/** An executable that runs, knows its version, and is no agent: what a failed upgrade is made of. */
import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { includeLibatomic } from "../../tools/package/libatomic.ts";
import { findRuntime } from "../../tools/package/runtime.ts";

/** Makes one in a folder: `orun version` answers; `orun start` says why and ends with 1, or lives on and answers nothing. */
export function makeImpostor(folder: string, start: "crashes" | "hangs"): string {
  const root = join(import.meta.dirname, "..", "..");
  const then =
    start === "crashes" ? 'console.error("boom: impostor"); process.exit(1)' : "setInterval(() => {}, 1000)";
  writeFileSync(
    join(folder, "main.cjs"),
    `if (process.argv.includes("version")) console.log("orun 99.0.0"); else { ${then} }`,
  );
  const runtime = readFileSync(findRuntime(root, process.arch === "arm64" ? "arm64" : "x64").executable);
  includeLibatomic(runtime);
  writeFileSync(join(folder, "node"), runtime, { mode: 0o755 });
  const configuration = {
    main: "main.cjs",
    executable: "node",
    output: "impostor",
    disableExperimentalSEAWarning: true,
  };
  writeFileSync(join(folder, "sea.json"), JSON.stringify(configuration));
  execFileSync(process.execPath, ["--build-sea", "sea.json"], { cwd: folder, stdio: "ignore" });
  chmodSync(join(folder, "impostor"), 0o755);
  return join(folder, "impostor");
}
