/** Sends requests until it is told to stop; a process of its own, so that a busy test does not slow the answers it measures. */
import { Agent, request } from "node:http";
import { randomBytes } from "node:crypto";
import { optionsShape, type LoadReport } from "./load.ts";

const options = optionsShape.parse(JSON.parse(process.argv[2] ?? "{}"));
const report: LoadReport = {
  requests: 0,
  failed: 0,
  reasons: {},
  firstFailures: [],
  answers: {},
  p50: 0,
  p99: 0,
  slowest: 0,
};
const times: number[] = [];
let ending = false;

/** null: as it should be. */
function once(agent: Agent | false, body: Buffer | null): Promise<string | null> {
  return new Promise((resolve) => {
    const outgoing = request(
      {
        host: options.address,
        port: options.port,
        agent,
        method: body === null ? "GET" : "POST",
        path: body === null ? "/" : "/echo",
        headers: { host: options.host, ...(body === null ? {} : { "content-length": body.length }) },
        timeout: 15_000,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.once("error", (error) =>
          resolve(`${where(body, agent)}: the answer broke off: ${error.message}`),
        );
        response.once("end", () => {
          const answer = Buffer.concat(chunks);
          const { statusCode } = response;
          if (statusCode !== 200)
            resolve(`${where(body, agent)}: ${statusCode ?? 0} ${answer.toString("utf8").slice(0, 80)}`);
          else if (body === null) {
            const text = answer.toString("utf8").slice(0, 40);
            report.answers[text] = (report.answers[text] ?? 0) + 1;
            resolve(
              /^version \S+$/.test(text) ? null : `${where(body, agent)}: an unexpected answer: ${text}`,
            );
          } else resolve(answer.equals(body) ? null : `${where(body, agent)}: the echo differs`);
        });
      },
    );
    outgoing.once("timeout", () => outgoing.destroy(new Error("no answer within 15 s")));
    outgoing.once("error", (error) => resolve(`${where(body, agent)}: ${error.message}`));
    outgoing.end(body ?? undefined);
  });
}

function where(body: Buffer | null, agent: Agent | false): string {
  return `${body === null ? "GET" : "POST"}${agent === false ? "" : " kept alive"}`;
}

async function work(index: number): Promise<void> {
  const agent = index % 2 === 0 ? new Agent({ keepAlive: true, maxSockets: 1 }) : false;
  const body = index % 4 < 2 ? null : randomBytes(1024 * (1 + (index % 16)));
  while (!ending && report.requests < options.limit) {
    const from = performance.now();
    const failure = await once(agent, body);
    times.push(performance.now() - from);
    report.requests++;
    if (failure !== null) {
      report.failed++;
      report.reasons[failure] = (report.reasons[failure] ?? 0) + 1;
      if (report.firstFailures.length < 10)
        report.firstFailures.push(`${new Date().toISOString()} ${failure}`);
    }
    if (options.paceMs > 0) await new Promise((resolve) => setTimeout(resolve, options.paceMs));
  }
  if (agent !== false) agent.destroy();
}

function tell(): void {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): number =>
    Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 10) / 10;
  process.send?.({ ...report, p50: at(0.5), p99: at(0.99), slowest: Math.round(sorted.at(-1) ?? 0) });
}

const workers = Array.from({ length: options.connections }, (_, index) => work(index));
process.on("message", (message) => {
  if (message !== "stop") {
    tell();
    return;
  }
  ending = true;
  void Promise.all(workers).then(() => {
    tell();
    process.disconnect?.();
  });
});
process.on("disconnect", () => process.exit(0));
