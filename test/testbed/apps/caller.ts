/**
 * A client inside the environment's network; it runs in a container. It calls another deployment by its name all the time:
 * some workers with a connection per request, some with one that they keep. `GET /` tells the counts; at SIGTERM it ends
 * and sends them to `POST /report` of the one that it called, so that they outlive it.
 *
 * Environment: TARGET (the name), PACE (ms between a worker's requests, 20), LIMIT (requests in all, 200000), NAME.
 */
import { Agent, createServer, request } from "node:http";

interface Counts {
  requests: number;
  failures: Record<string, number>;
  slowest: number;
}

const target = process.env["TARGET"] ?? "app";
const pace = Number(process.env["PACE"] ?? 20);
const limit = Number(process.env["LIMIT"] ?? 200_000);
const counts: Record<"fresh" | "pooled", Counts> = {
  fresh: { requests: 0, failures: {}, slowest: 0 },
  pooled: { requests: 0, failures: {}, slowest: 0 },
};
let total = 0;
let ending = false;

function call(method: string, path: string, body: string, agent: Agent | false): Promise<string> {
  return new Promise((resolve) => {
    const outgoing = request({ host: target, port: 80, method, path, agent, timeout: 10_000 }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.once("error", (error) => resolve(`in the answer: ${error.message}`));
      response.once("end", () =>
        resolve(response.statusCode === 200 && text !== "" ? "" : `status ${String(response.statusCode)}`),
      );
    });
    outgoing.once("timeout", () => outgoing.destroy(new Error("no answer within 10 s")));
    outgoing.once("error", (error) => resolve("code" in error ? String(error.code) : error.message));
    outgoing.end(body);
  });
}

async function work(kind: "fresh" | "pooled"): Promise<void> {
  const agent = kind === "pooled" ? new Agent({ keepAlive: true, maxSockets: 1 }) : false;
  while (!ending && total++ < limit) {
    const from = performance.now();
    const failure = await call("GET", "/", "", agent);
    const seen = counts[kind];
    seen.requests++;
    seen.slowest = Math.max(seen.slowest, Math.round(performance.now() - from));
    if (failure !== "") seen.failures[failure] = (seen.failures[failure] ?? 0) + 1;
    await new Promise((resolve) => setTimeout(resolve, pace));
  }
}

const workers = [work("fresh"), work("fresh"), work("fresh"), work("fresh"), work("pooled"), work("pooled")];
const server = createServer((_, response) => response.end(JSON.stringify(counts)));
server.listen(80, "0.0.0.0");
process.on("SIGTERM", () => {
  ending = true;
  server.close();
  void Promise.all(workers)
    .then(() => call("POST", "/report", JSON.stringify(counts), false))
    .then(() => process.exit(0));
});
