import { StringDecoder } from "node:string_decoder";

/** Splits a byte stream into lines without breaking a UTF-8 character; a line over `cap` characters is cut there. */
export function lineSplitter(
  onLine: (line: string) => void,
  cap = 16_384,
): { push(chunk: Buffer): void; end(): void } {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  const take = (text: string): void => {
    rest += text;
    for (;;) {
      const at = rest.indexOf("\n");
      if (at === -1) break;
      onLine(rest.slice(0, Math.min(at, cap)));
      rest = rest.slice(at + 1);
    }
    if (rest.length > cap) {
      onLine(rest.slice(0, cap));
      rest = "";
    }
  };
  return {
    push: (chunk) => take(decoder.write(chunk)),
    end: () => {
      take(decoder.end());
      if (rest !== "") onLine(rest);
      rest = "";
    },
  };
}

/** Takes apart the engine's multiplexed streams: 8 bytes of head (stream, 0, 0, 0, length), then the payload (Docker API, ContainerAttach). */
export function demultiplexer(
  onData: (stream: "stdout" | "stderr", data: Buffer) => void,
): (chunk: Buffer) => void {
  let pending = Buffer.alloc(0);
  return (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 8) {
      const length = pending.readUInt32BE(4);
      if (pending.length < 8 + length) return;
      onData(pending[0] === 2 ? "stderr" : "stdout", pending.subarray(8, 8 + length));
      pending = pending.subarray(8 + length);
    }
  };
}
