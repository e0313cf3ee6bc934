/** One engine, one repository, one agent with its ingress: what the tests of releases under load share. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { fetchText, runAgent, type RunningAgent } from "./agent.ts";
import { caddyImage, type CaddyVersion } from "./caddy.ts";
import { startDockerd, type Dockerd } from "./dockerd.ts";
import { mustApi } from "./engine-api.ts";
import { freePort } from "./free-port.ts";
import { createGitRemote, type Entry, type GitRemote } from "./git-remote.ts";
import { until } from "./wait.ts";
import { webImage } from "./web-image.ts";

const listShape = z.array(
  z.object({
    Id: z.string(),
    Names: z.array(z.string()),
    State: z.string(),
    Labels: z.record(z.string(), z.string()),
    NetworkSettings: z.object({ Networks: z.record(z.string(), z.object({ IPAddress: z.string() })) }),
  }),
);

const servicesShape = z.object({
  services: z.record(
    z.string(),
    z.object({ state: z.string(), message: z.string(), upstreams: z.array(z.string()) }),
  ),
});
type SeenServices = z.output<typeof servicesShape>["services"];

export interface SeenContainer {
  id: string;
  name: string;
  state: string;
  address: string;
}

export interface IngressRig {
  engine: Dockerd;
  remote: GitRemote;
  /** Port of the ingress for HTTP. */
  http: number;
  agent(): RunningAgent;
  /** Starts the agent again, after its end. */
  launch(): void;
  /** Containers of a deployment, running or not. */
  of(deployment: string): Promise<SeenContainer[]>;
  /** The ingress's own. */
  ingress(): Promise<SeenContainer[]>;
  services(): Promise<SeenServices>;
  /** GET through the ingress. */
  get(host: string, path?: string): Promise<{ status: number; body: string }>;
  /** Waits until a deployment has this many containers, all running, and the ingress answers with this version only. */
  serves(deployment: string, version: string, replicas?: number): Promise<void>;
  /** What the agent did so far, in order: "promote one-1a2b3c4d-1". */
  deeds(): string[];
  /** Everything that the agents logged. */
  log(): string;
  stop(): Promise<void>;
}

/** A deployment of the test application with a readiness probe, and its Service `NAME.test`. `more`: lines of its spec, `env`: lines below env. */
export function webApp(
  name: string,
  version: string,
  options: { replicas?: number; deadline?: string; more?: string[]; env?: string[]; host?: string } = {},
): Record<string, string> {
  const spec = [
    "image: web:1",
    "stopGracePeriod: 4s",
    `progressDeadline: ${options.deadline ?? "60s"}`,
    `replicas: ${String(options.replicas ?? 1)}`,
    "ports: [{containerPort: 80}]",
    'health: {readiness: {http: "localhost:80/health", interval: 1s}}',
    ...(options.more ?? []),
    "env:",
    `  VERSION: "${version}"`,
    ...(options.env ?? []).map((line) => `  ${line}`),
  ];
  return {
    [`deployments/${name}.yaml`]: document("Deployment", name, spec),
    [`services/${name}.yaml`]: document("Service", name, [
      `deployment: ${name}`,
      `ingress: {domain: {default: ${options.host ?? `${name}.test`}}}`,
    ]),
  };
}

/** One manifest. */
export function document(kind: string, name: string, spec: readonly string[]): string {
  return `apiVersion: run.orcra.dev/v0alpha\nkind: ${kind}\nmetadata: {name: ${name}}\nspec:\n${spec.map((line) => `  ${line}\n`).join("")}`;
}

/** Starts everything; `files` is the first commit. */
export async function startIngressRig(
  version: CaddyVersion,
  files: Record<string, Entry>,
): Promise<IngressRig> {
  const engine = await startDockerd();
  const dataDir = mkdtempSync(join(tmpdir(), "orun-data-"));
  const remote = await createGitRemote();
  const [http, https, port] = [await freePort(), await freePort(), await freePort()];
  const image = `caddy:${version}`;
  let agent: RunningAgent | null = null;
  let earlier = "";
  const launch = (): void => {
    earlier += agent?.output() ?? "";
    agent = runAgent({ repo: remote.path, socket: engine.socket, dataDir, port });
  };
  const running = (): RunningAgent => {
    if (agent === null) throw new Error("the agent has not been started");
    return agent;
  };
  const log = (): string => earlier + (agent?.output() ?? "");
  const stop = async (): Promise<void> => {
    await agent?.end("SIGTERM");
    await engine.stop();
    await remote.remove();
    rmSync(dataDir, { recursive: true, force: true });
  };
  const containers = async (filter: (item: z.output<typeof listShape>[number]) => boolean) =>
    listShape
      .parse(JSON.parse(await mustApi(engine.socket, "GET", "/containers/json?all=true")))
      .filter(filter)
      .map(
        (item): SeenContainer => ({
          id: item.Id,
          name: item.Names[0]?.slice(1) ?? "",
          state: item.State,
          address: Object.values(item.NetworkSettings.Networks)[0]?.IPAddress ?? "",
        }),
      );
  const of = (deployment: string): Promise<SeenContainer[]> =>
    containers((item) => item.Labels["dev.orcra.run/deployment"] === deployment);
  const get = (host: string, path = "/"): Promise<{ status: number; body: string }> =>
    fetchText(http, path, { host });

  try {
    await caddyImage(engine.socket, image, version);
    await webImage(engine.socket, ["web:1"]);
    const node = document("Node", "test", [
      "host: 127.0.0.1",
      `gitRepo: ${remote.path}`,
      "pollInterval: 500ms",
      `ingress: {image: "${image}", httpPort: ${String(http)}, httpsPort: ${String(https)}}`,
    ]);
    await remote.commit({ "nodes/test.yaml": node, ...files }, "the first commit");
    launch();
  } catch (cause) {
    await stop();
    throw cause;
  }
  return {
    engine,
    remote,
    http,
    agent: running,
    launch,
    of,
    ingress: () => containers((item) => item.Names.includes("/orun-ingress")),
    services: async () => servicesShape.parse(JSON.parse((await fetchText(port, "/status")).body)).services,
    get,
    async serves(deployment, wanted, replicas = 1) {
      let seen = "";
      const told = async (): Promise<boolean> => {
        const list = await of(deployment);
        const answer = await get(`${deployment}.test`).catch((error: unknown) => ({
          status: 0,
          body: String(error),
        }));
        seen = `${list.map((item) => `${item.name} ${item.state}`).join(", ")}; ${String(answer.status)} ${answer.body}`;
        return (
          list.length === replicas &&
          list.every((item) => item.state === "running") &&
          answer.body === `version ${wanted}`
        );
      };
      await until(`${deployment} serves version ${wanted} alone`, told, 120_000).catch((cause: unknown) => {
        const log = running().output().slice(-6000);
        throw new Error(`${deployment} never served version ${wanted} alone; last: ${seen}; log: ${log}`, {
          cause,
        });
      });
    },
    deeds: () => deedsIn(log()),
    log,
    stop,
  };
}

const eventShape = z.object({
  type: z.literal("action.done"),
  action: z.object({ kind: z.string(), name: z.string().optional(), names: z.array(z.string()).optional() }),
});

/** The actions that an agent's log tells of. */
function deedsIn(log: string): string[] {
  return log.split("\n").flatMap((line) => {
    if (!line.includes('"action.done"') || !line.endsWith("}")) return [];
    const event = eventShape.parse(JSON.parse(line));
    return [`${event.action.kind} ${event.action.name ?? event.action.names?.join(" ") ?? ""}`];
  });
}
