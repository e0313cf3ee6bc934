import { readFileSync } from "node:fs";

/** States of /proc/net/tcp in which a request may be under way: connected, or just connecting. */
const OPEN = new Set(["01", "02"]);

/**
 * How many connections lead from this host to an `address:port`, by the kernel's table (proc(5), /proc/net/tcp). The ingress
 * has the host's network, so its connections are among them; so is whatever else of this host is connected there.
 */
export function countConnections(table: string, upstream: string): number {
  const [address = "", port = ""] = upstream.split(":");
  const bytes = address.split(".").map(Number).reverse();
  const remote =
    `${Buffer.from(bytes).toString("hex")}:${Number(port).toString(16).padStart(4, "0")}`.toUpperCase();
  return table
    .split("\n")
    .slice(1)
    .filter((line) => {
      const fields = line.trim().split(/\s+/);
      return fields[2] === remote && OPEN.has(fields[3] ?? "");
    }).length;
}

/** The host's table of IPv4 connections. */
export function connectionTable(): string {
  return readFileSync("/proc/net/tcp", "utf8");
}
