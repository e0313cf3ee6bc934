/** The executable that is put on a host. */
import { createHash } from "node:crypto";
import { closeSync, createReadStream, existsSync, openSync, readSync } from "node:fs";
import { dirname, join } from "node:path";
import { isSea } from "node:sea";
import { pipeline } from "node:stream/promises";
import type { Executable } from "./wanted.ts";

/** e_machine of the ELF header. */
const machines = new Map<number, "x64" | "arm64">([
  [0x3e, "x64"],
  [0xb7, "arm64"],
]);

/**
 * Where the executable for an architecture is: this very program when it is one and fits, else a downloaded one beside it,
 * else what `npm run package` made. `root`: the folder of the sources, when run from them.
 * @throws {Error} that says where to get it.
 */
export function findExecutable(architecture: "x64" | "arm64", root: string | null): string {
  const name = `orun-linux-${architecture}`;
  const itself = isSea() && process.platform === "linux" && process.arch === architecture;
  const places = [
    ...(itself ? [process.execPath] : []),
    ...(isSea() ? [join(dirname(process.execPath), name)] : []),
    ...(root === null ? [] : [join(root, "dist", name)]),
  ];
  const found = places.find((place) => existsSync(place));
  if (found !== undefined) return found;
  throw new Error(
    `there is no executable of orun for the host's architecture, ${architecture}: download ${name} of this version (or make it from the sources with 'npm run package') and name it with --executable FILE`,
  );
}

/**
 * Reads what has to be known about an executable.
 * @throws {Error} when the file is none for Linux on x64 or arm64.
 */
export async function inspectExecutable(path: string): Promise<Executable> {
  const header = Buffer.alloc(20);
  const file = openSync(path, "r");
  try {
    readSync(file, header, 0, header.length, 0);
  } finally {
    closeSync(file);
  }
  const architecture = machines.get(header.readUInt16LE(18));
  if (header.toString("latin1", 0, 4) !== "\u007fELF" || architecture === undefined)
    throw new Error(`${path} is no Linux executable for x64 or arm64`);
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return { path, sha256: hash.digest("hex"), architecture };
}
