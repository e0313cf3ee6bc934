/** A small HTTP(S) server in front of `git http-backend`, with switches for the ways in which servers fail. */
import { spawn } from "node:child_process";
import * as http from "node:http";
import * as https from "node:https";
import { basename, dirname } from "node:path";

export type HttpFault =
  /** Accepts requests and never answers. */
  | { kind: "hang" }
  /** Answers with this status, and a `location` for redirects. */
  | { kind: "status"; status: number; location?: string }
  /** Resets the connection after so many bytes of each answer. */
  | { kind: "reset"; afterBytes: number }
  /** Answers 200 with a web page. */
  | { kind: "page" };

export interface GitHttpOptions {
  /** The bare repository to serve. */
  repository: string;
  auth?: { user: string; password: string };
  /** false: the server ignores `Git-Protocol`, as old ones do. */
  protocolV2?: boolean;
  tls?: { key: string; cert: string };
  /** Loopback port to take again after a stop. Default: a free one. */
  port?: number;
}

export interface GitHttp {
  url: string;
  port: number;
  /** Every request so far: "GET /infra.git/info/refs?service=git-upload-pack". */
  requests: string[];
  /** How many TCP connections were made. */
  connections(): number;
  /** null heals. */
  fault(fault: HttpFault | null): void;
  setAuth(auth: { user: string; password: string }): void;
  stop(): Promise<void>;
}

/** Starts it on a loopback port. */
export async function startGitHttp(options: GitHttpOptions): Promise<GitHttp> {
  let fault: HttpFault | null = null;
  let auth = options.auth;
  let connections = 0;
  const requests: string[] = [];
  const handle: http.RequestListener = (request, response) => {
    requests.push(`${request.method ?? ""} ${request.url ?? ""}`);
    if (fault?.kind === "hang") return;
    if (fault?.kind === "status") {
      response.writeHead(fault.status, fault.location === undefined ? {} : { location: fault.location });
      response.end("no\n");
      return;
    }
    if (fault?.kind === "page") {
      response.writeHead(200, { "content-type": "text/html" });
      response.end("<html><body>Sign in</body></html>");
      return;
    }
    if (auth !== undefined && request.headers.authorization !== basic(auth)) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="git"' });
      response.end();
      return;
    }
    runBackend(options, request, response, fault?.kind === "reset" ? fault.afterBytes : null);
  };
  const server =
    options.tls === undefined ? http.createServer(handle) : https.createServer(options.tls, handle);
  server.on("connection", () => {
    connections += 1;
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  const scheme = options.tls === undefined ? "http" : "https";
  return {
    url: `${scheme}://127.0.0.1:${address.port}/${basename(options.repository)}`,
    port: address.port,
    requests,
    connections: () => connections,
    fault(next) {
      fault = next;
    },
    setAuth(next) {
      auth = next;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** CGI (RFC 3875) as far as git-http-backend(1) needs it. */
function runBackend(
  options: GitHttpOptions,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  resetAfter: number | null,
): void {
  const url = new URL(request.url ?? "/", "http://localhost");
  const env: Record<string, string> = {
    PATH: process.env["PATH"] ?? "",
    GIT_PROJECT_ROOT: dirname(options.repository),
    GIT_HTTP_EXPORT_ALL: "1",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    PATH_INFO: url.pathname,
    QUERY_STRING: url.search.slice(1),
    REQUEST_METHOD: request.method ?? "GET",
    REMOTE_ADDR: "127.0.0.1",
    CONTENT_TYPE: request.headers["content-type"] ?? "",
  };
  const {
    "content-length": length,
    "content-encoding": encoding,
    "git-protocol": protocol,
  } = request.headers;
  if (length !== undefined) env["CONTENT_LENGTH"] = length;
  if (encoding !== undefined) env["HTTP_CONTENT_ENCODING"] = encoding;
  if (typeof protocol === "string" && options.protocolV2 !== false) env["GIT_PROTOCOL"] = protocol;
  const child = spawn("git", ["http-backend"], { env, stdio: ["pipe", "pipe", "ignore"] });
  child.stdin.on("error", () => undefined);
  request.pipe(child.stdin);
  response.on("close", () => child.kill());
  let head: Buffer | null = Buffer.alloc(0);
  let sent = 0;
  const send = (bytes: Buffer): void => {
    const part = resetAfter === null ? bytes : bytes.subarray(0, Math.max(0, resetAfter - sent));
    sent += bytes.length;
    response.write(part);
    if (resetAfter !== null && sent >= resetAfter) request.socket.resetAndDestroy();
  };
  child.stdout.on("data", (chunk: Buffer) => {
    if (head === null) {
      send(chunk);
      return;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end === -1) return;
    writeHead(response, head.toString("latin1", 0, end));
    const body = head.subarray(end + 4);
    head = null;
    if (body.length > 0) send(body);
  });
  child.on("close", () => response.end());
}

function writeHead(response: http.ServerResponse, text: string): void {
  let status = 200;
  for (const line of text.split("\r\n")) {
    const [name = "", value = ""] = line.split(/: (.*)/s);
    if (name.toLowerCase() === "status") status = Number.parseInt(value, 10);
    else response.setHeader(name, value);
  }
  response.writeHead(status);
  response.flushHeaders();
}

function basic(auth: { user: string; password: string }): string {
  return `Basic ${Buffer.from(`${auth.user}:${auth.password}`).toString("base64")}`;
}
