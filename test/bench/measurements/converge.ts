import pLimit from "p-limit";
import { runAgent } from "../../testbed/agent.ts";
import type { Dockerd } from "../../testbed/dockerd.ts";
import { packagedExecutable } from "../../testbed/executable.ts";
import { createGitRemote } from "../../testbed/git-remote.ts";
import { demoImage } from "../../testbed/images.ts";
import { until } from "../../testbed/wait.ts";
import { createNetwork, runByHand } from "../by-hand.ts";
import { type FirstAnswers, watchFirstAnswers } from "../first-answer.ts";
import { webDeployments } from "../manifests.ts";
import type { Bench, Measurement } from "../measurement.ts";
import { median, shownMs } from "../statistics.ts";

const COUNT = 50;
/** How many containers are made at a time by hand: the best of these is the floor. */
const AT_ONCE = [4, 8];
const ROUNDS = 3;

export const measurement: Measurement = {
  title: `${String(COUNT)} deployments from nothing`,
  method: `An empty engine with the image on it, and a commit with ${String(COUNT)} deployments: the time from the agent's start, which reads
the repository at once, until the last of them has answered its first request. The floor is the same containers created and
started by hand through the engine's API, 4 or 8 at a time, whichever is faster. Median of ${String(ROUNDS)}. The aim is 1.2 times the floor.`,
  async run(bench) {
    const engine = await bench.sandbox.dockerd();
    await demoImage(engine.socket, { tag: "demo:1" });
    const answers = await watchFirstAnswers(engine.socket);
    bench.sandbox.defer(() => answers.close());
    const hand = new Map<number, number[]>(AT_ONCE.map((atOnce) => [atOnce, []]));
    const agent: { answered: number; proven: number }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      for (const [atOnce, times] of hand)
        times.push(await byHand(engine, answers, atOnce, `hand-${String(round)}-${String(atOnce)}`));
      agent.push(await byAgent(bench, engine, answers, `orun-${String(round)}`));
      bench.say(
        `round ${String(round + 1)}: by hand ${JSON.stringify([...hand])}, orun ${JSON.stringify(agent.at(-1))}`,
      );
    }
    const floor = Math.min(...[...hand.values()].map(median));
    const row = (name: string, ms: number): string[] => [name, shownMs(ms), (ms / floor).toFixed(2)];
    return {
      head: ["", "until the last", "times the floor"],
      rows: [
        ...[...hand].map(([atOnce, times]) =>
          row(`by hand, ${String(atOnce)} at a time, answers`, median(times)),
        ),
        row("orun, answers", median(agent.map(({ answered }) => answered))),
        row("orun, is proven ready", median(agent.map(({ proven }) => proven))),
      ],
    };
  },
};

async function byHand(
  engine: Dockerd,
  answers: FirstAnswers,
  atOnce: number,
  prefix: string,
): Promise<number> {
  const network = await createNetwork(engine.socket);
  const limit = pLimit(atOnce);
  const from = performance.now();
  const versions = Array.from({ length: COUNT }, (_, n) => `${prefix}-${String(n)}`);
  await Promise.all(versions.map((version) => limit(() => runByHand(engine.socket, network, version))));
  const last = Math.max(...(await Promise.all(versions.map((version) => answers.of(version)))));
  await engine.removeAll();
  return last - from;
}

async function byAgent(
  bench: Bench,
  engine: Dockerd,
  answers: FirstAnswers,
  prefix: string,
): Promise<{ answered: number; proven: number }> {
  const remote = await createGitRemote();
  bench.sandbox.defer(() => remote.remove());
  await remote.commit(
    webDeployments(COUNT, (name) => `${prefix}-${name}`),
    "all at once",
  );
  const from = performance.now();
  const agent = runAgent({
    program: await packagedExecutable(),
    repo: remote.path,
    socket: engine.socket,
    dataDir: bench.sandbox.folder(),
    port: await bench.sandbox.freePort(),
  });
  bench.sandbox.defer(() => agent.end("SIGTERM"));
  const versions = Array.from({ length: COUNT }, (_, n) => `${prefix}-web-${String(n)}`);
  const last = Math.max(...(await Promise.all(versions.map((version) => answers.of(version)))));
  await until(
    "every deployment is proven",
    async () => {
      const states = Object.values((await agent.status()).deployments);
      return states.length === COUNT && states.every(({ state }) => state === "running");
    },
    120_000,
  );
  const proven = performance.now();
  await agent.end("SIGTERM");
  await engine.removeAll();
  return { answered: last - from, proven: proven - from };
}
