import { open } from "node:fs/promises";
import type { NodeFiles } from "../agent/ports.ts";
import { portTaken } from "./ports.ts";

const MAX_BYTES = 1024 * 1024;

/** The files and ports of this host. */
export function createNodeFiles(): NodeFiles {
  return {
    async read(path) {
      const file = await open(path, "r").catch((cause: unknown) => {
        throw new Error(
          `${path} cannot be opened on this node: ${cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error"}`,
          { cause },
        );
      });
      try {
        const { size } = await file.stat();
        if (size > MAX_BYTES) throw new Error(`${path} is larger than 1 MiB: it is no environment file`);
        return await file.readFile("utf8");
      } finally {
        await file.close();
      }
    },
    portTaken,
  };
}
