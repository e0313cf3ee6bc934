import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { NodeFiles } from "../agent/ports.ts";
import { portTaken } from "./ports.ts";

const MAX_BYTES = 1024 * 1024;

/** The files and ports of this host. */
export function createNodeFiles(): NodeFiles {
  return {
    async read(path) {
      // Without waiting: a pipe that nobody writes to would hold the agent up for ever.
      const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
        throw new Error(
          `${path} cannot be opened on this node: ${cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error"}`,
          { cause },
        );
      });
      try {
        const facts = await file.stat();
        if (!facts.isFile()) throw new Error(`${path} is no regular file on this node`);
        // One that is being written may be longer than it said; one in /proc says that it is empty.
        const buffer = Buffer.alloc(MAX_BYTES + 1);
        let length = 0;
        while (length < buffer.length) {
          const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
          if (bytesRead === 0) break;
          length += bytesRead;
        }
        if (length > MAX_BYTES) throw new Error(`${path} is larger than 1 MiB: it is no environment file`);
        return buffer.toString("utf8", 0, length);
      } finally {
        await file.close();
      }
    },
    portTaken,
  };
}
