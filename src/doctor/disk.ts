import { existsSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { fail, type Finding, ok, warn } from "./finding.ts";

const MiB = 1024 * 1024;
/** Below this the agent's own state and the next image are in danger. */
const LITTLE = 256 * MiB;
const LOW = 2048 * MiB;

/** Room and inodes on the file systems of these folders; each file system once. `purpose` says what a folder is for. */
export function checkDisk(folders: readonly { path: string; purpose: string }[]): Finding[] {
  const seen = new Set<string>();
  const findings: Finding[] = [];
  for (const { path, purpose } of folders) {
    const present = nearestPresent(path);
    const { bavail, bsize, blocks, files, ffree, type } = statfsSync(present);
    // statfs has no id of the file system; these together are as good as one.
    const key = [type, bsize, blocks, files].join();
    if (seen.has(key)) continue;
    seen.add(key);
    findings.push(
      judgeDisk(`${path} (${purpose})`, { free: bavail * bsize, size: blocks * bsize, files, ffree }),
    );
  }
  return findings;
}

function judgeDisk(
  what: string,
  { free, size, files, ffree }: { free: number; size: number; files: number; ffree: number },
): Finding {
  const amounts = `${gigabytes(free)} of ${gigabytes(size)} free`;
  const advice =
    "Make room: 'docker system df' shows what images take, and orun removes only images that it pulled itself.";
  // Some file systems have no fixed number of inodes, and say 0.
  if (files > 0 && ffree / files < 0.01)
    return fail(
      "disk",
      `${what}: ${ffree} of ${files} inodes are left`,
      "Remove files: new ones cannot be made soon.",
    );
  if (free < LITTLE) return fail("disk", `${what}: ${amounts}`, advice);
  if (free < LOW) return warn("disk", `${what}: ${amounts}`, advice);
  return ok("disk", `${what}: ${amounts}`);
}

function nearestPresent(path: string): string {
  let present = path;
  while (!existsSync(present) && dirname(present) !== present) present = dirname(present);
  return present;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1024 / MiB).toFixed(1)} GiB`;
}
