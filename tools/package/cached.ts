/** An executable for tests: made once for the same sources, whatever the commit. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { arch } from "node:process";
import { join } from "node:path";
import { makeExecutable } from "./executable.ts";
import { architectures } from "./runtime.ts";

const HOUR = 3_600_000;

/** Answers the path of this machine's executable, below `.cache`. The caller holds a lock: two at once would both build. */
export async function cachedExecutable(root: string, version: string): Promise<string> {
  const architecture = architectures.find((known) => known === arch);
  if (architecture === undefined) throw new Error(`there is no runtime for this machine (${arch})`);
  const cache = join(root, ".cache", "executable");
  const key = keyOf(root);
  const output = join(cache, key, `orun-${version}`);
  if (existsSync(output)) return output;
  mkdirSync(join(cache, key), { recursive: true });
  for (const other of readdirSync(cache)) {
    const old = join(cache, other);
    if (other !== key && Date.now() - statSync(old).mtimeMs > HOUR)
      rmSync(old, { recursive: true, force: true });
  }
  await makeExecutable(root, architecture, output, {
    version,
    commit: `test-${key}`,
    date: "1970-01-01T00:00:00Z",
  });
  return output;
}

/** A hash of everything that the executable is made of. */
function keyOf(root: string): string {
  const hash = createHash("sha256");
  const files = ["src", join("tools", "package")].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
  );
  for (const name of [...files, "package.json", "package-lock.json"].sort()) {
    const path = join(root, name);
    if (statSync(path).isFile()) hash.update(`${name}\0`).update(readFileSync(path)).update("\0");
  }
  return hash.digest("hex").slice(0, 16);
}
