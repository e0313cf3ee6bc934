import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where the agents of one host look for the folder of their engine's ingress. */
interface Places {
  /** Emptied by a reboot. */
  runFolder: string;
  engineId: string;
  /** The folder that the container says it lives from; null: there is no container. */
  present: string | null;
  /** Below this agent's own data folder. */
  own: string;
}

/**
 * The folder that the ingress of an engine lives from. The agents of several environments have data folders of their own and
 * must agree on one: a pointer in the run folder names it, else the container does that is there already, else it is the
 * folder of who comes first. One that has been deleted counts no more. Changes nothing; null: there is none yet.
 */
export function findPlace(places: Places): string | null {
  const named = readText(pointerOf(places));
  return [named, places.present, places.own].find((path) => path !== null && isFolder(path)) ?? null;
}

/** {@link findPlace}, and makes it known to the agents that come later. */
export function choosePlace(places: Places): string {
  mkdirSync(places.runFolder, { recursive: true, mode: 0o700 });
  const pointer = pointerOf(places);
  const named = readText(pointer);
  const chosen = findPlace(places) ?? places.own;
  if (chosen === named) return chosen;
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

function pointerOf({ runFolder, engineId }: Places): string {
  return join(runFolder, `${engineId.replace(/[^A-Za-z0-9_-]/g, "_")}.ingress`);
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
