import { Agent, type IncomingMessage } from "node:http";
import type { z } from "zod";
import { EngineError } from "../agent/errors.ts";
import { type Call, DEADLINE_MS, describeCall } from "./call.ts";
import { engineError, transportError } from "./errors.ts";
import { type Limit, limit } from "./limit.ts";
import { send } from "./send.ts";
import { chooseVersion } from "./version.ts";

/** An answer that comes bit by bit. */
interface Stream {
  contentType: string;
  /**
   * Reads to the end. Throws an EngineError of kind `aborted` (the caller's signal), `timeout` (nothing came for `idleMs`;
   * null: for ever) or `unreachable` (cut off), and whatever `onChunk` throws.
   */
  read(onChunk: (chunk: Buffer) => void, idleMs: number | null): Promise<void>;
}

export interface Connection {
  /** A whole JSON answer of the shape that is expected. Throws {@link EngineError}. */
  json<S extends z.ZodType>(call: Call, shape: S): Promise<z.output<S>>;
  /** A call whose answer does not matter; 304, "already so", is success. */
  run(call: Call): Promise<void>;
  /** An answer whose head has come; the caller must read it or abort. */
  stream(call: Call): Promise<Stream>;
  /** The API version in use, e.g. "1.41". */
  version(signal: AbortSignal): Promise<string>;
  close(): void;
}

const MAX_ANSWER = 64 * 1024 * 1024;

/** Speaks the Docker API over a Unix socket, in the highest version that both sides know (Docker API, "Versioning"). */
export function connect(socketPath: string): Connection {
  const calls = new Agent({ keepAlive: true, maxSockets: 32 });
  // Streams last: they may not take the places of calls.
  const streams = new Agent({ keepAlive: false });
  let negotiated: string | null = null;

  const failed = (cause: unknown, call: Call, during: Limit): EngineError => {
    const error = transportError(cause, describeCall(call), {
      aborted: call.signal.aborted,
      expired: during.expired(),
      socketPath,
    });
    // Perhaps the engine is being replaced by another version.
    if (error.kind === "unreachable") negotiated = null;
    return error;
  };

  const head = async (call: Call, agent: Agent, prefix: string, during: Limit): Promise<IncomingMessage> => {
    let response: IncomingMessage;
    try {
      response = await send(call, { socketPath, agent, prefix }, during.signal);
    } catch (cause) {
      throw failed(cause, call, during);
    }
    const status = response.statusCode ?? 0;
    if (status < 400) return response;
    throw engineError(call, status, messageOf(await collect(response, call, during)));
  };

  const collect = async (response: IncomingMessage, call: Call, during: Limit): Promise<string> => {
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      for await (const chunk of response) {
        if (!(chunk instanceof Buffer)) continue;
        size += chunk.length;
        if (size > MAX_ANSWER)
          throw new EngineError("engine", `${describeCall(call)}: the answer is larger than 64 MiB`);
        chunks.push(chunk);
      }
    } catch (cause) {
      throw failed(cause, call, during);
    }
    return Buffer.concat(chunks).toString("utf8");
  };

  const version = async (signal: AbortSignal): Promise<string> => {
    if (negotiated !== null) return negotiated;
    const call: Call = { method: "GET", path: "/_ping", signal };
    const during = limit(signal, 10_000);
    try {
      const response = await head(call, calls, "", during);
      await collect(response, call, during);
      negotiated = chooseVersion(response.headers["api-version"]);
      return negotiated;
    } finally {
      during.release();
    }
  };

  /** Runs `use` with the version's prefix; once more when the engine meanwhile wants another version. */
  const versioned = async <T>(call: Call, use: (prefix: string) => Promise<T>): Promise<T> => {
    try {
      return await use(`/v${await version(call.signal)}`);
    } catch (error) {
      if (!(error instanceof EngineError) || !/client version \S+ is too (new|old)/i.test(error.message))
        throw error;
      negotiated = null;
      return use(`/v${await version(call.signal)}`);
    }
  };

  const text = (call: Call): Promise<string> =>
    versioned(call, async (prefix) => {
      const during = limit(call.signal, call.deadlineMs ?? DEADLINE_MS);
      try {
        return await collect(await head(call, calls, prefix, during), call, during);
      } finally {
        during.release();
      }
    });

  return {
    version,
    async json(call, shape) {
      const parsed = shape.safeParse(parseJson(await text(call)));
      if (parsed.success) return parsed.data;
      throw new EngineError(
        "engine",
        `${describeCall(call)}: the engine's answer has not the shape that the Docker API documents`,
        { cause: parsed.error },
      );
    },
    async run(call) {
      await text(call);
    },
    stream: (call) =>
      versioned(call, async (prefix) => {
        const during = limit(call.signal, call.deadlineMs ?? DEADLINE_MS);
        let response: IncomingMessage;
        try {
          response = await head(call, streams, prefix, during);
        } catch (error) {
          during.release();
          throw error;
        }
        during.restart(null);
        response.once("close", () => during.release());
        return {
          contentType: response.headers["content-type"] ?? "",
          async read(onChunk, idleMs) {
            during.restart(idleMs);
            let thrown: { error: unknown } | null = null;
            try {
              for await (const chunk of response) {
                if (!(chunk instanceof Buffer)) continue;
                during.restart(idleMs);
                try {
                  onChunk(chunk);
                } catch (error) {
                  thrown = { error };
                  break;
                }
              }
            } catch (cause) {
              throw failed(cause, call, during);
            } finally {
              during.release();
            }
            if (thrown !== null) throw thrown.error;
          },
        };
      }),
    close() {
      calls.destroy();
      streams.destroy();
    },
  };
}

function parseJson(text: string): unknown {
  try {
    const parsed: unknown = JSON.parse(text);
    return parsed;
  } catch {
    return undefined; // No shape accepts it: the caller says so.
  }
}

/** The engine wraps its refusals in `{"message": …}`; what is not JSON is the message itself. */
function messageOf(text: string): string {
  const parsed = parseJson(text);
  if (typeof parsed === "object" && parsed !== null && "message" in parsed) return String(parsed.message);
  return text;
}
