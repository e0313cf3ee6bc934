/** Who has a port of this host. */
import { createSocket } from "node:dgram";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";

type Protocol = "tcp" | "udp";
interface Listener {
  /** As the kernel's table has it: hexadecimal, little endian by word. */
  address: string;
  inode: string;
}

/**
 * Who keeps the port from being published on `hostIP` (null: every address of this host), in words; null: nobody does. It is
 * found out by taking the port for a moment. Where this process may not (ports below 1024 in a sandbox) the kernel's tables tell.
 */
export async function portTaken(
  port: number,
  protocol: Protocol,
  hostIP: string | null,
): Promise<string | null> {
  const code = protocol === "tcp" ? await listenError(port, hostIP) : await bindError(port, hostIP);
  const listeners = portListeners(port, protocol);
  const inTheWay =
    code === "EACCES" ? listeners.some(({ address }) => covers(address, hostIP)) : code === "EADDRINUSE";
  return inTheWay ? (processOf(listeners) ?? "another process on this host") : null;
}

/** Who listens on the port, on whatever address, in words; null: nobody. */
export function portHolder(port: number, protocol: Protocol): string | null {
  const listeners = portListeners(port, protocol);
  return listeners.length === 0 ? null : (processOf(listeners) ?? "another process on this host");
}

function listenError(port: number, hostIP: string | null): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => resolve("code" in error ? String(error.code) : "unknown"));
    server.listen({ port, host: hostIP ?? "0.0.0.0", exclusive: true }, () =>
      server.close(() => resolve(null)),
    );
  });
}

function bindError(port: number, hostIP: string | null): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createSocket(hostIP?.includes(":") ? "udp6" : "udp4");
    socket.once("error", (error) => {
      socket.close();
      resolve("code" in error ? String(error.code) : "unknown");
    });
    socket.bind({ port, address: hostIP ?? "0.0.0.0", exclusive: true }, () =>
      socket.close(() => resolve(null)),
    );
  });
}

/** Of /proc/net (proc(5)). */
function portListeners(port: number, protocol: Protocol): Listener[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return [protocol, `${protocol}6`].flatMap((table) =>
    readText(`/proc/net/${table}`)
      .split("\n")
      .slice(1)
      .flatMap((line) => {
        const fields = line.trim().split(/\s+/);
        const [, local = "", , state] = fields;
        if (!local.endsWith(suffix) || (protocol === "tcp" && state !== "0A")) return [];
        return [{ address: local.slice(0, -suffix.length), inode: fields[9] ?? "" }];
      }),
  );
}

/** Whether a listener there is in the way of one on `hostIP`. IPv6 addresses are not told apart: better held than failed. */
function covers(address: string, hostIP: string | null): boolean {
  if (hostIP === null || hostIP === "0.0.0.0" || hostIP.includes(":") || /^0+$/.test(address)) return true;
  const wanted = hostIP
    .split(".")
    .map((part) => Number(part).toString(16).toUpperCase().padStart(2, "0"))
    .reverse()
    .join("");
  return address === wanted;
}

/** The first process that has one of these sockets; null when it cannot be told. */
function processOf(listeners: readonly Listener[]): string | null {
  const links = new Set(listeners.map(({ inode }) => `socket:[${inode}]`));
  for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`)) {
        if (links.has(readlinkSync(`/proc/${pid}/fd/${fd}`)))
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
