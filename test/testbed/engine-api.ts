/** One plain call to an engine, for tests and the demo: as far from orun's own client as can be. */
import { request } from "node:http";

export interface EngineAnswer {
  status: number;
  body: string;
}

/** An engine that does not answer within this time (ms) is an error: nothing in the test bed waits for ever. */
const TIMEOUT = 180_000;

/**
 * Calls the Docker API on a socket and reads the whole answer. `body` is sent as JSON, a Buffer as it is. Every status is
 * returned, none thrown; throws when the engine is out of reach, cuts the answer, or takes more than three minutes.
 */
export function api(
  socketPath: string,
  method: string,
  path: string,
  body?: unknown,
  contentType = "application/json",
  headers: Record<string, string> = {},
): Promise<EngineAnswer> {
  const payload =
    body === undefined ? null : Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  const length = { "content-type": contentType, "content-length": payload?.length ?? 0 };
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void => {
      reject(new Error(`${method} ${path} at ${socketPath}: ${cause.message}`, { cause }));
    };
    const outgoing = request(
      {
        socketPath,
        method,
        path,
        agent: false,
        timeout: TIMEOUT,
        headers: payload === null ? headers : { ...length, ...headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.once("error", fail);
        response.once("end", () => {
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") });
        });
      },
    );
    outgoing.once("timeout", () => outgoing.destroy(new Error(`no answer within ${TIMEOUT} ms`)));
    outgoing.once("error", fail);
    outgoing.end(payload ?? undefined);
  });
}

/** Like {@link api}, for a call that has to succeed: any status of 400 or more throws with the engine's own words. */
export async function mustApi(...call: Parameters<typeof api>): Promise<string> {
  const answer = await api(...call);
  if (answer.status >= 400)
    throw new Error(`${call[1]} ${call[2]}: the engine said ${answer.status}: ${answer.body.slice(0, 2000)}`);
  return answer.body;
}
