/** What an executable says about itself. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

export interface Build {
  version: string;
  /** The full id; `-modified` is added when the checkout differs from it. */
  commit: string;
  /** ISO 8601, UTC: of the commit, not of the clock, so that the same commit gives the same bytes. */
  date: string;
  /** The same in seconds, for the archive. */
  epoch: number;
}

const manifest = z.object({
  version: z.string(),
  optionalDependencies: z.record(z.string(), z.string()),
});

/** The parts of package.json that packaging needs. */
export function readManifest(root: string): z.output<typeof manifest> {
  return manifest.parse(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));
}

/** Reads it from package.json and Git. SOURCE_DATE_EPOCH (reproducible-builds.org) overrides the commit's date. */
export function describeBuild(root: string): Build {
  const git = (...args: string[]): string =>
    execFileSync("git", ["-C", root, ...args], { encoding: "utf8" }).trim();
  const commit = git("rev-parse", "HEAD");
  const modified = git("status", "--porcelain") !== "";
  const epoch = Number(process.env["SOURCE_DATE_EPOCH"] ?? git("log", "-1", "--format=%ct"));
  if (!Number.isSafeInteger(epoch) || epoch < 0)
    throw new Error("SOURCE_DATE_EPOCH: expected a whole number of seconds since 1970");
  return {
    version: readManifest(root).version,
    commit: modified ? `${commit}-modified` : commit,
    date: `${new Date(epoch * 1000).toISOString().slice(0, 19)}Z`,
    epoch,
  };
}
