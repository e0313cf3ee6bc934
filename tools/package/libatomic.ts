/**
 * Node.js's own builds since 25 ask for libatomic.so.1, which a plain Debian or Ubuntu server does not have, for a single function
 * of it: `__atomic_compare_exchange`. To be self-contained the executable gets that function inside itself.
 */
import {
  dynamicEntries,
  dynamicEntry,
  fileOffset,
  loadedSegments,
  machineOf,
  removeDynamicEntry,
  setSegmentSize,
  textAt,
} from "./elf.ts";

const LIBRARY = "libatomic.so.1";
const SYMBOL = "__atomic_compare_exchange";

const DT_NEEDED = 1n;
const DT_STRTAB = 5n;
const DT_SYMTAB = 6n;
const DT_PLTRELSZ = 2n;
const DT_JMPREL = 23n;
const DT_VERSYM = 0x6ffffff0n;
const DT_VERNEED = 0x6ffffffen;
const DT_VERNEEDNUM = 0x6fffffffn;
const WEAK = 2;
const SYMBOL_SIZE = 24;
const RELOCATION_SIZE = 24;

interface Machine {
  /**
   * `bool __atomic_compare_exchange(size_t size, void *object, void *expected, void *desired, int, int)` for a size of 8, always
   * sequentially consistent; any other size traps. Position independent.
   */
  code: Buffer;
  /** Where in the file the stubs are that jump to the address stored at `slot`. */
  stubs(elf: Buffer, segment: { offset: number; address: bigint; fileSize: number }, slot: bigint): number[];
  /** A jump over `distance` bytes. */
  jump(distance: number): Buffer;
}

const x64: Machine = {
  code: Buffer.from(
    [
      "4883ff08", // cmp $8,%rdi
      "7512", // jne the trap
      "488b02", // mov (%rdx),%rax
      "488b09", // mov (%rcx),%rcx
      "f0480fb10e", // lock cmpxchg %rcx,(%rsi)
      "488902", // mov %rax,(%rdx)
      "0f94c0", // sete %al
      "c3", // ret
      "0f0b", // ud2
    ].join(""),
    "hex",
  ),
  stubs(elf, segment, slot) {
    const found: number[] = [];
    const end = segment.offset + segment.fileSize;
    const indirectJump = Buffer.from("ff25", "hex"); // jmp *displacement(%rip)
    for (
      let at = elf.indexOf(indirectJump, segment.offset);
      at >= 0 && at + 6 <= end;
      at = elf.indexOf(indirectJump, at + 1)
    ) {
      const next = segment.address + BigInt(at + 6 - segment.offset);
      if (next + BigInt(elf.readInt32LE(at + 2)) === slot) found.push(at);
    }
    return found;
  },
  jump(distance) {
    const code = Buffer.from("e900000000", "hex");
    code.writeInt32LE(distance - code.length, 1);
    return code;
  },
};

const arm64: Machine = {
  code: words([
    0xf100201f, // cmp x0, #8
    0x540001c1, // b.ne the trap
    0xf9400044, // ldr x4, [x2]
    0xf9400065, // ldr x5, [x3]
    0xc85ffc26, // again: ldaxr x6, [x1]
    0xeb0400df, // cmp x6, x4
    0x540000a1, // b.ne different
    0xc807fc25, // stlxr w7, x5, [x1]
    0x35ffff87, // cbnz w7, again
    0x52800020, // mov w0, #1
    0xd65f03c0, // ret
    0xd5033f5f, // different: clrex
    0xf9000046, // str x6, [x2]
    0x52800000, // mov w0, #0
    0xd65f03c0, // ret
    0xd4200000, // brk #0
  ]),
  stubs(elf, segment, slot) {
    const found: number[] = [];
    // adrp x16, page of the slot; ldr x17, [x16, #offset in the page]
    const load = 0xf9400211 | (Number((slot & 0xfffn) >> 3n) << 10);
    for (let at = segment.offset; at + 8 <= segment.offset + segment.fileSize; at += 4) {
      if (elf.readUInt32LE(at + 4) !== load >>> 0) continue;
      const word = elf.readUInt32LE(at);
      if ((word & 0x9f00001f) >>> 0 !== 0x90000010) continue;
      const pages = (((word >>> 5) & 0x7ffff) << 2) | ((word >>> 29) & 3);
      const address = segment.address + BigInt(at - segment.offset);
      const page = (address & ~0xfffn) + BigInt.asIntN(21, BigInt(pages)) * 4096n;
      if (page === (slot & ~0xfffn)) found.push(at);
    }
    return found;
  },
  jump: (distance) => words([(0x14000000 | ((distance / 4) & 0x3ffffff)) >>> 0]),
};

/**
 * Edits the executable so that it no longer needs the library.
 * @throws when the executable is not built the way that this knows, rather than make one that fails later.
 */
export function includeLibatomic(elf: Buffer): void {
  const machine = new Map([
    [62, x64],
    [183, arm64],
  ]).get(machineOf(elf));
  if (machine === undefined) throw new Error("libatomic: this machine is not known here");
  const strings = fileOffset(elf, dynamicEntry(elf, DT_STRTAB).value);
  const needed = dynamicEntries(elf).find(
    ({ tag, value }) => tag === DT_NEEDED && textAt(elf, strings + Number(value)) === LIBRARY,
  );
  if (needed === undefined) return;

  const segment = loadedSegments(elf).find(({ executable }) => executable);
  if (segment === undefined) throw new Error("libatomic: it has no code");
  // The rest of the code's last page is loaded with it and unused.
  const end = segment.offset + segment.fileSize;
  const place = Math.ceil(end / 16) * 16;
  const room = elf.subarray(place, place + machine.code.length);
  if (Math.ceil(end / 4096) * 4096 < place + room.length || room.some((byte) => byte !== 0))
    throw new Error("libatomic: no room behind the code");

  const stubs = machine.stubs(elf, segment, importedBySlot(elf, strings));
  const [stub] = stubs;
  if (stub === undefined || stubs.length > 1)
    throw new Error(`libatomic: expected one stub that calls ${SYMBOL}, not ${stubs.length}`);
  machine.code.copy(elf, place);
  setSegmentSize(elf, segment, place + machine.code.length - segment.offset);
  machine.jump(place - stub).copy(elf, stub);
  dropVersions(elf, strings);
  removeDynamicEntry(elf, needed);
}

/** Makes the only import from the library one that may stay unresolved, and answers the address its stub jumps through. */
function importedBySlot(elf: Buffer, strings: number): bigint {
  const symbols = fileOffset(elf, dynamicEntry(elf, DT_SYMTAB).value);
  const versions = fileOffset(elf, dynamicEntry(elf, DT_VERSYM).value);
  const relocations = fileOffset(elf, dynamicEntry(elf, DT_JMPREL).value);
  const end = relocations + Number(dynamicEntry(elf, DT_PLTRELSZ).value);
  for (let at = relocations; at < end; at += RELOCATION_SIZE) {
    const index = Number(elf.readBigUInt64LE(at + 8) >> 32n);
    const symbol = symbols + index * SYMBOL_SIZE;
    if (textAt(elf, strings + elf.readUInt32LE(symbol)) !== SYMBOL) continue;
    elf.writeUInt8((WEAK << 4) | (elf.readUInt8(symbol + 4) & 0xf), symbol + 4);
    elf.writeUInt16LE(1, versions + index * 2); // any version
    return elf.readBigUInt64LE(at);
  }
  throw new Error(`libatomic: ${SYMBOL} is not imported`);
}

/** Takes the library out of the list of versions that have to be there. It has to ask for the one version of the one function. */
function dropVersions(elf: Buffer, strings: number): void {
  const first = dynamicEntry(elf, DT_VERNEED);
  const count = dynamicEntry(elf, DT_VERNEEDNUM);
  let before: number | null = null;
  let at = fileOffset(elf, first.value);
  for (let left = count.value; left > 0n; left--) {
    const next = elf.readUInt32LE(at + 12);
    if (textAt(elf, strings + elf.readUInt32LE(at + 4)) === LIBRARY) {
      if (elf.readUInt16LE(at + 2) !== 1 || (next === 0 && before === null))
        throw new Error(`libatomic: expected one version of ${LIBRARY} beside those of other libraries`);
      if (before === null) elf.writeBigUInt64LE(first.value + BigInt(next), first.at + 8);
      else elf.writeUInt32LE(next === 0 ? 0 : elf.readUInt32LE(before + 12) + next, before + 12);
      elf.writeBigUInt64LE(count.value - 1n, count.at + 8);
      return;
    }
    before = at;
    at += next;
  }
  throw new Error(`libatomic: no version of ${LIBRARY} is asked for`);
}

function words(values: readonly number[]): Buffer {
  const code = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) code.writeUInt32LE(value, index * 4);
  return code;
}
