/**
 * `npm run demo`: orun's main job, for real, on this machine's engine. A Git remote and small images are made locally; the
 * story is told with real commits. `-- --exit` cleans up and ends; without it the agent is left running to play with.
 */
import { spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import { fetchText } from "../test/testbed/agent.ts";
import { caddyImage } from "../test/testbed/caddy.ts";
import { api } from "../test/testbed/engine-api.ts";
import { freePort } from "../test/testbed/free-port.ts";
import { startLoad } from "../test/testbed/load.ts";
import { until } from "../test/testbed/wait.ts";
import { webImage } from "../test/testbed/web-image.ts";

const EXIT = process.argv.includes("--exit");
const PORT = 9188;
const HOST = "hello.localhost";
const httpPort = await freePort();
const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "orun-demo-"));
const work = join(folder, "infra");
const remote = join(folder, "infra.git");
const begun = performance.now();
const statusShape = z.object({
  deployments: z.record(
    z.string(),
    z.object({
      state: z.string(),
      message: z.string(),
      container_id: z.string().nullable(),
      containers: z.array(z.object({ address: z.string().nullable() })),
    }),
  ),
});

function say(text: string): void {
  process.stdout.write(`\n[${((performance.now() - begun) / 1000).toFixed(1).padStart(5)} s] ${text}\n`);
}

function run(command: string, args: string[], cwd = folder): string {
  const result = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (result.status !== 0) throw new Error(`${command} ${args.join(" ")}: ${result.stderr}`);
  return result.stdout;
}

/** The machine's engine, started when none is running; answers its socket and how to end it. */
async function engine(): Promise<{ socket: string; end: () => Promise<void> }> {
  const socket = "/var/run/docker.sock";
  if ((await api(socket, "GET", "/_ping").catch(() => null))?.status === 200)
    return { socket, end: () => Promise.resolve() };
  say("no Docker engine is running: starting one");
  const log = openSync(join(folder, "dockerd.log"), "a");
  const child = spawn("dockerd", [], {
    stdio: ["ignore", log, log],
    detached: true,
    env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` },
  });
  closeSync(log);
  child.unref();
  await until("the engine answers", async () => {
    if (child.exitCode !== null)
      throw new Error(`dockerd ended: ${readFileSync(join(folder, "dockerd.log"), "utf8").slice(-2000)}`);
    return (await api(socket, "GET", "/_ping").catch(() => null))?.status === 200;
  });
  const end = async (): Promise<void> => {
    child.kill("SIGTERM");
    await until("the engine has ended", () => child.exitCode !== null || child.signalCode !== null);
  };
  return { socket, end };
}

const manifest = (version: string, more = ""): string => `apiVersion: run.orcra.dev/v0alpha
kind: Deployment
metadata:
  name: hello
spec:
  image: orun-demo:1
  stopGracePeriod: 2s
  progressDeadline: 6s
  ports:
    - containerPort: 80
  health:
    readiness:
      http: localhost:80/health
  env:
    VERSION: ${version}
${more}`;

function push(subject: string, content?: string): void {
  if (content !== undefined) writeFileSync(join(work, "deployments", "hello.yaml"), content);
  run("git", ["add", "-A"], work);
  if (content !== undefined) run("git", ["commit", "-qm", subject], work);
  run("git", ["push", "-q", "origin", "main"], work);
}

async function hello(): Promise<z.output<typeof statusShape>["deployments"][string] | null> {
  const text = await fetchText(PORT, "/status").catch(() => null);
  return text === null ? null : (statusShape.parse(JSON.parse(text.body)).deployments["hello"] ?? null);
}

async function answer(): Promise<string> {
  return (await fetchText(httpPort, "/", { host: HOST })).body.trim();
}

/** Waits for an answer and says how long it took. */
async function answers(text: string): Promise<void> {
  const from = performance.now();
  await until(`hello answers "${text}"`, async () => (await answer().catch(() => "")) === text);
  say(`hello answers "${text}" after ${((performance.now() - from) / 1000).toFixed(1)} s`);
}

function table(): void {
  const shown = spawnSync(join(root, "bin", "orun"), ["status", "--status-port", String(PORT)], {
    encoding: "utf8",
  });
  process.stdout.write(shown.stdout.replace(/^/gm, "    "));
}

async function state(wanted: string): Promise<void> {
  await until(`hello is ${wanted}`, async () => (await hello())?.state === wanted, 70_000);
}

async function story(socket: string): Promise<void> {
  say("building small images, and a Git repository with one Node, one Deployment and one Service");
  await webImage(socket, ["orun-demo:1"]);
  await caddyImage(socket, "orun-demo-caddy:1", "2.6");
  run("git", ["init", "-q", "--bare", "-b", "main", remote]);
  run("git", ["clone", "-q", remote, work]);
  run("git", ["checkout", "-q", "-B", "main"], work);
  run("git", ["config", "user.name", "demo"], work);
  run("git", ["config", "user.email", "demo@localhost"], work);
  mkdirSync(join(work, "deployments"), { recursive: true });
  mkdirSync(join(work, "nodes"));
  mkdirSync(join(work, "services"));
  writeFileSync(
    join(work, "nodes", "demo.yaml"),
    `apiVersion: run.orcra.dev/v0alpha\nkind: Node\nmetadata:\n  name: demo\nspec:\n  host: localhost\n  gitRepo: ${remote}\n  pollInterval: 1s\n  ingress:\n    image: orun-demo-caddy:1\n    httpPort: ${String(httpPort)}\n`,
  );
  writeFileSync(
    join(work, "services", "hello.yaml"),
    `apiVersion: run.orcra.dev/v0alpha\nkind: Service\nmetadata:\n  name: hello\nspec:\n  deployment: hello\n  ingress:\n    domain:\n      default: ${HOST}\n`,
  );
  push("First deploy", manifest("1"));
  say("git push: the first deploy");
  await answers("version 1");
  await state("running");
  table();
  push("Version 2", manifest("2"));
  say("git push: version 2, while clients go on asking through the ingress");
  const load = startLoad({ port: httpPort, host: HOST, connections: 8 });
  await answers("version 2");
  await until("the old container is gone", async () => {
    const seen = await hello();
    return seen?.state === "running" && seen.containers.length === 1;
  });
  const { requests, failed, answers: bodies } = await load.stop();
  say(`${String(failed)} of ${String(requests)} requests failed during the release`);
  if (failed > 0 || Object.keys(bodies).length < 2) throw new Error("a release has to go unnoticed");
  table();
  push("Version 3, broken", manifest("3", '    NEVER_READY: "1"\n'));
  say("git push: version 3, which never becomes ready (it has 6 s)");
  await state("rolled_back");
  await answers("version 2");
  table();
  const killed = (await hello())?.container_id ?? "";
  say("somebody removes the container by hand: docker rm -f");
  await api(socket, "DELETE", `/containers/${killed}?force=true`);
  await until("another container runs", async () => {
    const id = (await hello())?.container_id ?? null;
    return id !== null && id !== killed;
  });
  await answers("version 2");
  run("git", ["revert", "--no-edit", "HEAD"], work);
  push("revert");
  say("git revert, git push: version 3 never was");
  await state("running");
  await answers("version 2");
  table();
}

async function cleanUp(socket: string): Promise<void> {
  const query = new URLSearchParams({
    all: "true",
    filters: JSON.stringify({ label: ["dev.orcra.run/node=demo"] }),
  });
  const list = z
    .array(z.object({ Id: z.string() }))
    .parse(JSON.parse((await api(socket, "GET", `/containers/json?${query.toString()}`)).body));
  for (const { Id } of list) await api(socket, "DELETE", `/containers/${Id}?force=true`);
  // The ingress belongs to the whole engine: only one that lives from the demo's folder is the demo's.
  const ingress = await api(socket, "GET", "/containers/orun-ingress/json");
  if (ingress.body.includes(folder)) await api(socket, "DELETE", "/containers/orun-ingress?force=true");
  await api(socket, "DELETE", "/networks/orun");
  await api(socket, "DELETE", "/images/orun-demo:1");
  await api(socket, "DELETE", "/images/orun-demo-caddy:1");
}

const { socket, end } = await engine();
const logPath = join(folder, "agent.log");
const log = openSync(logPath, "a");
mkdirSync(dirname(logPath), { recursive: true });
const agent = spawn(
  join(root, "bin", "orun"),
  [
    "start",
    "--repo",
    remote,
    "--node",
    "demo",
    "--data-dir",
    join(folder, "data"),
    "--docker-host",
    `unix://${socket}`,
    "--status-port",
    String(PORT),
  ],
  { stdio: ["ignore", log, log], detached: true },
);
closeSync(log);
agent.unref();
let failed = false;
try {
  await story(socket);
  say("the story is told: a push is a deploy, a broken push changes nothing, a revert is a rollback");
} catch (error) {
  failed = true;
  say(`the demo failed: ${error instanceof Error ? error.message : String(error)}`);
  if (existsSync(logPath)) process.stdout.write(readFileSync(logPath, "utf8").slice(-4000));
}
if (EXIT || failed) {
  agent.kill("SIGTERM");
  await until("the agent has ended", () => agent.exitCode !== null || agent.signalCode !== null);
  await cleanUp(socket);
  await end();
  rmSync(folder, { recursive: true, force: true });
  process.exitCode = failed ? 1 : 0;
} else {
  process.stdout.write(`
The agent goes on running. Play with it:
  curl -H 'Host: ${HOST}' http://127.0.0.1:${String(httpPort)}/
  edit ${work}/deployments/hello.yaml, then commit and push
  ${join(root, "bin", "orun")} status --status-port ${String(PORT)}
  tail -f ${logPath}
Stop it with: kill ${String(agent.pid)}   (its containers go on; remove them with docker rm -f)
`);
}
