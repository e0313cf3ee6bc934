export type StreamName = "stdout" | "stderr";

/**
 * Takes apart the engine's multiplexed streams: 8 bytes of head (stream, 0, 0, 0, length), then the payload (Docker API,
 * ContainerAttach). A container with a terminal has a raw stream instead, all of it stdout: told by the first bytes,
 * because the content type of engines before 23 does not tell. Payloads are passed on as they come, never collected.
 */
export function demultiplexer(onData: (stream: StreamName, data: Buffer) => void): (chunk: Buffer) => void {
  let head = Buffer.alloc(0);
  let stream: StreamName = "stdout";
  let left = 0;
  let raw: boolean | null = null;
  return (chunk) => {
    let rest = chunk;
    while (rest.length > 0) {
      if (raw === true) {
        onData("stdout", rest);
        return;
      }
      if (left > 0) {
        const payload = rest.subarray(0, left);
        left -= payload.length;
        rest = rest.subarray(payload.length);
        onData(stream, payload);
        continue;
      }
      const missing = 8 - head.length;
      head = Buffer.concat([head, rest.subarray(0, missing)]);
      rest = rest.subarray(missing);
      raw ??= isRaw(head);
      if (raw) {
        onData("stdout", head);
        head = Buffer.alloc(0);
      } else if (head.length === 8) {
        stream = head[0] === 2 ? "stderr" : "stdout";
        left = head.readUInt32BE(4);
        head = Buffer.alloc(0);
      }
    }
  };
}

/** Null while too few bytes are there to tell. */
function isRaw(head: Buffer): boolean | null {
  const first = head[0] ?? 0;
  if (first > 2 || head.subarray(1, 4).some((byte) => byte !== 0)) return true;
  return head.length >= 4 ? false : null;
}
