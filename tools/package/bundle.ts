/** All of orun and its libraries in one file of JavaScript. */
import { join } from "node:path";
import { build } from "esbuild";
import type { Build } from "./build.ts";

/** Writes the bundle to `file`. It depends on nothing but the sources, the lock file and `about`. */
export async function bundle(
  root: string,
  file: string,
  about: Pick<Build, "version" | "commit" | "date">,
): Promise<void> {
  const { version, commit, date } = about;
  await build({
    absWorkingDir: root,
    entryPoints: [join("src", "cli", "main.ts")],
    outfile: file,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node26",
    define: { ORUN_BUILD: JSON.stringify({ version, commit, date }) },
    // Some libraries are CommonJS and ask for Node's own modules by require.
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire("file:///orun");',
    },
    legalComments: "inline",
    logLevel: "warning",
  });
}
