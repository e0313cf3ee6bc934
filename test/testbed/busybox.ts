/** Finds the static busybox that every test image is made of. */
import { readFileSync } from "node:fs";

const PLACES = ["/bin/busybox", "/usr/bin/busybox"];
/** ELF program header that names a dynamic loader: an executable without one needs nothing beside it. */
const PT_INTERP = 3;

/** Its bytes. Throws when busybox is missing or needs shared libraries, and says which package has it. */
export function staticBusybox(): Buffer {
  for (const place of PLACES) {
    const bytes = readIfPresent(place);
    if (bytes !== null && isStatic(bytes)) return bytes;
  }
  throw new Error(`no static busybox in ${PLACES.join(" or ")}: install the Debian package busybox-static`);
}

/** ELF64, little endian: program headers begin at e_phoff, e_phnum of them, e_phentsize bytes each. */
function isStatic(elf: Buffer): boolean {
  const offset = Number(elf.readBigUInt64LE(32));
  const size = elf.readUInt16LE(54);
  const count = elf.readUInt16LE(56);
  return Array.from({ length: count }, (_, index) => elf.readUInt32LE(offset + index * size)).every(
    (type) => type !== PT_INTERP,
  );
}

function readIfPresent(file: string): Buffer | null {
  try {
    return readFileSync(file);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
