import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, get } from "node:http";
import { connect, type Socket } from "node:net";
import { it } from "node:test";
import { limitConnections } from "../../../src/api/connections.ts";
import { until } from "../../testbed/wait.ts";

it("one connection too many costs the one whose last request is the longest ago", async () => {
  const server = createServer((_, response) => response.end("ok"));
  limitConnections(server, 3);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const sockets: Socket[] = [];
  const open = async (): Promise<void> => {
    const socket = connect(port, "127.0.0.1").on("error", () => undefined);
    socket.resume();
    sockets.push(socket);
    await once(socket, "connect");
  };
  try {
    for (let count = 0; count < 3; count++) await open();
    // The first one is the youngest now.
    const answered = once(sockets[0] ?? server, "data");
    sockets[0]?.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await answered;
    await open();
    await until("the second one is cut off", () => sockets[1]?.destroyed === true);
    assert.deepEqual(
      sockets.map((socket) => socket.destroyed),
      [false, true, false, false],
    );
    await once(get({ port, agent: false }), "response");
  } finally {
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    server.close();
  }
});
