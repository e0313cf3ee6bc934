import { setTimeout as delay } from "node:timers/promises";
import { runAgent } from "../../testbed/agent.ts";
import { packagedExecutable } from "../../testbed/executable.ts";
import { startGitHttp } from "../../testbed/git-http.ts";
import { startGitSsh } from "../../testbed/git-ssh.ts";
import { createGitRemote } from "../../testbed/git-remote.ts";
import type { Bench, Measurement } from "../measurement.ts";
import { cpuMs } from "../process-cost.ts";
import { shownMs } from "../statistics.ts";

/** Until the runtime has compiled what it compiles, and for so long it is then measured, ms. */
const WARM_UP_MS = 15_000;
const MEASURED_MS = 30_000;
const POLL_MS = 500;

interface Access {
  repo: string;
  flags: string[];
}

export const measurement: Measurement = {
  title: "What a poll without news costs",
  method: `CPU time of the agent and of everything it starts (for ssh: the client and the shared connection), user and system,
polling every ${String(POLL_MS)} ms for ${String(MEASURED_MS / 1000)} s; without what it costs when it polls once a day. The Git server runs apart and is not
counted. The aim is 10 ms.`,
  async run(bench) {
    const { sandbox } = bench;
    const engine = await sandbox.dockerd();
    const remote = await createGitRemote();
    sandbox.defer(() => remote.remove());
    await remote.commit({ "nodes/test.yaml": nodeManifest }, "one node");
    const http = await startGitHttp({ repository: remote.path });
    sandbox.defer(() => http.stop());
    const ssh = await startGitSsh({ repository: remote.path });
    sandbox.defer(() => ssh.stop());
    const keys = ["--deploy-key", ssh.deployKey, "--known-hosts", ssh.knownHosts];
    const ways: [string, Access][] = [
      ["local path", { repo: remote.path, flags: [] }],
      ["HTTP", { repo: http.url, flags: [] }],
      ["SSH", { repo: ssh.url, flags: keys }],
    ];
    const rows: string[][] = [];
    const idle = await cost(bench, engine.socket, { repo: remote.path, flags: [] }, "24h");
    for (const [name, access] of ways) {
      const all = await cost(bench, engine.socket, access, `${String(POLL_MS)}ms`);
      const each = (all - idle) / (MEASURED_MS / POLL_MS);
      bench.say(`${name}: ${shownMs(each)}`);
      rows.push([name, shownMs(each)]);
    }
    return { head: ["over", "CPU time of one poll"], rows };
  },
};

/** CPU time (ms) over the measured span. */
async function cost(bench: Bench, socket: string, access: Access, pollInterval: string): Promise<number> {
  const agent = runAgent({
    program: await packagedExecutable(),
    ...access,
    socket,
    dataDir: bench.sandbox.folder(),
    port: await bench.sandbox.freePort(),
    pollInterval,
  });
  const { pid } = agent.process;
  if (pid === undefined) throw new Error("the agent has no process id");
  bench.sandbox.defer(() => agent.end("SIGTERM"));
  await delay(WARM_UP_MS);
  const { node } = await agent.status();
  if (node.git_head === null || node.sync_error !== null)
    throw new Error(`the agent did not follow ${access.repo}: ${node.sync_error ?? "no commit yet"}`);
  const before = cpuMs(pid);
  await delay(MEASURED_MS);
  const used = cpuMs(pid) - before;
  await agent.end("SIGTERM");
  return used;
}

const nodeManifest = `apiVersion: run.orcra.dev/v0alpha
kind: Node
metadata: {name: test}
spec: {host: localhost, gitRepo: "https://git.example.com/infra.git"}
`;
