/**
 * The web application of the ingress tests; it runs in a container. It ends as well-behaved applications do: at SIGTERM it
 * takes no new connection, says goodbye to its WebSockets (1001), lets requests finish, and exits.
 *
 * - `GET /` "version $VERSION"; `POST /echo` the body; `GET /slow?ms=N` after N ms; `GET /stream?ms=N` ten lines, N ms apart
 * - `GET /ws` a WebSocket that sends back what it gets, with the version before it
 * - `GET /health` 200 or 503; `POST /ready`, `POST /unready` turn it over; NEVER_READY: 503 from the start
 * - `POST /report` keeps a body, `GET /reports` tells all of them
 *
 * Environment: VERSION, PORT (80), READY_AFTER (ms).
 */
import { createServer, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { acceptKey, closeFrame, createDecoder, encodeFrame, opcode } from "./websocket-frames.ts";

const version = process.env["VERSION"] ?? "1";
const sockets = new Set<Duplex>();
const reports: string[] = [];
let ready = process.env["NEVER_READY"] === undefined;
const readyAt = Date.now() + Number(process.env["READY_AFTER"] ?? 0);

const server = createServer((request, response) => {
  const url = new URL(request.url ?? "/", "http://app");
  const wait = Number(url.searchParams.get("ms") ?? 0);
  const chunks: Buffer[] = [];
  request.on("error", () => undefined);
  response.on("error", () => undefined);
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.once("end", () => {
    const body = Buffer.concat(chunks);
    switch (`${request.method ?? ""} ${url.pathname}`) {
      case "GET /":
        response.end(`version ${version}`);
        return;
      case "GET /headers":
        response.end(JSON.stringify(request.headers));
        return;
      case "POST /echo":
        response.end(body);
        return;
      case "GET /slow":
        setTimeout(() => response.end(`version ${version}`), wait);
        return;
      case "GET /stream": {
        let line = 0;
        const timer = setInterval(() => {
          response.write(`${String(line++)}\n`);
          if (line < 10) return;
          clearInterval(timer);
          response.end();
        }, wait);
        return;
      }
      case "GET /health":
        response.writeHead(ready && Date.now() >= readyAt ? 200 : 503).end();
        return;
      case "POST /ready":
      case "POST /unready":
        ready = url.pathname === "/ready";
        response.end();
        return;
      case "POST /report":
        reports.push(body.toString("utf8"));
        response.end();
        return;
      case "GET /reports":
        response.end(JSON.stringify(reports));
        return;
      default:
        response.writeHead(404).end();
    }
  });
});

server.on("upgrade", (request: IncomingMessage, socket: Duplex) => {
  const key = request.headers["sec-websocket-key"];
  if (key === undefined || request.url !== "/ws") {
    socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    return;
  }
  sockets.add(socket);
  socket.on("error", () => undefined);
  socket.once("close", () => sockets.delete(socket));
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptKey(key)}\r\n\r\n`,
  );
  const decode = createDecoder((frame) => {
    if (frame.opcode === opcode.close) socket.end(encodeFrame(frame, false));
    else if (frame.opcode === opcode.ping)
      socket.write(encodeFrame({ ...frame, opcode: opcode.pong }, false));
    else if (frame.opcode === opcode.text)
      socket.write(
        encodeFrame(
          { opcode: opcode.text, payload: Buffer.from(`${version} ${frame.payload.toString()}`) },
          false,
        ),
      );
  });
  socket.on("data", decode);
});

process.on("SIGTERM", () => {
  server.close();
  server.closeIdleConnections();
  for (const socket of sockets) socket.write(encodeFrame(closeFrame(1001), false));
});
server.listen(Number(process.env["PORT"] ?? 80), "0.0.0.0");
