import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { runAgent } from "../../testbed/agent.ts";
import { packagedExecutable } from "../../testbed/executable.ts";
import { startGitHttp } from "../../testbed/git-http.ts";
import { createGitRemote } from "../../testbed/git-remote.ts";
import { demoImage } from "../../testbed/images.ts";
import { until } from "../../testbed/wait.ts";
import { webDeployments } from "../manifests.ts";
import type { Measurement } from "../measurement.ts";
import { anonymousBytes, cpuMs } from "../process-cost.ts";
import { median, shownMiB } from "../statistics.ts";

/** After the last deployment has settled: so long nothing is measured, and then so long it is, ms. */
const SETTLE_MS = 20_000;
const MEASURED_MS = 60_000;
const COUNTS = [5, 50];

export const measurement: Measurement = {
  title: "What an idle agent costs",
  method: `The packaged executable. All deployments run, each with a readiness probe over HTTP every 5 s, and nothing changes; the repository is polled every
5 s over HTTP. Anonymous memory (heap and stacks; the rest of the resident memory is the executable, which the kernel shares
and can drop) is the median over ${String(MEASURED_MS / 1000)} s, CPU the share of one core over the same time, probes and polls included. The aim
is 30 MiB.`,
  async run({ sandbox, say }) {
    const rows: string[][] = [];
    for (const count of COUNTS) {
      const engine = await sandbox.dockerd();
      await demoImage(engine.socket, { tag: "demo:1" });
      const remote = await createGitRemote();
      sandbox.defer(() => remote.remove());
      await remote.commit(
        webDeployments(count, () => "1"),
        `${String(count)} deployments`,
      );
      const server = await startGitHttp({ repository: remote.path });
      sandbox.defer(() => server.stop());
      const agent = runAgent({
        program: await packagedExecutable(),
        repo: server.url,
        socket: engine.socket,
        dataDir: sandbox.folder(),
        port: await sandbox.freePort(),
        pollInterval: "5s",
      });
      sandbox.defer(() => agent.end("SIGTERM"));
      const { pid } = agent.process;
      if (pid === undefined) throw new Error("the agent has no process id");
      await until(
        `${String(count)} deployments run`,
        async () => {
          const states = Object.values((await agent.status().catch(() => null))?.deployments ?? {});
          return states.length === count && states.every(({ state }) => state === "running");
        },
        120_000,
      );
      await delay(SETTLE_MS);
      const [cpu, memory] = [cpuMs(pid), [anonymousBytes(pid)]];
      const end = performance.now() + MEASURED_MS;
      while (performance.now() < end) {
        await delay(1000);
        memory.push(anonymousBytes(pid));
      }
      const share = ((cpuMs(pid) - cpu) / MEASURED_MS) * 100;
      const row = [
        String(count),
        shownMiB(median(memory)),
        shownMiB(residentBytes(pid)),
        `${share.toFixed(2)} %`,
      ];
      say(row.join(", "));
      rows.push(row);
      await agent.end("SIGTERM");
      await engine.stop();
    }
    return { head: ["deployments", "anonymous memory", "resident memory", "CPU, of one core"], rows };
  },
};

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${String(pid)}/status`, "utf8"))?.[1]) * 1024;
}
