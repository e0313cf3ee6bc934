import type { Server } from "node:http";
import type { Socket } from "node:net";

/** Enough for a browser, a scraper and a few tunnels. */
const MOST = 64;

/**
 * Keeps slow clients from keeping others out (FAULTS, attack 26): when one more connection comes than `most`, the one whose last
 * request is the longest ago is cut off, so that a newcomer is always served.
 */
export function limitConnections(server: Server, most: number = MOST): void {
  /** In the order of their last requests; those without any by when they came. */
  const open = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    if (open.size <= most) return;
    const [oldest] = open;
    oldest?.destroy();
  });
  server.on("request", (request) => {
    open.delete(request.socket);
    open.add(request.socket);
  });
}
