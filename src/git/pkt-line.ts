/** pkt-line framing (gitprotocol-common(5)): four hex digits of length, which count themselves, then the data. */

export type Packet = { type: "data"; data: Buffer } | { type: "flush" | "delim" | "response-end" };

/** Bytes that are no pkt-line: the other side does not speak Git. */
export class PktLineError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "PktLineError";
  }
}

export const flushPacket = "0000";
export const delimiterPacket = "0001";
const maxPacketBytes = 65520;

/**
 * One data packet. A line of text carries its own newline.
 * @throws {RangeError} when the data exceeds 65,516 bytes.
 */
export function encodePacket(data: string | Buffer): Buffer {
  const payload = typeof data === "string" ? Buffer.from(data) : data;
  const length = payload.length + 4;
  if (length > maxPacketBytes) throw new RangeError(`a pkt-line holds 65516 bytes, not ${payload.length}`);
  return Buffer.concat([Buffer.from(length.toString(16).padStart(4, "0")), payload]);
}

/** A decoder that keeps incomplete packets until the rest arrives. */
export interface PacketDecoder {
  /** @throws {PktLineError} when the bytes are no pkt-line. */
  push(chunk: Buffer): Packet[];
  /** Bytes of an incomplete packet that are waiting. */
  pendingBytes(): number;
}

/** @see PacketDecoder */
export function createPacketDecoder(): PacketDecoder {
  let rest: Buffer = Buffer.alloc(0);
  return {
    push(chunk) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const packets: Packet[] = [];
      let at = 0;
      for (;;) {
        const next = packetAt(bytes, at);
        if (next === null) break;
        packets.push(next.packet);
        at = next.end;
      }
      rest = bytes.subarray(at);
      return packets;
    },
    pendingBytes: () => rest.length,
  };
}

function packetAt(bytes: Buffer, at: number): { packet: Packet; end: number } | null {
  if (bytes.length - at < 4) return null;
  const digits = bytes.toString("latin1", at, at + 4);
  if (!/^[0-9a-fA-F]{4}$/.test(digits))
    throw new PktLineError(`expected a pkt-line length, got ${JSON.stringify(digits)}`);
  const length = Number.parseInt(digits, 16);
  switch (length) {
    case 0:
      return { packet: { type: "flush" }, end: at + 4 };
    case 1:
      return { packet: { type: "delim" }, end: at + 4 };
    case 2:
      return { packet: { type: "response-end" }, end: at + 4 };
    case 3:
      throw new PktLineError("a pkt-line of length 3 does not exist");
    default:
      if (length > maxPacketBytes) throw new PktLineError(`a pkt-line of ${length} bytes is too long`);
      if (bytes.length - at < length) return null;
      return { packet: { type: "data", data: bytes.subarray(at + 4, at + length) }, end: at + length };
  }
}
