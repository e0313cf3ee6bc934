/** Planted secrets show up nowhere but where they belong: in the workload (FAULTS, invariant I15, attack 28). */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { fetchText, runAgent, type RunningAgent } from "../testbed/agent.ts";
import type { Dockerd } from "../testbed/dockerd.ts";
import { api } from "../testbed/engine-api.ts";
import { freePort } from "../testbed/free-port.ts";
import { createGitRemote, type GitRemote } from "../testbed/git-remote.ts";
import { startGitSsh } from "../testbed/git-ssh.ts";
import { demoImage, pushImage } from "../testbed/images.ts";
import { openSandbox } from "../testbed/sandbox.ts";
import { until } from "../testbed/wait.ts";

const PLANTED = {
  env: "s3cret-in-env-4711",
  changed: "s3cret-changed-4712",
  mistyped: "s3cret-mistyped-4713",
  envFile: "s3cret-in-file-4714",
};

describe("secrets", () => {
  const sandbox = openSandbox({ after });
  const argv = new Set<string>();
  const secrets = new Map<string, string>(Object.entries(PLANTED));
  let engine: Dockerd;
  let agent: RunningAgent;
  let remote: GitRemote;
  let folder: string;
  let host = "";

  const manifest = (secret: string, more = ""): string =>
    `apiVersion: run.orcra.dev/v0alpha\nkind: Deployment\nmetadata: {name: hello}\nspec:\n  image: ${host}/demo:1\n  stopGracePeriod: 1s\n  progressDeadline: 4s\n  envFiles: [${join(folder, "hello.env")}]\n  ports: [{containerPort: 80}]\n  health: {readiness: {http: "localhost:80/health"}}\n  env:\n    PASSWORD: ${secret}\n${more}`;

  before(async () => {
    folder = sandbox.folder();
    engine = await sandbox.dockerd();
    const registry = await sandbox.registry({ auth: true });
    host = registry.host;
    assert.ok(registry.auth !== null);
    await demoImage(engine.socket, { tag: "demo:1" });
    await pushImage(engine.socket, "demo:1", `${host}/demo:1`, registry.auth);
    await api(engine.socket, "DELETE", `/images/${host}/demo:1`);
    const login = Buffer.from(`${registry.auth.user}:${registry.auth.password}`).toString("base64");
    secrets.set("registry password", registry.auth.password).set("registry login", login);
    mkdirSync(join(folder, "docker"));
    writeFileSync(
      join(folder, "docker", "config.json"),
      JSON.stringify({ auths: { [host]: { auth: login } } }),
    );
    writeFileSync(join(folder, "hello.env"), `TOKEN=${PLANTED.envFile}\n`);
    remote = await createGitRemote();
    sandbox.defer(() => remote.remove());
    await remote.commit({ "deployments/hello.yaml": manifest(PLANTED.env) }, "hello");
    const ssh = await startGitSsh({ repository: remote.path });
    sandbox.defer(() => ssh.stop());
    secrets.set("deploy key", readFileSync(ssh.deployKey, "utf8").split("\n")[2] ?? "");
    const before_ = process.env["DOCKER_CONFIG"];
    process.env["DOCKER_CONFIG"] = join(folder, "docker");
    agent = runAgent({
      repo: ssh.url,
      socket: engine.socket,
      dataDir: join(folder, "data"),
      port: await freePort(),
      flags: ["--deploy-key", ssh.deployKey, "--known-hosts", ssh.knownHosts],
    });
    if (before_ === undefined) delete process.env["DOCKER_CONFIG"];
    else process.env["DOCKER_CONFIG"] = before_;
    sandbox.defer(() => agent.end("SIGTERM"));
    const timer = setInterval(() => {
      for (const words of argumentVectors()) argv.add(words);
    }, 50);
    sandbox.defer(() => clearInterval(timer));
  });

  it("appear in no log, status, metric, label and argument vector", async () => {
    await agent.state("hello", "running", 80_000);
    // A change, a mistake on the line itself, and a release that fails: each is told about at length.
    await remote.commit({ "deployments/hello.yaml": manifest(PLANTED.changed) }, "another secret");
    await until("the change is in force", () => /env PASSWORD changed/.test(agent.output()), 80_000);
    await agent.state("hello", "running", 80_000);
    await remote.commit(
      { "deployments/hello.yaml": manifest(`[${PLANTED.mistyped}]`) },
      "a list where a text belongs",
    );
    await agent.state("hello", "held", 80_000);
    const told = (await fetchText(agent.port, "/status")).body;
    await remote.commit(
      { "deployments/hello.yaml": manifest(PLANTED.env, '    NEVER_READY: "1"\n') },
      "a release that fails",
    );
    await agent.state("hello", "rolled_back", 80_000);

    const list = z.array(z.object({ Id: z.string(), Labels: z.unknown() }));
    const containers = await until("only the good one is left", async () => {
      const all = list.parse(JSON.parse((await api(engine.socket, "GET", "/containers/json?all=true")).body));
      return all.length === 1 ? all : null;
    });
    const inspected = await api(engine.socket, "GET", `/containers/${containers[0]?.Id ?? ""}/json`);
    // They are where they belong: else the rest of this proves nothing.
    assert.ok(inspected.body.includes(PLANTED.changed) && inspected.body.includes(PLANTED.envFile));
    const places = new Map([
      ["the log", agent.output()],
      ["the status with a mistake", told],
      ["the status", (await fetchText(agent.port, "/status")).body],
      ["the metrics", (await fetchText(agent.port, "/metrics")).body],
      ["labels", JSON.stringify(containers.map((item) => item.Labels))],
      ["networks", (await api(engine.socket, "GET", "/networks")).body],
      ["argument vectors", [...argv].join("\n")],
    ]);
    assert.match(places.get("the log") ?? "", /rolled_back|failed/);
    assert.match(places.get("argument vectors") ?? "", /upload-pack|ssh/);
    for (const [place, text] of places)
      for (const [name, secret] of secrets) assert.ok(!text.includes(secret), `${name} shows up in ${place}`);
  });
});

/** What every process of this machine shows to all users. */
function argumentVectors(): string[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      return [readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")];
    } catch {
      // It ended meanwhile.
      return [];
    }
  });
}
