import { spawnSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { runAgent } from "../../testbed/agent.ts";
import { packagedExecutable } from "../../testbed/executable.ts";
import { startGitHttp } from "../../testbed/git-http.ts";
import { createGitRemote, type GitRemote } from "../../testbed/git-remote.ts";
import { demoImage } from "../../testbed/images.ts";
import { createNetwork, removeByHand, runByHand } from "../by-hand.ts";
import { composeProgram, startComposeLoop } from "../compose.ts";
import { watchFirstAnswers, type FirstAnswers } from "../first-answer.ts";
import { webDeployment } from "../manifests.ts";
import type { Bench, Measurement } from "../measurement.ts";
import { median, shownMs } from "../statistics.ts";

const INTERVAL_MS = 1000;
const RELEASES = 12;
/** Around 2 s pass between two pushes in any case, so that nothing of one release is left in the next. */
const PAUSE_MS = 2000;

export const measurement: Measurement = {
  title: "From a push to the first answer",
  method: `One deployment, its image on the node, one environment variable changed in each of ${String(RELEASES)} releases, pushed at
different moments of a poll interval of 1 s over HTTP. Measured from the end of the push until a container of the new version
answers its first request. The floor is the same container created and started by hand through the engine's API, with nobody
to notice a push. The peer is \`git pull && docker compose up -d; sleep 1\` in a loop. The aim is 1.25 times the floor plus
the poll.`,
  async run(bench) {
    const engine = await bench.sandbox.dockerd();
    await demoImage(engine.socket, { tag: "demo:1" });
    const answers = await watchFirstAnswers(engine.socket);
    bench.sandbox.defer(() => answers.close());
    const floor = await byHand(engine.socket, answers);
    bench.say(`by hand: ${shownMs(median(floor))}`);
    const agent = await byAgent(bench, engine.socket, answers);
    bench.say(`orun: ${shownMs(median(agent))}`);
    const compose = composeProgram();
    const peer = await byCompose(bench, engine.socket, compose.path, answers);
    const aim = 1.25 * median(floor);
    return {
      head: ["", "median", "fastest", "slowest"],
      rows: [
        row("by hand through the API (the floor)", floor),
        row("orun, poll every 1 s", agent),
        row(`Compose ${compose.version} in a loop, every 1 s`, peer),
        [
          "aim: 1.25 times the floor, plus half a poll, none, a whole one",
          shownMs(aim + INTERVAL_MS / 2),
          shownMs(aim),
          shownMs(aim + INTERVAL_MS),
        ],
      ],
    };
  },
};

function row(name: string, times: readonly number[]): string[] {
  return [name, shownMs(median(times)), shownMs(Math.min(...times)), shownMs(Math.max(...times))];
}

/** Each beside the one before it, which is then removed: as a release does it. */
async function byHand(socket: string, answers: FirstAnswers): Promise<number[]> {
  const network = await createNetwork(socket);
  const times: number[] = [];
  let last: string | null = null;
  for (let n = 0; n <= RELEASES; n++) {
    const from = performance.now();
    const id = await runByHand(socket, network, `hand-${String(n)}`);
    const took = (await answers.of(`hand-${String(n)}`)) - from;
    // The first has no other beside it, and warms the engine up.
    if (n > 0) times.push(took);
    if (last !== null) await removeByHand(socket, last);
    last = id;
  }
  if (last !== null) await removeByHand(socket, last);
  return times;
}

async function byAgent(bench: Bench, socket: string, answers: FirstAnswers): Promise<number[]> {
  const remote = await openRemote(bench);
  const server = await startGitHttp({ repository: remote.path });
  bench.sandbox.defer(() => server.stop());
  const push = (version: string): Promise<string> =>
    remote.commit({ "deployments/web.yaml": webDeployment("web", version) }, version);
  await push("orun-0");
  const agent = runAgent({
    program: await packagedExecutable(),
    repo: server.url,
    socket,
    dataDir: bench.sandbox.folder(),
    port: await bench.sandbox.freePort(),
    pollInterval: `${String(INTERVAL_MS)}ms`,
  });
  bench.sandbox.defer(() => agent.end("SIGTERM"));
  await agent.state("web", "running");
  const times = await release("orun", push, answers).catch((cause: unknown) => {
    throw new Error(`a release of orun's was not seen; the end of its log:\n${agent.output().slice(-4000)}`, {
      cause,
    });
  });
  await agent.end("SIGTERM");
  return times;
}

async function byCompose(
  bench: Bench,
  socket: string,
  program: string,
  answers: FirstAnswers,
): Promise<number[]> {
  const remote = await openRemote(bench);
  const push = (version: string): Promise<string> =>
    remote.commit({ "compose.yaml": composeFile(version) }, version);
  await push("compose-0");
  const folder = bench.sandbox.folder();
  const cloned = spawnSync("git", ["clone", "-q", remote.path, folder], { encoding: "utf8" });
  if (cloned.status !== 0) throw new Error(`git clone: ${cloned.stderr}`);
  const loop = startComposeLoop({ program, folder, socket, intervalMs: INTERVAL_MS });
  bench.sandbox.defer(() => loop.end());
  await answers.of("compose-0");
  return await release("compose", push, answers);
}

/** Pushes one release after the other, each a little later in the poll interval than the one before. */
async function release(
  prefix: string,
  push: (version: string) => Promise<string>,
  answers: FirstAnswers,
): Promise<number[]> {
  const times: number[] = [];
  for (let n = 1; n <= RELEASES; n++) {
    await delay(PAUSE_MS + (n * INTERVAL_MS) / RELEASES);
    await push(`${prefix}-${String(n)}`);
    const from = performance.now();
    times.push((await answers.of(`${prefix}-${String(n)}`)) - from);
  }
  return times;
}

async function openRemote(bench: Bench): Promise<GitRemote> {
  const remote = await createGitRemote();
  bench.sandbox.defer(() => remote.remove());
  return remote;
}

const composeFile = (version: string): string => `services:
  web:
    image: demo:1
    stop_grace_period: 2s
    environment:
      VERSION: "${version}"
`;
