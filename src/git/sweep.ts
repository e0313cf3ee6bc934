/** What killed Git processes leave in a clone: locks that block the next one, and half a pack each (FAULTS 3, 4). */
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";

/** Removes leftovers. Only for a clone that nobody else uses, while none of our own processes does. */
export async function sweepLeftovers(cloneDir: string): Promise<void> {
  for (const name of await namesIn(cloneDir)) {
    if (name.endsWith(".lock") || name === "gc.pid" || name === "packed-refs.new")
      await remove(cloneDir, name);
  }
  await sweepLocks(join(cloneDir, "refs"));
  const objects = join(cloneDir, "objects");
  for (const name of await namesIn(objects)) {
    if (/^(?:tmp_|incoming-)/.test(name)) await remove(objects, name);
    else if (/^[0-9a-f]{2}$/.test(name)) await sweepTemporary(join(objects, name));
  }
  await sweepLocks(join(objects, "info"));
  await sweepPacks(join(objects, "pack"));
}

/** Bytes of all files below a folder; files that vanish meanwhile count nothing. */
export async function folderBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await namesIn(folder, true)) {
    try {
      const facts = await stat(join(folder, name));
      if (facts.isFile()) bytes += facts.size;
    } catch (error) {
      if (!isAbsence(error)) throw error;
    }
  }
  return bytes;
}

export interface Packs {
  /** How many finished ones there are. */
  count: number;
  bytes: number;
  /** Of the largest one, in bytes. */
  largest: number;
}

/** The finished packs of a clone. */
export async function packsOf(cloneDir: string): Promise<Packs> {
  const folder = join(cloneDir, "objects", "pack");
  const packs = { count: 0, bytes: 0, largest: 0 };
  for (const name of await namesIn(folder)) {
    if (!name.endsWith(".pack")) continue;
    const { size } = await stat(join(folder, name));
    packs.count += 1;
    packs.bytes += size;
    packs.largest = Math.max(packs.largest, size);
  }
  return packs;
}

async function sweepLocks(folder: string): Promise<void> {
  for (const name of await namesIn(folder, true)) if (name.endsWith(".lock")) await remove(folder, name);
}

async function sweepTemporary(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) if (name.startsWith("tmp_")) await remove(folder, name);
}

/** A pack counts once its index is there, which Git writes last; a `.keep` would hold it back from every clean-up. */
async function sweepPacks(folder: string): Promise<void> {
  const names = new Set(await namesIn(folder));
  for (const name of names) {
    const [, stem = "", kind = ""] = /^(pack-[0-9a-f]+)\.([a-z]+)$/.exec(name) ?? [];
    const whole = names.has(`${stem}.pack`) && names.has(`${stem}.idx`);
    if (/^\.?tmp[_-]/.test(name) || name.endsWith(".lock")) await remove(folder, name);
    else if (stem !== "" && (!whole || kind === "keep")) await remove(folder, name);
  }
}

async function namesIn(folder: string, recursive = false): Promise<string[]> {
  try {
    return await readdir(folder, { recursive });
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}

async function remove(folder: string, name: string): Promise<void> {
  await rm(join(folder, name), { recursive: true, force: true });
}

function isAbsence(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}
