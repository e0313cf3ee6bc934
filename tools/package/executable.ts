/** One executable of bundle and runtime. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Build } from "./build.ts";
import { bundle } from "./bundle.ts";
import { stripSections } from "./elf.ts";
import { includeLibatomic } from "./libatomic.ts";
import { type Architecture, findRuntime } from "./runtime.ts";

/**
 * An agent idles for months, so memory counts more than speed: small young generations, an eager collector, one thread for the
 * engine's own work, and machine code only for what is really hot. It halves the memory of an idle agent (docs/benchmarks.md) and
 * makes parsing a third slower. bin/orun has the same.
 */
export const runtimeFlags = [
  "--max-semi-space-size=1",
  "--optimize-for-size",
  "--v8-pool-size=1",
  "--no-sparkplug",
  "--no-maglev",
  "--disable-warning=ExperimentalWarning",
];

/**
 * Makes `output`, an executable that needs nothing beside it but glibc 2.28 and libstdc++ (apt itself needs both). The same
 * sources, lock file and `about` give the same bytes, whatever folder they are built in.
 */
export async function makeExecutable(
  root: string,
  architecture: Architecture,
  output: string,
  about: Pick<Build, "version" | "commit" | "date">,
): Promise<void> {
  const folder = mkdtempSync(join(dirname(output), `.${basename(output)}-`));
  try {
    await bundle(root, join(folder, "orun.mjs"), about);
    const runtime = stripSections(readFileSync(findRuntime(root, architecture).executable));
    includeLibatomic(runtime);
    writeFileSync(join(folder, "node"), runtime, { mode: 0o755 });
    const configuration = {
      // Relative: these paths are kept in the executable.
      main: "orun.mjs",
      mainFormat: "module",
      executable: "node",
      output: "orun",
      disableExperimentalSEAWarning: true,
      // Both depend on the machine that makes them, and neither works for another architecture.
      useSnapshot: false,
      useCodeCache: false,
      execArgv: runtimeFlags,
      // NODE_OPTIONS of whoever starts it is not for us.
      execArgvExtension: "none",
    };
    writeFileSync(join(folder, "sea.json"), JSON.stringify(configuration));
    execFileSync(process.execPath, ["--build-sea", "sea.json"], {
      cwd: folder,
      stdio: ["ignore", "ignore", "inherit"],
    });
    chmodSync(join(folder, "orun"), 0o755);
    renameSync(join(folder, "orun"), output);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
