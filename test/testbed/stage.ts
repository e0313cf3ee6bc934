/** Everything that `orun start` needs around it, real: an engine, a repository behind a transport, and the agent as a process. */
import { z } from "zod";
import { fetchText, runAgent, type RunningAgent, type SeenStatus } from "./agent.ts";
import type { Dockerd, DockerdOptions } from "./dockerd.ts";
import { mustApi } from "./engine-api.ts";
import { createGitRemote, type Entry, type GitRemote } from "./git-remote.ts";
import { demoImage } from "./images.ts";
import type { Sandbox } from "./sandbox.ts";
import { until } from "./wait.ts";

const listShape = z.array(
  z.object({
    Id: z.string(),
    Names: z.array(z.string()),
    State: z.string(),
    Image: z.string(),
    ImageID: z.string(),
    Labels: z.record(z.string(), z.string()),
  }),
);
export type Listed = z.output<typeof listShape>[number];

/** How the agent reaches the repository: its URL, and flags for keys. */
export interface Origin {
  repo: string;
  flags?: string[];
}

export interface StageOptions {
  engine?: DockerdOptions;
  /** Flags of the agent besides those for its parts; what the repository is reached with, say. */
  flags?: (remote: GitRemote) => Promise<Origin>;
  /** The socket that the agent is given instead of the engine's own. */
  socket?: (engine: Dockerd) => Promise<string>;
  env?: Record<string, string>;
  /** Default: a folder of its own. */
  dataDir?: string;
  images?: string[];
}

export interface Stage {
  engine: Dockerd;
  remote: GitRemote;
  dataDir: string;
  port: number;
  /** The agent that runs now. */
  agent(): RunningAgent;
  /** Its status; null while it does not answer. */
  seen(): Promise<SeenStatus | null>;
  /** Waits until the state and message of a deployment are so. */
  told(name: string, state: string, words: RegExp): Promise<SeenStatus["deployments"][string]>;
  /** Starts one, with more in its environment; the last one must have ended. */
  launch(env?: Record<string, string>): RunningAgent;
  /** The next agent reaches the repository elsewhere. */
  move(origin: Origin): void;
  /** Commits, and answers with the id. */
  push(files: Record<string, Entry>, message?: string): Promise<string>;
  /** Waits until the head of the branch is the commit in force. */
  inForce(): Promise<void>;
  containers(): Promise<Listed[]>;
  /** The containers of a deployment (in production). */
  of(name: string): Promise<Listed[]>;
  /** What a deployment's web server answers; "" when it does not. */
  answer(name: string): Promise<string>;
  /** Waits until this version answers, from one container, which is proven, and nothing else of the deployment is left. */
  serves(name: string, version: string): Promise<Listed>;
  gone(name: string): Promise<void>;
  /** ContainerInspect, for what the list does not tell; throws when it is gone. */
  inspect(id: string): Promise<Record<string, unknown>>;
  /** The engine's own record of what was done between two moments (s), without probes' commands. */
  events(since: number): Promise<string[]>;
}

/** Starts engine and repository; the agent only at `launch`. All of it ends with the sandbox. */
export async function openStage(box: Sandbox, options: StageOptions = {}): Promise<Stage> {
  const engine = await box.dockerd(options.engine);
  for (const tag of options.images ?? ["demo:1", "demo:2"]) await demoImage(engine.socket, { tag });
  const remote = await createGitRemote();
  box.defer(() => remote.remove());
  const dataDir = options.dataDir ?? box.folder();
  const port = await box.freePort();
  let source: Origin = options.flags === undefined ? { repo: remote.path } : await options.flags(remote);
  const socket = options.socket === undefined ? engine.socket : await options.socket(engine);
  let running: RunningAgent | null = null;
  box.defer(() => running?.end("SIGTERM"));

  const agent = (): RunningAgent => {
    if (running === null) throw new Error("no agent was launched");
    return running;
  };
  const seen = (): Promise<SeenStatus | null> =>
    agent()
      .status()
      .catch(() => null);
  const containers = async (): Promise<Listed[]> =>
    listShape.parse(JSON.parse(await mustApi(engine.socket, "GET", "/containers/json?all=true")));
  const of = async (name: string): Promise<Listed[]> =>
    (await containers()).filter(
      (item) =>
        item.Labels["dev.orcra.run/deployment"] === name &&
        item.Labels["dev.orcra.run/environment"] === "production",
    );
  const inspect = async (id: string): Promise<Record<string, unknown>> =>
    z
      .record(z.string(), z.unknown())
      .parse(JSON.parse(await mustApi(engine.socket, "GET", `/containers/${id}/json`)));
  const answer = async (name: string): Promise<string> => {
    const status = await seen();
    const address = status?.deployments[name]?.containers.find((item) => item.address !== null)?.address;
    if (address === undefined || address === null) return "";
    return (await fetchText(80, "/", {}, address).catch(() => ({ body: "" }))).body.trim();
  };
  return {
    engine,
    remote,
    dataDir,
    port,
    agent,
    seen,
    async told(name, state, words) {
      try {
        return await until(
          `${name} is ${state} with ${String(words)}`,
          async () => {
            const item = (await seen())?.deployments[name];
            return item?.state === state && words.test(item.message) ? item : null;
          },
          90_000,
        );
      } catch (cause) {
        throw new Error(`${JSON.stringify(await seen())}\n${agent().output().slice(-6000)}`, { cause });
      }
    },
    containers,
    of,
    answer,
    inspect,
    launch(env = {}) {
      const { repo, flags = [] } = source;
      running = runAgent({ repo, socket, dataDir, port, flags, env: { ...options.env, ...env } });
      return running;
    },
    move(origin) {
      source = origin;
    },
    push: (files, message = Object.keys(files).join(" ")) => remote.commit(files, message),
    async inForce() {
      const head = await remote.head();
      await until(`commit ${String(head)} is in force`, async () => {
        const status = await seen();
        return status?.node.git_head === head;
      });
    },
    async serves(name, version) {
      try {
        return await until(
          `${name} serves version ${version} alone`,
          async () => {
            const [item, second] = await of(name);
            if (item === undefined || second !== undefined || item.State !== "running") return null;
            const status = await seen();
            if (status?.deployments[name]?.ready_replicas !== 1) return null;
            return (await answer(name)) === `version ${version}` ? item : null;
          },
          90_000,
        );
      } catch (cause) {
        const status = await seen();
        throw new Error(
          `${name} did not come to version ${version}; ${JSON.stringify(status)}\n${agent().output().slice(-6000)}`,
          { cause },
        );
      }
    },
    gone: async (name) => {
      await until(`${name} is gone`, async () => (await of(name)).length === 0);
    },
    async events(since) {
      const query = new URLSearchParams({
        since: String(since),
        until: String(Math.ceil(Date.now() / 1000)),
        filters: JSON.stringify({ type: ["container", "network", "image", "volume"] }),
      });
      const body = await mustApi(engine.socket, "GET", `/events?${query.toString()}`);
      return body.split("\n").filter((line) => line !== "" && !line.includes('"exec_'));
    },
  };
}
