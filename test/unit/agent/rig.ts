/** The whole agent over engine, repository and ingress in memory, in time that a test moves. */
import { createAgent, type Agent } from "../../../src/agent/agent.ts";
import type { AgentEvent } from "../../../src/agent/events.ts";
import type { Probe } from "../../../src/manifest/deployment.ts";
import { createMemoryStore } from "../../../src/agent/memory.ts";
import type { Engine } from "../../../src/agent/ports.ts";
import { emptyMemory, type Memory } from "../../../src/state/memory.ts";
import { manualClock, type ManualClock } from "../../fakes/clock.ts";
import { demonstration } from "../../fakes/engine-behaviour.ts";
import { createFakeDocker, type FakeDocker } from "../../fakes/engine.ts";
import { createFakeIngress, type FakeIngress } from "../../fakes/ingress.ts";
import { createFakeRepository, type FakeRepository } from "../../fakes/source.ts";

export interface Rig {
  clock: ManualClock;
  docker: FakeDocker;
  repository: FakeRepository;
  ingress: FakeIngress;
  events: AgentEvent[];
  /** The commit in force, and since when (ms). */
  accepted: { commit: string; at: number } | null;
  /** Files of the node by path; null: it cannot be read. */
  files: Map<string, string | null>;
  /** Whether a probe that the container could answer does fail all the same. */
  sick: (container: string, probe: Probe) => boolean;
  /** The environments that the agent asked to go on as. */
  moves: string[];
  /** Host ports that processes of the host hold. */
  takenPorts: Set<number>;
  agent(): Agent;
  memory(): Memory;
  /** Starts the agent, with what it remembered when it ran last. */
  start(): void;
  /** Ends the agent at once, as `kill -9` does; nothing it was about to do happens any more. */
  kill(): Promise<void>;
  /** Loses state.json. */
  forget(): void;
  once(): Promise<boolean>;
  seconds(count: number): Promise<void>;
  /** Moves time until something is so; throws when it is not within `limit` seconds. */
  until(what: string, holds: () => boolean, limit?: number): Promise<void>;
  state(name: string): string | null;
  message(name: string): string;
}

const NODE = "test";

export function createRig(
  options: { branch?: string; environment?: string; wrap?: (engine: Engine) => Engine } = {},
): Rig {
  const clock = manualClock();
  const docker = createFakeDocker(clock);
  const repository = createFakeRepository();
  const ingress = createFakeIngress();
  const events: AgentEvent[] = [];
  const files = new Map<string, string | null>();
  const takenPorts = new Set<number>();
  const owner = { node: NODE, environment: options.environment ?? "production" };
  const branch = options.branch ?? "main";
  let kept: Memory = emptyMemory();
  let running: { agent: Agent; stop: AbortController; ended: Promise<unknown> } | null = null;
  for (const tag of ["demo:1", "demo:2"]) docker.load(tag, demonstration);

  const make = (stop: AbortController): Agent => {
    const memory = createMemoryStore(structuredClone(kept), (next) => {
      if (!stop.signal.aborted) kept = next;
    });
    const bare = docker.connect({ owner, branch, isKnown: (id) => id in memory.get().containers });
    return createAgent(
      {
        engine: options.wrap?.(bare) ?? bare,
        source: repository.source,
        ingress,
        files: {
          read: async (path) => {
            await Promise.resolve();
            const content = files.get(path);
            if (content === undefined || content === null) throw new Error(`${path} cannot be opened`);
            return content;
          },
          portTaken: (port) => Promise.resolve(takenPorts.has(port) ? "process 'other' (pid 7)" : null),
        },
        probe: async (target, probe, signal) => {
          await clock.sleep(1, signal);
          const ok = docker.isReady(target.containerId) && !rig.sick(target.containerId, probe);
          return { ok, detail: "as the fake says" };
        },
        memory,
        clock,
        emit: (event) => {
          events.push(event);
          if (event.type === "commit.accepted") rig.accepted = { commit: event.commit, at: clock.now() };
        },
        owner,
        branch,
        version: "0",
        pollInterval: null,
        followed: { repo: "/srv/repo.git", branch, dataDir: "/opt/orun" },
        moveTo: (name) => void rig.moves.push(name),
        limits: { engine: (work) => work(), pull: (work) => work() },
      },
      stop.signal,
    );
  };

  /** Lets time pass until `work` has ended. */
  const elapse = async <T>(what: string, work: Promise<T>): Promise<T> => {
    const over = { yes: false };
    const watched = work.finally(() => {
      over.yes = true;
    });
    for (let spent = 0; !over.yes; spent++) {
      if (spent > 600) throw new Error(`${what}: not within ten minutes`);
      await clock.advance(1000);
    }
    return await watched;
  };

  const agent = (): Agent => {
    if (running === null) throw new Error("the agent does not run");
    return running.agent;
  };
  const rig: Rig = {
    clock,
    docker,
    repository,
    ingress,
    events,
    files,
    takenPorts,
    accepted: null,
    sick: () => false,
    moves: [],
    agent,
    memory: () => kept,
    start() {
      const stop = new AbortController();
      const made = make(stop);
      running = { agent: made, stop, ended: made.run(stop.signal) };
    },
    async kill() {
      const ending = running;
      running = null;
      ending?.stop.abort();
      if (ending !== null) await elapse("the agent's end", ending.ended);
    },
    forget() {
      kept = emptyMemory();
    },
    async once() {
      const stop = new AbortController();
      const made = make(stop);
      const ended = made.once(stop.signal);
      running = { agent: made, stop, ended };
      return await elapse("one pass", ended);
    },
    seconds: (count) => clock.advance(count * 1000),
    async until(what, holds, limit = 120) {
      for (let spent = 0; !holds(); spent++) {
        if (spent > limit * 4)
          throw new Error(
            `${what}: not within ${String(limit)} s; ${JSON.stringify(agent().status.snapshot().deployments, null, 1)}`,
          );
        await clock.advance(250);
      }
    },
    state: (name) => agent().status.snapshot().deployments[name]?.state ?? null,
    message: (name) => agent().status.snapshot().deployments[name]?.message ?? "",
  };
  return rig;
}

/** A manifest of a Deployment with the demonstration image. */
export function deployment(name: string, spec = ""): string {
  const lines = `image: demo:1\nimagePullPolicy: IfNotPresent\nstopGracePeriod: 2s\n${spec}`
    .trim()
    .split("\n");
  const own = new Map(lines.map((line) => [line.split(":")[0] ?? "", line]));
  return `apiVersion: run.orcra.dev/v0alpha\nkind: Deployment\nmetadata: {name: ${name}}\nspec:\n${[...own.values()].map((line) => `  ${line}\n`).join("")}`;
}

/** A manifest of a Service that leads to a deployment. */
export function service(name: string, target = name): string {
  return `apiVersion: run.orcra.dev/v0alpha\nkind: Service\nmetadata: {name: ${name}}\nspec:\n  deployment: ${target}\n  ingress: {domain: {default: ${name}.example.com}}\n`;
}

/** A manifest of this rig's Node. */
export function node(spec = "", labels = "{}"): string {
  return `apiVersion: run.orcra.dev/v0alpha\nkind: Node\nmetadata: {name: ${NODE}, labels: ${labels}}\nspec:\n  host: 192.0.2.1\n  gitRepo: /srv/repo.git\n${spec
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => `  ${line}\n`)
    .join("")}`;
}
