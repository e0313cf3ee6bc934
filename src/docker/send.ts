import { type Agent, type IncomingMessage, request } from "node:http";
import type { Call } from "./call.ts";

/**
 * Sends one request and resolves with the head of its answer; rejects with the transport's own error. `signal` ends it at
 * any time, the reading of the answer included. A GET on a kept-alive connection that the engine had closed meanwhile
 * (a restart) is asked again, once, on a new connection; anything else never: it may have been carried out.
 */
export function send(
  call: Call,
  target: { socketPath: string; agent: Agent | false; prefix: string },
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const query = call.query === undefined ? "" : `?${new URLSearchParams(call.query).toString()}`;
    const body = call.body === undefined ? null : JSON.stringify(call.body);
    const outgoing = request({
      socketPath: target.socketPath,
      agent: target.agent,
      method: call.method,
      path: `${target.prefix}${call.path}${query}`,
      headers: {
        host: "docker",
        ...(body === null
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
        ...call.headers,
      },
    });
    let answer: IncomingMessage | null = null;
    const stop = (): void => {
      const reason = new Error("stopped");
      outgoing.destroy(reason);
      answer?.destroy(reason);
    };
    signal.addEventListener("abort", stop, { once: true });
    outgoing.on("error", (cause) => {
      signal.removeEventListener("abort", stop);
      if (answer !== null) return; // Who reads the answer is told by its own error.
      const stale = outgoing.reusedSocket && isReset(cause) && call.method === "GET" && !signal.aborted;
      if (stale) resolve(send(call, { ...target, agent: false }, signal));
      else reject(cause);
    });
    outgoing.once("response", (response) => {
      answer = response;
      response.once("close", () => signal.removeEventListener("abort", stop));
      resolve(response);
    });
    if (signal.aborted) stop();
    else outgoing.end(body ?? undefined);
  });
}

function isReset(cause: Error): boolean {
  return "code" in cause && (cause.code === "EPIPE" || cause.code === "ECONNRESET");
}
