import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { LOCK_FOLDER } from "./lock.ts";

const holderShape = z.object({
  node: z.string(),
  environment: z.string(),
  pid: z.int().positive(),
  statusPort: z.number().nullable().default(null),
});

/** An agent that runs on this host, with its status port. */
export interface LocalAgent {
  node: string;
  environment: string;
  statusPort: number;
}

/** The agents that run on this host and answer, by their locks; empty when those may not be read (they are root's). */
export function localAgents(folder: string = LOCK_FOLDER): LocalAgent[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const holder = name.endsWith(".lock") ? readHolder(join(folder, name)) : null;
    if (holder === null || holder.statusPort === null || !isAlive(holder.pid)) return [];
    return [{ node: holder.node, environment: holder.environment, statusPort: holder.statusPort }];
  });
}

function readHolder(path: string): z.output<typeof holderShape> | null {
  try {
    return holderShape.safeParse(JSON.parse(readFileSync(path, "utf8"))).data ?? null;
  } catch {
    // Written at this moment, or removed.
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
