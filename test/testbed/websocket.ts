/** A WebSocket client that can name any host, and tells how its connection ended. */
import { randomBytes } from "node:crypto";
import { request } from "node:http";
import { closeCode, closeFrame, createDecoder, encodeFrame, opcode } from "./apps/websocket-frames.ts";

export interface TestSocket {
  /** Sends a message and answers with what came back. Throws when nothing does within 10 s. */
  ask(message: string): Promise<string>;
  /** The close code that the other side sent, "lost" when the connection ended without one; null while it is open. */
  ended(): number | "lost" | null;
  close(): void;
}

/** Opens `/ws` of a host name at an address. Throws when it is not upgraded. */
export function openWebSocket(port: number, host: string, address = "127.0.0.1"): Promise<TestSocket> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: address,
      port,
      path: "/ws",
      agent: false,
      timeout: 10_000,
      headers: {
        host,
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": randomBytes(16).toString("base64"),
      },
    });
    outgoing.once("timeout", () => outgoing.destroy(new Error("no upgrade within 10 s")));
    outgoing.once("error", reject);
    outgoing.once("response", (response) => {
      response.resume();
      reject(new Error(`no WebSocket: ${String(response.statusCode)}`));
    });
    outgoing.once("upgrade", (_, socket) => {
      let ended: number | "lost" | null = null;
      let waiting: ((answer: string) => void)[] = [];
      socket.setTimeout(0);
      socket.on("error", () => undefined);
      socket.once("close", () => {
        ended ??= "lost";
      });
      socket.on(
        "data",
        createDecoder((frame) => {
          if (frame.opcode === opcode.text) waiting.shift()?.(frame.payload.toString("utf8"));
          if (frame.opcode !== opcode.close) return;
          ended ??= closeCode(frame);
          socket.end(encodeFrame(frame, true));
        }),
      );
      resolve({
        ask: (message) =>
          new Promise((answer, fail) => {
            const alarm = setTimeout(() => fail(new Error(`no answer to '${message}' within 10 s`)), 10_000);
            waiting = [
              ...waiting,
              (text) => {
                clearTimeout(alarm);
                answer(text);
              },
            ];
            socket.write(encodeFrame({ opcode: opcode.text, payload: Buffer.from(message) }, true));
          }),
        ended: () => ended,
        close: () => {
          ended ??= 1000;
          socket.end(encodeFrame(closeFrame(1000), true));
        },
      });
    });
    outgoing.end();
  });
}
