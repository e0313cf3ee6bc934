/** Just enough of ELF64, little endian, to edit an executable's dynamic section in place (elf(5)). */

export interface Segment {
  /** Where its program header is in the file. */
  header: number;
  executable: boolean;
  offset: number;
  address: bigint;
  fileSize: number;
}

export interface DynamicEntry {
  /** Where it is in the file: 8 bytes tag, 8 bytes value. */
  at: number;
  tag: bigint;
  value: bigint;
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const EXECUTABLE = 1;

/** The machine it is for, as e_machine has it: 62 x86-64, 183 AArch64. */
export function machineOf(elf: Buffer): number {
  if (elf.toString("latin1", 0, 4) !== "\u007fELF" || elf[4] !== 2 || elf[5] !== 1)
    throw new Error("expected a 64-bit little-endian ELF file");
  return elf.readUInt16LE(18);
}

function programHeaders(elf: Buffer): { type: number; segment: Segment }[] {
  const start = Number(elf.readBigUInt64LE(32));
  const size = elf.readUInt16LE(54);
  return Array.from({ length: elf.readUInt16LE(56) }, (_, index) => {
    const header = start + index * size;
    return {
      type: elf.readUInt32LE(header),
      segment: {
        header,
        executable: (elf.readUInt32LE(header + 4) & EXECUTABLE) !== 0,
        offset: Number(elf.readBigUInt64LE(header + 8)),
        address: elf.readBigUInt64LE(header + 16),
        fileSize: Number(elf.readBigUInt64LE(header + 32)),
      },
    };
  });
}

/** What is loaded into memory, in the file's order. */
export function loadedSegments(elf: Buffer): Segment[] {
  return programHeaders(elf)
    .filter(({ type }) => type === PT_LOAD)
    .map(({ segment }) => segment);
}

/** Makes a segment longer, in the file and in memory. */
export function setSegmentSize(elf: Buffer, segment: Segment, size: number): void {
  elf.writeBigUInt64LE(BigInt(size), segment.header + 32);
  elf.writeBigUInt64LE(BigInt(size), segment.header + 40);
}

/** Where in the file the byte of a virtual address is. */
export function fileOffset(elf: Buffer, address: bigint): number {
  for (const segment of loadedSegments(elf)) {
    const within = address - segment.address;
    if (within >= 0n && within < BigInt(segment.fileSize)) return segment.offset + Number(within);
  }
  throw new Error(`no segment holds address 0x${address.toString(16)}`);
}

/** The dynamic section up to its end mark, which is left out. */
export function dynamicEntries(elf: Buffer): DynamicEntry[] {
  const found = programHeaders(elf).find(({ type }) => type === PT_DYNAMIC);
  if (found === undefined) throw new Error("it has no dynamic section");
  const entries: DynamicEntry[] = [];
  for (let at = found.segment.offset; elf.readBigUInt64LE(at) !== 0n; at += 16)
    entries.push({ at, tag: elf.readBigUInt64LE(at), value: elf.readBigUInt64LE(at + 8) });
  return entries;
}

/** The one dynamic entry with this tag. */
export function dynamicEntry(elf: Buffer, tag: bigint): DynamicEntry {
  const entry = dynamicEntries(elf).find((candidate) => candidate.tag === tag);
  if (entry === undefined) throw new Error(`its dynamic section has no entry ${tag}`);
  return entry;
}

/** Takes an entry out; what follows moves up. */
export function removeDynamicEntry(elf: Buffer, entry: DynamicEntry): void {
  const last = dynamicEntries(elf).at(-1);
  if (last === undefined) return;
  elf.copyWithin(entry.at, entry.at + 16, last.at + 16);
  elf.fill(0, last.at, last.at + 16);
}

/** The NUL-terminated text at a place in the file. */
export function textAt(elf: Buffer, at: number): string {
  return elf.toString("latin1", at, elf.indexOf(0, at));
}

/** Cuts off the section headers and what only they name (debugging information): a loader reads neither. */
export function stripSections(elf: Buffer): Buffer {
  const end = Math.max(...loadedSegments(elf).map(({ offset, fileSize }) => offset + fileSize));
  const stripped = Buffer.from(elf.subarray(0, end));
  stripped.writeBigUInt64LE(0n, 40);
  stripped.writeUInt16LE(0, 60);
  stripped.writeUInt16LE(0, 62);
  return stripped;
}
