/** The packaged executable, as users get it. */
import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "..", "..");

/**
 * Path of orun as one executable, made of the sources as they are now. It is made once (about 8 s) and kept below `.cache`;
 * test files that ask at the same time wait for one another. Another `version` gives another executable, to upgrade to.
 */
export async function packagedExecutable(version = "0.0.0-test"): Promise<string> {
  const cache = join(root, ".cache");
  mkdirSync(cache, { recursive: true });
  const script = join(root, "tools", "package.ts");
  const { stdout } = await promisify(execFile)("flock", [
    join(cache, "executable.lock"),
    process.execPath,
    script,
    "--cached",
    version,
  ]);
  return stdout.trim();
}
