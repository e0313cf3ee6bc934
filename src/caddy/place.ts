import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The folder that the ingress of an engine lives from. The agents of several environments have data folders of their own and
 * must agree on one: a pointer in `runFolder` (gone with a reboot) names it, else the container does that is there already,
 * else it is the folder of who comes first. One that has been deleted counts no more.
 */
export function choosePlace(
  runFolder: string,
  engineId: string,
  present: string | null,
  own: string,
): string {
  mkdirSync(runFolder, { recursive: true, mode: 0o700 });
  const pointer = join(runFolder, `${engineId.replace(/[^A-Za-z0-9_-]/g, "_")}.ingress`);
  const named = readText(pointer);
  if (named !== null && isFolder(named)) return named;
  const chosen = present !== null && isFolder(present) ? present : own;
  mkdirSync(chosen, { recursive: true, mode: 0o700 });
  const draft = `${pointer}.${String(process.pid)}`;
  writeFileSync(draft, chosen, { mode: 0o600 });
  if (named !== null) {
    renameSync(draft, pointer);
    return chosen;
  }
  try {
    linkSync(draft, pointer);
    return chosen;
  } catch (error) {
    // Another agent was faster.
    const winner = readText(pointer);
    if (winner === null) throw error;
    return winner;
  } finally {
    rmSync(draft, { force: true });
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
