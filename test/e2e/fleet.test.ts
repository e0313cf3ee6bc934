/** The whole fleet from the manifest repository: two agents, over a real sshd, beside nodes that do not answer. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { runAgent } from "../testbed/agent.ts";
import { freePort } from "../testbed/free-port.ts";
import { type GitSsh, startGitSsh } from "../testbed/git-ssh.ts";
import { createGitRemote } from "../testbed/git-remote.ts";
import { demoImage } from "../testbed/images.ts";
import { openSandbox } from "../testbed/sandbox.ts";

import { until } from "../testbed/wait.ts";

const root = join(import.meta.dirname, "..", "..");
const orun = join(root, "bin", "orun");
/** Nobody else's agents on this machine have these names. */
const MARK = `fleet-${String(process.pid)}`;
const WEB = `${MARK}-web`;
const STAGING = `${MARK}-staging`;
/** No other test on this machine has an agent of that environment: agents are found by it. */
const BRANCH = "fleet-staging";

const fleetShape = z.object({
  nodes: z.record(
    z.string(),
    z.object({
      status: z
        .object({
          node: z.object({ name: z.string(), environment: z.string() }),
          deployments: z.record(
            z.string(),
            z.object({ state: z.string(), image_digest: z.string().nullable() }),
          ),
        })
        .nullable(),
      error: z.string().nullable(),
    }),
  ),
});

interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

describe("a fleet over ssh", () => {
  const sandbox = openSandbox({ after });
  const folder = sandbox.folder();
  const repo = join(folder, "repo");
  const temporary = join(folder, "tmp");
  let server: GitSsh;

  const environment = (): NodeJS.ProcessEnv => ({
    ...process.env,
    PATH: `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`,
    TMPDIR: temporary,
  });
  const launch = (...args: string[]): { child: ChildProcess; said: Ran; ended: Promise<Ran> } => {
    const child = spawn(orun, args, { cwd: repo, env: environment(), stdio: ["ignore", "pipe", "pipe"] });
    sandbox.defer(() => child.kill("SIGKILL"));
    const said: Ran = { code: null, stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8");
      child[name].on("data", (chunk: string) => {
        said[name] += chunk;
      });
    }
    return {
      child,
      said,
      ended: once(child, "close").then(([code]) => ({ ...said, code: z.int().nullable().parse(code) })),
    };
  };
  const run = (...args: string[]): Promise<Ran> => launch(...args).ended;
  const node = (name: string, host: { port: number; key: string }): void =>
    writeFileSync(
      join(repo, "nodes", `${name}.yaml`),
      `apiVersion: run.orcra.dev/v0alpha\nkind: Node\nmetadata: {name: ${name}}\nspec:\n  host: 127.0.0.1\n  sshPort: ${String(host.port)}\n  sshKeyPath: ${host.key}\n  gitRepo: /repo\n`,
    );
  /** Processes on "the node" that were started for us. */
  const remoteLogs = (): string[] =>
    readdirSync("/proc").filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        return words.includes("--while-stdin") && words.includes(WEB) && words[0]?.endsWith("node") === true;
      } catch {
        return false;
      }
    });

  before(async () => {
    for (const name of [repo, join(repo, "nodes"), temporary, join(folder, "bin")]) mkdirSync(name);
    const engine = await sandbox.dockerd();
    await demoImage(engine.socket, { tag: "demo:1" });
    const remote = await createGitRemote();
    sandbox.defer(() => remote.remove());
    const manifest = `apiVersion: run.orcra.dev/v0alpha\nkind: Deployment\nmetadata: {name: hello}\nspec:\n  image: demo:1\n  imagePullPolicy: IfNotPresent\n  stopGracePeriod: 1s\n  ports: [{containerPort: 80}]\n`;
    await remote.commit({ "deployments/hello.yaml": manifest }, "hello");
    await remote.commit({ "deployments/hello.yaml": manifest }, "hello", { branch: BRANCH });
    for (const [name, branch] of [
      [WEB, "main"],
      [STAGING, BRANCH],
    ] as const) {
      const agent = runAgent({
        repo: remote.path,
        socket: engine.socket,
        dataDir: join(folder, name),
        port: await freePort(),
        node: name,
        branch,
      });
      sandbox.defer(() => agent.end("SIGTERM"));
      await agent.state("hello", "running", 80_000);
    }

    // "The node": the checkout stands where the executable would be, and the engine where Docker's is.
    const wrapper = join(folder, "session");
    writeFileSync(
      wrapper,
      `#!/bin/sh\nexport DOCKER_HOST=unix://${engine.socket}\nexec sh -c "$(printf %s "$SSH_ORIGINAL_COMMAND" | sed 's#^/usr/local/bin/orun#exec ${orun}#')"\n`,
    );
    chmodSync(wrapper, 0o755);
    server = await startGitSsh({ repository: "", command: wrapper });
    sandbox.defer(() => server.stop());
    const changed = await startGitSsh({ repository: "", command: wrapper });
    sandbox.defer(() => changed.stop());
    const known = join(folder, "known_hosts");
    writeFileSync(known, readFileSync(server.knownHosts, "utf8") + readFileSync(changed.knownHosts, "utf8"));
    await changed.restart({ newHostKey: true });
    // Accepts, and never says a word.
    const dark = createServer((socket) => {
      sandbox.defer(() => socket.destroy());
      socket.on("error", () => undefined);
    });
    dark.listen(0, "127.0.0.1");
    await once(dark, "listening");
    sandbox.defer(() => dark.close());
    const address = dark.address();

    // The operator's own configuration of ssh.
    writeFileSync(
      join(folder, "bin", "ssh"),
      `#!/bin/sh\nexec /usr/bin/ssh -F /dev/null -o UserKnownHostsFile=${known} -o GlobalKnownHostsFile=/dev/null -o IdentitiesOnly=yes -o IdentityAgent=none "$@"\n`,
    );
    chmodSync(join(folder, "bin", "ssh"), 0o755);
    node(WEB, { port: server.port, key: server.deployKey });
    node(STAGING, { port: server.port, key: server.deployKey });
    node("changed", { port: changed.port, key: changed.deployKey });
    node("dark", {
      port: typeof address === "object" && address !== null ? address.port : 0,
      key: server.deployKey,
    });
    node("locked-out", { port: server.port, key: server.otherKey });
    writeFileSync(
      join(repo, "nodes", "mistaken.yaml"),
      "apiVersion: run.orcra.dev/v0alpha\nkind: Node\nmetadata: {name: mistaken}\nspec: {hots: x, gitRepo: /r}\n",
    );
  });

  it("shows every node in one table, and for those that do not answer why", async () => {
    // Below ssh's own limit, so that it is ours that ends the wait for the dark one.
    const [json, table] = await Promise.all([
      run("status", "--all", "--json", "--timeout", "14s"),
      run("status", "--all", "--timeout", "14s"),
    ]);
    assert.equal(json.code, 1, json.stderr);
    const { nodes } = fleetShape.parse(JSON.parse(json.stdout));
    assert.deepEqual(
      Object.keys(nodes).sort(),
      ["changed", "dark", STAGING, WEB, "locked-out", "mistaken"].sort(),
    );
    const web = nodes[WEB];
    assert.equal(web?.status?.node.name, WEB, web?.error ?? "");
    assert.equal(web.status.deployments["hello"]?.state, "running");
    assert.equal(nodes[STAGING]?.status?.node.environment, BRANCH);
    assert.match(nodes["changed"]?.error ?? "", /host shows another key/);
    assert.match(nodes["dark"]?.error ?? "", /no answer within 14 s/);
    assert.match(nodes["locked-out"]?.error ?? "", /Permission denied/);
    assert.match(nodes["mistaken"]?.error ?? "", /nodes\/mistaken\.yaml:4:\d+: error: unknown field 'hots'/);

    assert.equal(table.code, 1);
    assert.match(table.stdout, /^6 nodes, 4 without an answer$/m);
    assert.match(table.stdout, new RegExp(`^${WEB} +hello +running +1/1 `, "m"));
    assert.match(table.stdout, new RegExp(`^${STAGING} +hello +running +1/1 `, "m"));
    assert.match(table.stdout, /^dark +- +no answer +-/m);
    assert.match(table.stdout, /^! dark: no answer: /m);
  });

  it("asks one node, or another environment's agent on its host; all is well there", async () => {
    const one = await run("status", "--node", WEB);
    assert.equal(one.code, 0, one.stderr);
    assert.match(one.stdout, new RegExp(`^! ${WEB}: no manifest of a Node is called '${WEB}'`, "m"));
    const other = await run("status", "--node", WEB, "--environment", BRANCH, "--json");
    const { nodes } = fleetShape.parse(JSON.parse(other.stdout));
    assert.equal(nodes[WEB]?.status?.node.environment, BRANCH);
    const none = await run("status", "--node", WEB, "--environment", "nowhere");
    assert.equal(none.code, 1);
    assert.match(none.stdout, /no agent runs here for environment 'nowhere'; there is .*fleet-staging/);
    assert.match(
      (await run("status", "--node", "who")).stderr,
      /no Node is called 'who'.*; there is changed/,
    );
  });

  it("shows a deployment's log from there", async () => {
    const { code, stdout, stderr } = await run("logs", "hello", "--node", WEB);
    assert.equal(code, 0, stderr);
    assert.match(stdout + stderr, /./);
    const unknown = await run("logs", "nothing", "--node", WEB);
    assert.equal(unknown.code, 1);
    assert.match(
      unknown.stderr,
      new RegExp(`^orun: ${WEB}: no deployment is called 'nothing' here; there is hello`),
    );
  });

  for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const)
    it(`ends the far process of logs -f by ${signal}`, async () => {
      const { child, said, ended } = launch("logs", "hello", "--node", WEB, "-f", "--since", "1h");
      await until("the log runs there", () => remoteLogs().length === 1, 60_000).catch((error: unknown) => {
        throw new Error(`${said.stdout}${said.stderr}`, { cause: error });
      });
      child.kill(signal);
      if (signal !== "SIGKILL") assert.equal((await ended).code, 130);
      await until("it has ended there", () => remoteLogs().length === 0);
    });

  it("watches them, each at its own pace, and cleans up when interrupted", async () => {
    const watching = launch("status", "--all", "--watch", "--timeout", "60s");
    await until(
      "the nodes that answer are shown while another one is still being asked",
      () => {
        const last = watching.said.stdout.split(/^(?=6 nodes)/m).at(-1) ?? "";
        return (
          new RegExp(`^${WEB} +hello +running`, "m").test(last) &&
          last.includes("dark: no answer: asked, not")
        );
      },
      60_000,
    );
    watching.child.kill("SIGINT");
    assert.equal((await watching.ended).code, 130);
    const left = readdirSync(temporary);
    assert.deepEqual(left.filter((name) => name.startsWith("orun-ssh-")).length <= 1, true, left.join(" "));
  });
});
