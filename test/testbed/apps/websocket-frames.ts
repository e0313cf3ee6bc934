/** Frames of the WebSocket protocol (RFC 6455, section 5), as far as short messages need them: no fragments, no extensions. */
import { createHash, randomBytes } from "node:crypto";

export const opcode = { text: 1, close: 8, ping: 9, pong: 10 } as const;

export interface Frame {
  opcode: number;
  payload: Buffer;
}

/** What a server answers to the client's `Sec-WebSocket-Key`. */
export function acceptKey(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

/** One whole frame. Clients have to mask theirs. Payloads of up to 65535 bytes. */
export function encodeFrame(frame: Frame, masked: boolean): Buffer {
  const { length } = frame.payload;
  const size = length < 126 ? Buffer.from([length]) : Buffer.from([126, length >> 8, length & 255]);
  if (!masked) return Buffer.concat([Buffer.from([0x80 | frame.opcode]), size, frame.payload]);
  const mask = randomBytes(4);
  size[0] = (size[0] ?? 0) | 0x80;
  return Buffer.concat([Buffer.from([0x80 | frame.opcode]), size, mask, applyMask(frame.payload, mask)]);
}

/** A close frame with its code, such as 1001: going away. */
export function closeFrame(code: number): Frame {
  return { opcode: opcode.close, payload: Buffer.from([code >> 8, code & 255]) };
}

/** The code of a close frame; 1005 when it has none. */
export function closeCode(frame: Frame): number {
  return frame.payload.length < 2 ? 1005 : frame.payload.readUInt16BE(0);
}

/** Takes bytes as they come and calls `onFrame` for each frame that is complete. */
export function createDecoder(onFrame: (frame: Frame) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const first = rest[0];
      const second = rest[1];
      if (first === undefined || second === undefined) return;
      const short = second & 127;
      const start = short === 126 ? 4 : 2;
      if (rest.length < start) return;
      const length = short === 126 ? rest.readUInt16BE(2) : short;
      const body = start + ((second & 128) === 0 ? 0 : 4);
      if (rest.length < body + length) return;
      const payload = rest.subarray(body, body + length);
      const mask = rest.subarray(start, body);
      rest = rest.subarray(body + length);
      onFrame({ opcode: first & 15, payload: mask.length === 0 ? payload : applyMask(payload, mask) });
    }
  };
}

function applyMask(payload: Buffer, mask: Buffer): Buffer {
  return Buffer.from(payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0)));
}
