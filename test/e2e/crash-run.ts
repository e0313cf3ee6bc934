/** One run of the crash sweep: an environment of its own, an agent that makes single passes, a proxy that breaks one call. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { mustApi } from "../testbed/engine-api.ts";
import { startEngineProxy } from "../testbed/engine-proxy.ts";
import { createGitRemote } from "../testbed/git-remote.ts";
import type { Scenario } from "./crash-scenarios.ts";

export type Moment = "killed before" | "killed after" | "answer lost";

/** What is left in the end, without what differs from run to run (ids, addresses, ports). */
export interface Outcome {
  exit: number | null;
  containers: string[];
  networks: number;
  remembered: string[];
  violations: string[];
  bystander: "untouched" | "touched";
}

export interface Changed {
  outcome: Outcome;
  /** Those of the first pass. */
  calls: string[];
  /** The crash took place. */
  hit: boolean;
  /** What the pass after the crash took. */
  healedMs: number;
}

export interface CrashRun {
  /** Leads the host to where the scenario begins. */
  start(): Promise<void>;
  /** Makes the change, with a crash or without. */
  change(crash: { at: number; moment: Moment } | null): Promise<Changed>;
  close(): Promise<void>;
}

/** A pass that takes longer (ms) hangs. */
const PASS_MS = 90_000;

const root = join(import.meta.dirname, "..", "..");
const inspected = z.object({
  Id: z.string(),
  Name: z.string(),
  Config: z.object({ Env: z.array(z.string()), Labels: z.record(z.string(), z.string()).nullish() }),
  State: z.object({ Status: z.string(), StartedAt: z.string() }),
  HostConfig: z.object({ RestartPolicy: z.object({ Name: z.string() }) }),
  NetworkSettings: z.object({
    Networks: z.record(
      z.string(),
      z.object({
        Aliases: z.array(z.string()).nullish(),
        IPAMConfig: z.object({ IPv4Address: z.string().optional() }).nullish(),
      }),
    ),
  }),
});
type Inspected = z.output<typeof inspected>;
const good = z.object({ env: z.record(z.string(), z.string()) }).nullable();
const state = z.object({
  memory: z.object({
    deployments: z.record(z.string(), z.object({ lastGood: good, quarantine: z.unknown().nullable() })),
  }),
});

export async function openCrashRun(
  engineSocket: string,
  scenario: Scenario,
  branch: string,
): Promise<CrashRun> {
  const dataDir = mkdtempSync(join(tmpdir(), "orun-sweep-"));
  const remote = await createGitRemote();
  const proxy = await startEngineProxy(engineSocket, {
    node: "test",
    environment: branch,
    recreate: scenario.recreate,
    gone: scenario.gone,
  });

  /** One `orun start --once`; `began` is given the means to kill it. */
  const pass = (began: (kill: () => Promise<void>) => void = () => undefined): Promise<Pass> => {
    const args = ["start", "--once", "--repo", remote.path, "--branch", branch, "--node", "test"];
    args.push("--data-dir", dataDir, "--docker-host", `unix://${proxy.socket}`, "--poll-interval", "500ms");
    const child = spawn(join(root, "bin", "orun"), args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const keep = (chunk: Buffer): void => void (output += chunk.toString("utf8"));
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    return new Promise((resolve, reject) => {
      const alarm = setTimeout(() => {
        child.kill("SIGKILL");
        reject(new Error(`a pass did not end within ${String(PASS_MS)} ms:\n${output.slice(-6000)}`));
      }, PASS_MS);
      const ended = new Promise<void>((over) => {
        child.once("close", (code) => {
          clearTimeout(alarm);
          over();
          resolve({ code, output });
        });
      });
      began(async () => {
        child.kill("SIGKILL");
        await ended;
      });
    });
  };

  const containers = async (): Promise<Inspected[]> => {
    const filter = encodeURIComponent(JSON.stringify({ label: [`dev.orcra.run/environment=${branch}`] }));
    const list = await mustApi(engineSocket, "GET", `/containers/json?all=true&filters=${filter}`);
    const ids = z.array(z.object({ Id: z.string() })).parse(JSON.parse(list));
    return await Promise.all(
      ids.map(async ({ Id }) =>
        inspected.parse(JSON.parse(await mustApi(engineSocket, "GET", `/containers/${Id}/json`))),
      ),
    );
  };
  const bystander = async (): Promise<string> =>
    JSON.stringify(
      (await containers())
        .filter((item) => deploymentOf(item) === "other")
        .map((item) => [item.Id, item.State.StartedAt]),
    );
  const networks = async (): Promise<string[]> => {
    const filter = encodeURIComponent(JSON.stringify({ label: [`dev.orcra.run/environment=${branch}`] }));
    const list = await mustApi(engineSocket, "GET", `/networks?filters=${filter}`);
    return z
      .array(z.object({ Id: z.string() }))
      .parse(JSON.parse(list))
      .map((item) => item.Id);
  };
  let other = "";

  return {
    async start() {
      await remote.commit(scenario.before, "where it begins", { branch });
      const first = await pass();
      if (first.code !== 0)
        throw new Error(`the first pass ended with ${String(first.code)}:\n${first.output}`);
      other = await bystander();
      proxy.forget();
    },
    async change(crash) {
      await remote.commit(scenario.change, "the change", { branch });
      let kill: () => Promise<void> = () => Promise.resolve();
      if (crash !== null) {
        await proxy.fault(
          crash.moment === "answer lost"
            ? { kind: "drop-reply", at: crash.at }
            : {
                kind: "kill",
                at: crash.at,
                when: crash.moment === "killed before" ? "before" : "after",
                kill: () => kill(),
              },
        );
      }
      const first = await pass((means) => {
        kill = means;
      });
      const calls = proxy.calls().map((call) => `${call.method} ${call.path.replace(/[0-9a-f]{64}/g, "…")}`);
      const hit = crash === null || proxy.hits() === 1;
      await proxy.fault(null);
      const from = performance.now();
      const last = crash === null ? first : await pass();
      const healedMs = performance.now() - from;
      const left = await containers();
      const outcome: Outcome = {
        exit: last.code,
        containers: left.map((item) => describeContainer(item, branch)).sort(),
        networks: (await networks()).length,
        remembered: rememberedIn(join(dataDir, "state.json")),
        violations: [...proxy.violations],
        bystander: (await bystander()) === other ? "untouched" : "touched",
      };
      if (last.code !== scenario.exit) {
        throw new Error(
          `exit code ${String(last.code)} instead of ${String(scenario.exit)} after ${JSON.stringify(crash)}:\n${first.output}\n---\n${last.output}`,
        );
      }
      return { outcome, calls, hit, healedMs };
    },
    async close() {
      for (const item of await containers())
        await mustApi(engineSocket, "DELETE", `/containers/${item.Id}?force=true`);
      for (const id of await networks()) await mustApi(engineSocket, "DELETE", `/networks/${id}`);
      await proxy.stop();
      await remote.remove();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

interface Pass {
  code: number | null;
  output: string;
}

function deploymentOf(item: Inspected): string {
  return item.Config.Labels?.["dev.orcra.run/deployment"] ?? "";
}

function describeContainer(item: Inspected, branch: string): string {
  const name = deploymentOf(item);
  const replica = item.Config.Labels?.["dev.orcra.run/replica"] ?? "";
  const version = item.Config.Env.find((entry) => entry.startsWith("VERSION=")) ?? "no version";
  const named = new RegExp(`^/${branch}\\.${name}-[0-9a-f]{8}-${replica}$`).test(item.Name);
  const endpoints = Object.entries(item.NetworkSettings.Networks).map(([network, endpoint]) => {
    const alias = (endpoint.Aliases ?? []).includes(name) ? "by its name" : "without its name";
    const fixed = endpoint.IPAMConfig?.IPv4Address === undefined ? "no fixed address" : "a fixed address";
    return `${network.replace(branch, "ENV")} ${alias}, ${fixed}`;
  });
  return `${name} ${replica} ${version} ${item.State.Status}, restart ${item.HostConfig.RestartPolicy.Name}, ${named ? "its name" : item.Name}, ${endpoints.join(" and ")}`;
}

function rememberedIn(file: string): string[] {
  const { memory } = state.parse(JSON.parse(readFileSync(file, "utf8")));
  return Object.entries(memory.deployments)
    .map(
      ([name, { lastGood, quarantine }]) =>
        `${name}: good ${lastGood?.env["VERSION"] ?? "none"}, ${quarantine === null ? "nothing" : "a revision"} quarantined`,
    )
    .sort();
}
