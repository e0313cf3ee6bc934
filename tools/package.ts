/**
 * Makes what users download: `dist/orun-linux-x64` and `dist/orun-linux-arm64`, an archive of each, and SHA256SUMS.
 * `--arch x64` makes one only. `--cached VERSION` makes this machine's executable for tests, and prints where it is.
 */
import { mkdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makeArchive, writeChecksums } from "./package/archive.ts";
import { describeBuild } from "./package/build.ts";
import { cachedExecutable } from "./package/cached.ts";
import { makeExecutable } from "./package/executable.ts";
import { architectures, findRuntime } from "./package/runtime.ts";

const root = join(import.meta.dirname, "..");
const { values } = parseArgs({
  options: { arch: { type: "string", multiple: true }, cached: { type: "string" } },
});
const asked = values.arch ?? architectures;
const wanted = architectures.filter((known) => asked.includes(known));

if (values.cached !== undefined) console.log(await cachedExecutable(root, values.cached));
else if (wanted.length < asked.length) {
  console.error(`package: --arch: expected ${architectures.join(" or ")}, not '${asked.join(" ")}'`);
  process.exitCode = 1;
} else await publish();

async function publish(): Promise<void> {
  const dist = join(root, "dist");
  const about = describeBuild(root);
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist);
  const made: string[] = [];
  for (const architecture of wanted) {
    const executable = join(dist, `orun-linux-${architecture}`);
    await makeExecutable(root, architecture, executable, about);
    const licenses = { orun: join(root, "LICENSE"), runtime: findRuntime(root, architecture).license };
    const archive = makeArchive(executable, licenses, about.epoch);
    for (const path of [executable, archive]) console.log(`${path}  ${megabytes(path)} MB`);
    made.push(executable, archive);
  }
  writeChecksums(join(dist, "SHA256SUMS"), made);
  console.log(`orun ${about.version}, commit ${about.commit}, ${about.date}`);
}

function megabytes(path: string): string {
  return (statSync(path).size / 1e6).toFixed(1);
}
