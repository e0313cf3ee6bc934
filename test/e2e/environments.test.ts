/** Several branches on one engine, an agent each: names that collide, and data that must not be shared (SPEC 7). */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { runAgent, type RunningAgent } from "../testbed/agent.ts";
import { startDockerd, type Dockerd } from "../testbed/dockerd.ts";
import { api } from "../testbed/engine-api.ts";
import { createGitRemote, type GitRemote } from "../testbed/git-remote.ts";
import { demoImage } from "../testbed/images.ts";
import { until } from "../testbed/wait.ts";

const containersShape = z.array(
  z.object({
    Id: z.string(),
    Names: z.array(z.string()),
    Mounts: z.array(z.object({ Name: z.string().optional(), Destination: z.string() })),
  }),
);

const APP = `apiVersion: run.orcra.dev/v0alpha
kind: Deployment
metadata: {name: app}
spec:
  image: demo:1
  imagePullPolicy: IfNotPresent
  stopGracePeriod: 1s
  volumes: [{name: data, containerPath: /data}]
`;

describe("environments on one engine", () => {
  let engine: Dockerd;
  let remote: GitRemote;
  let folder: string;
  const agents = new Set<RunningAgent>();

  const launch = (branch: string): RunningAgent => {
    const dataDir = join(folder, branch.replaceAll("/", "_slash_"));
    const agent = runAgent({ repo: remote.path, socket: engine.socket, dataDir, port: 0, branch });
    agents.add(agent);
    return agent;
  };
  const end = async (agent: RunningAgent): Promise<void> => {
    assert.equal(await agent.end("SIGTERM"), 0);
    agents.delete(agent);
  };
  const containers = async (): Promise<z.output<typeof containersShape>> =>
    containersShape.parse(JSON.parse((await api(engine.socket, "GET", "/containers/json")).body));
  const prefixes = async (): Promise<string[]> =>
    (await containers())
      .map((item) => (item.Names[0] ?? "").replace(/^\//, "").replace(/app-[0-9a-f]{8}-1$/, ""))
      .sort();

  before(async () => {
    engine = await startDockerd();
    await demoImage(engine.socket, { tag: "demo:1" });
    remote = await createGitRemote();
    folder = mkdtempSync(join(tmpdir(), "orun-environments-"));
    await remote.commit({ "deployments/app.yaml": APP }, "the app");
    const parent = await remote.head();
    for (const branch of ["feature/a", "feature-a", "production"])
      await remote.commit({ "README.md": branch }, `branch ${branch}`, { branch, parent });
  });

  after(async () => {
    for (const agent of agents) await agent.end("SIGTERM");
    await engine.stop();
    await remote.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it("gives branches with one label two names, also when their agents start together, and keeps them", async () => {
    const branches = ["feature/a", "feature-a", "main", "production"];
    const first = branches.map(launch);
    await until("all four run", async () => (await containers()).length === 4);
    const names = await prefixes();
    assert.equal(new Set(names).size, 4, names.join(" "));
    assert.ok(names.includes("") && names.includes("feature-a."), names.join(" "));
    assert.equal(names.filter((name) => /^feature-a-[0-9a-f]{4}\.$/.test(name)).length, 1, names.join(" "));
    assert.equal(names.filter((name) => /^production-[0-9a-f]{4}\.$/.test(name)).length, 1, names.join(" "));
    const before_ = (await containers()).map((item) => item.Id).sort();
    for (const agent of first) await end(agent);
    // Without their memory, in the other order, and one after the other: the engine still knows.
    for (const branch of ["feature/a", "feature-a"])
      rmSync(join(folder, branch.replaceAll("/", "_slash_")), { recursive: true, force: true });
    for (const branch of [...branches].reverse()) {
      const agent = launch(branch);
      await until(`${branch} has adopted its container`, () => agent.output().includes("-> running"));
    }
    assert.deepEqual((await containers()).map((item) => item.Id).sort(), before_);
  });

  it("gives each its own volume", async () => {
    const volumes = (await containers()).map(
      (item) => item.Mounts.find((mount) => mount.Destination === "/data")?.Name,
    );
    assert.equal(new Set(volumes).size, 4, volumes.join(" "));
    assert.ok(volumes.includes("data"), volumes.join(" "));
  });

  it("takes the Node's name for an environment, from the beginning", async () => {
    const parent = await remote.head();
    const node =
      "apiVersion: run.orcra.dev/v0alpha\nkind: Node\nmetadata: {name: test}\nspec: {host: 192.0.2.1, gitRepo: /srv/x, environment: staging}\n";
    await remote.commit({ "nodes/test.yaml": node }, "a name", { branch: "next", parent });
    const agent = launch("next");
    await until("it runs under its name", async () => (await prefixes()).includes("staging."));
    assert.ok(!(await prefixes()).includes("next."));
    await end(agent);
    const again = launch("next");
    await until("it is adopted", () => again.output().includes("-> running"));
    assert.equal((await containers()).length, 5);
  });
});
