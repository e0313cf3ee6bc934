import { Agent, request, type IncomingMessage } from "node:http";
import { EngineError } from "../agent/errors.ts";
import { engineError } from "./errors.ts";

export interface Call {
  method: "GET" | "POST" | "DELETE";
  /** Without the version prefix. */
  path: string;
  query?: Record<string, string>;
  body?: unknown;
  headers?: Record<string, string>;
  /** ms until the whole answer is there (streams: until its head is there). */
  deadlineMs?: number;
  signal: AbortSignal;
}

export interface Connection {
  /** A whole JSON answer; null when the body is empty. Throws {@link EngineError}. */
  json(call: Call): Promise<unknown>;
  /** The answer's body as it comes; the caller reads it to its end or aborts. */
  stream(call: Call): Promise<IncomingMessage>;
  /** The API version in use, e.g. "1.41". */
  version(signal: AbortSignal): Promise<string>;
  close(): void;
}

const NEWEST = "1.47";
const OLDEST = "1.41";
const MAX_ANSWER = 64 * 1024 * 1024;

/** Speaks the Docker API over a Unix socket, in the highest version that both sides know (Docker API, "Versioning"). */
export function connect(socketPath: string): Connection {
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  let negotiated: string | null = null;

  const send = (call: Call, prefix: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const query = call.query === undefined ? "" : `?${new URLSearchParams(call.query).toString()}`;
      const body = call.body === undefined ? null : JSON.stringify(call.body);
      const what = `${call.method} ${call.path}`;
      const deadline = AbortSignal.timeout(call.deadlineMs ?? 30_000);
      const outgoing = request({
        socketPath,
        agent,
        method: call.method,
        path: `${prefix}${call.path}${query}`,
        headers: {
          host: "docker",
          ...(body === null
            ? {}
            : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
          ...call.headers,
        },
      });
      const stop = (): void => {
        outgoing.destroy(new Error("stopped"));
      };
      call.signal.addEventListener("abort", stop, { once: true });
      deadline.addEventListener("abort", stop, { once: true });
      const settle = (): void => {
        deadline.removeEventListener("abort", stop);
      };
      outgoing.once("error", (cause) => {
        settle();
        call.signal.removeEventListener("abort", stop);
        reject(failure(cause, what, call.signal, deadline, socketPath));
      });
      outgoing.once("response", (response) => {
        settle();
        response.once("close", () => call.signal.removeEventListener("abort", stop));
        resolve(response);
      });
      if (call.signal.aborted) stop();
      outgoing.end(body ?? undefined);
    });

  const checked = async (call: Call): Promise<IncomingMessage> => {
    const prefix = `/v${await version(call.signal)}`;
    let response: IncomingMessage;
    try {
      response = await send(call, prefix);
    } catch (error) {
      // After an engine restart the first call on a kept-alive socket fails: a GET may be asked again.
      const again = call.method === "GET" && error instanceof EngineError && error.kind === "unreachable";
      if (error instanceof EngineError && error.kind === "unreachable") negotiated = null;
      if (!again) throw error;
      response = await send(call, `/v${await version(call.signal)}`);
    }
    const status = response.statusCode ?? 0;
    if (status < 400) return response; // 304: already so, which is success
    const text = await collect(response, call, socketPath);
    throw engineError(call, status, messageOf(text));
  };

  const version = async (signal: AbortSignal): Promise<string> => {
    if (negotiated !== null) return negotiated;
    const call: Call = { method: "GET", path: "/_ping", deadlineMs: 10_000, signal };
    const response = await send(call, "");
    await collect(response, call, socketPath);
    const theirs = String(response.headers["api-version"] ?? OLDEST);
    if (compare(theirs, OLDEST) < 0) {
      throw new EngineError(
        "api-version",
        `the engine speaks API ${theirs}; orun needs ${OLDEST} (Docker 20.10) or newer: upgrade the engine`,
      );
    }
    negotiated = compare(theirs, NEWEST) < 0 ? theirs : NEWEST;
    return negotiated;
  };

  return {
    version,
    stream: checked,
    async json(call) {
      const text = await collect(await checked(call), call, socketPath);
      if (text.trim() === "") return null;
      const parsed: unknown = JSON.parse(text);
      return parsed;
    },
    close: () => agent.destroy(),
  };
}

/** Reads an answer to its end; settles also when it is cut, aborted or too slow. */
function collect(response: IncomingMessage, call: Call, socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const deadline = AbortSignal.timeout(call.deadlineMs ?? 30_000);
    const what = `${call.method} ${call.path}`;
    const fail = (cause: unknown): void => {
      deadline.removeEventListener("abort", stop);
      reject(failure(cause, what, call.signal, deadline, socketPath));
    };
    const stop = (): void => {
      response.destroy(new Error("stopped"));
    };
    deadline.addEventListener("abort", stop, { once: true });
    response.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_ANSWER) response.destroy(new Error("the answer is larger than 64 MiB"));
      else chunks.push(chunk);
    });
    response.once("end", () => {
      deadline.removeEventListener("abort", stop);
      resolve(Buffer.concat(chunks).toString("utf8"));
    });
    response.once("error", fail);
    response.once("close", () => {
      if (!response.complete) fail(new Error("the answer was cut off"));
    });
  });
}

function failure(
  cause: unknown,
  what: string,
  signal: AbortSignal,
  deadline: AbortSignal,
  socketPath: string,
): EngineError {
  if (cause instanceof EngineError) return cause;
  if (signal.aborted) return new EngineError("aborted", `${what}: stopped`, { cause });
  if (deadline.aborted)
    return new EngineError("timeout", `${what}: the engine did not answer in time`, { cause });
  const code = cause instanceof Error ? cause.message : String(cause);
  return new EngineError(
    "unreachable",
    `no Docker engine answers at ${socketPath} (${code}): is it running ('systemctl status docker'), and may this user open the socket?`,
    { cause },
  );
}

function messageOf(text: string): string {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null && "message" in parsed) return String(parsed.message);
  } catch {
    // Not JSON: the text itself is the message.
  }
  return text;
}

function compare(a: string, b: string): number {
  const [aMajor = 0, aMinor = 0] = a.split(".").map(Number);
  const [bMajor = 0, bMinor = 0] = b.split(".").map(Number);
  return aMajor - bMajor || aMinor - bMinor;
}
