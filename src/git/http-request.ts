/** One HTTP exchange with a Git server on a kept-alive connection. */
import * as http from "node:http";
import * as https from "node:https";

export interface HttpAnswer {
  status: number;
  contentType: string;
  body: Buffer;
}

export interface HttpClient {
  /**
   * Sends one request and reads the whole answer. Redirects are not followed.
   * @throws what node:http throws; the signal's reason after an abort; {@link BodyTooLarge}.
   */
  exchange(request: HttpExchange, signal: AbortSignal): Promise<HttpAnswer>;
  close(): void;
}

interface HttpExchange {
  url: string;
  headers: Record<string, string>;
  /** null: GET. */
  body: Buffer | null;
  maxBodyBytes: number;
}

/** The answer is longer than the caller wants. */
export class BodyTooLarge extends Error {}

/** A client with one connection, which stays open between polls; proxies are taken from the environment, as Git does. */
export function createHttpClient(secure: boolean): HttpClient {
  const options = { keepAlive: true, maxSockets: 1, proxyEnv: process.env };
  const agent = secure ? new https.Agent(options) : new http.Agent(options);
  const once = (request: HttpExchange, signal: AbortSignal): Promise<HttpAnswer> =>
    secure ? send(https.request, agent, request, signal) : send(http.request, agent, request, signal);
  return {
    async exchange(request, signal) {
      try {
        return await once(request, signal);
      } catch (error) {
        // The server closed the idle connection just as it was used again; on a new one the request is as good as unsent.
        if (!(error instanceof StaleConnection) || signal.aborted) throw error;
        return await once(request, signal);
      }
    },
    close: () => agent.destroy(),
  };
}

class StaleConnection extends Error {}

function send(
  start: typeof http.request,
  agent: http.Agent,
  exchange: HttpExchange,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const method = exchange.body === null ? "GET" : "POST";
    const request = start(exchange.url, { agent, method, headers: exchange.headers, signal });
    let answered = false;
    const fail = (error: Error): void => {
      if (signal.aborted) reject(toError(signal.reason));
      else if (request.reusedSocket && !answered)
        reject(new StaleConnection(error.message, { cause: error }));
      else reject(error);
    };
    request.on("error", fail);
    request.on("response", (response) => {
      answered = true;
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("error", fail);
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes > exchange.maxBodyBytes) request.destroy(new BodyTooLarge("the answer is too long"));
      });
      response.on("end", () => {
        resolve({
          status: response.statusCode ?? 0,
          contentType: response.headers["content-type"] ?? "",
          body: Buffer.concat(chunks),
        });
      });
    });
    request.end(exchange.body ?? undefined);
  });
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error("aborted", { cause: reason });
}
