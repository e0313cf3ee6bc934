import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";

/**
 * How a registry misbehaves: answers everything with a status; answers nothing; or breaks the connection in the middle of a
 * layer (`cut`), or flips a byte of it (`corrupt`).
 */
export type RegistryFault =
  | { kind: "status"; status: 401 | 403 | 404 | 429 | 500 | 503 }
  | { kind: "hang" }
  | { kind: "cut" }
  | { kind: "corrupt" };

export interface RegistryFront {
  port: number;
  setFault(fault: RegistryFault | null): void;
  close(): Promise<void>;
  /** Listens again, on the same port. */
  open(): Promise<void>;
}

/** Names of errors in the registry protocol (OCI distribution spec, "Error Codes"). */
const CODES: Record<number, string> = {
  401: "UNAUTHORIZED",
  403: "DENIED",
  404: "MANIFEST_UNKNOWN",
  429: "TOOMANYREQUESTS",
};

/** Puts a faulting HTTP proxy on a free loopback port in front of a registry's Unix socket. */
export async function startRegistryFront(socketPath: string): Promise<RegistryFront> {
  let fault: RegistryFault | null = null;
  const server = createServer((incoming, response) => {
    const current = fault;
    if (current?.kind === "hang") return;
    if (current?.kind === "status") refuse(response, current.status);
    else forward(socketPath, incoming, response, current?.kind ?? null);
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", () => {
        server.off("error", reject);
        resolve();
      });
    });
  await listen(0);
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port was given");
  const { port } = address;
  return {
    port,
    setFault: (value) => {
      fault = value;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
    open: () => listen(port),
  };
}

function refuse(response: ServerResponse, status: number): void {
  const code = CODES[status] ?? "UNKNOWN";
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ errors: [{ code, message: `the test bed answers ${status}` }] }));
}

function forward(
  socketPath: string,
  incoming: IncomingMessage,
  response: ServerResponse,
  damage: "cut" | "corrupt" | null,
): void {
  const outgoing = request(
    { socketPath, method: incoming.method, path: incoming.url, headers: incoming.headers, agent: false },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      // Only layers are damaged: a blob of more than 64 KiB is none of the small configurations.
      const isLayer =
        incoming.method === "GET" &&
        (incoming.url ?? "").includes("/blobs/sha256:") &&
        Number(answer.headers["content-length"] ?? 0) > 65_536;
      if (damage === null || !isLayer) {
        answer.pipe(response);
        return;
      }
      answer.once("data", (chunk: Buffer) => {
        if (damage === "cut") {
          response.write(chunk, () => response.destroy());
          answer.destroy();
          return;
        }
        const last = chunk.length - 1;
        chunk.writeUInt8(chunk.readUInt8(last) ^ 0xff, last);
        response.write(chunk);
        answer.pipe(response);
      });
    },
  );
  outgoing.once("error", () => response.destroy());
  response.once("close", () => outgoing.destroy());
  incoming.pipe(outgoing);
}
