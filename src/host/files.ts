import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { open } from "node:fs/promises";
import { createServer } from "node:net";
import { createSocket } from "node:dgram";
import type { NodeFiles } from "../agent/ports.ts";

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
    async portTaken(port, protocol, hostIP) {
      const free = protocol === "tcp" ? await canListen(port, hostIP) : await canBind(port, hostIP);
      return free ? null : (processOn(port, protocol) ?? "another process on this host");
    },
  };
}

function canListen(port: number, hostIP: string | null): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => resolve(!("code" in error && error.code === "EADDRINUSE")));
    server.listen({ port, host: hostIP ?? "0.0.0.0", exclusive: true }, () =>
      server.close(() => resolve(true)),
    );
  });
}

function canBind(port: number, hostIP: string | null): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(hostIP?.includes(":") ? "udp6" : "udp4");
    socket.once("error", (error) => {
      socket.close();
      resolve(!("code" in error && error.code === "EADDRINUSE"));
    });
    socket.bind({ port, address: hostIP ?? "0.0.0.0", exclusive: true }, () =>
      socket.close(() => resolve(true)),
    );
  });
}

/** The process that has the port, by the kernel's tables; null when it cannot be told. */
function processOn(port: number, protocol: "tcp" | "udp"): string | null {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const inodes = new Set<string>();
  for (const table of [protocol, `${protocol}6`]) {
    for (const line of readText(`/proc/net/${table}`).split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      const listening = protocol === "udp" || fields[3] === "0A";
      if (listening && fields[1]?.endsWith(`:${hex}`)) inodes.add(`socket:[${fields[9] ?? ""}]`);
    }
  }
  if (inodes.size === 0) return null;
  for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`)) {
        if (inodes.has(readlinkSync(`/proc/${pid}/fd/${fd}`)))
          return `process '${readText(`/proc/${pid}/comm`).trim()}' (pid ${pid})`;
      }
    } catch {
      continue; // The process is gone, or not ours to look into.
    }
  }
  return null;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
