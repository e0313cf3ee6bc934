import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { type Asker, createAsker } from "../../../src/cli/fleet/ask.ts";
import { type OpenHost, remoteFailure } from "../../../src/cli/fleet/host.ts";
import { type FleetNode, fleetNodes } from "../../../src/cli/fleet/nodes.ts";
import { fleetView, watchedFleet } from "../../../src/cli/fleet/view.ts";
import { agentPort } from "../../../src/cli/status/which-agent.ts";
import { localAgents } from "../../../src/host/agents.ts";
import { until } from "../../testbed/wait.ts";

const folder = mkdtempSync(join(tmpdir(), "orun-fleet-"));
after(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, "nodes"));
for (const name of ["b", "a"])
  writeFileSync(
    join(folder, "nodes", `${name}.yaml`),
    `apiVersion: run.orcra.dev/v0alpha\nkind: Node\nmetadata: {name: ${name}}\nspec: {host: ${name}.example.com, gitRepo: /r}\n`,
  );

function nodeNamed(name: string): FleetNode {
  const [node] = fleetNodes(folder, name);
  if (node === undefined) throw new Error(name);
  return node;
}

const STATUS = JSON.stringify({
  node: { name: "a", environment: "production", version: "1", git_branch: "main", more: 1 },
  deployments: {},
});
const answering =
  (stdout: string): OpenHost =>
  () =>
    Promise.resolve({
      orun: () => Promise.resolve({ code: 1, stdout, stderr: "orun: no agent answers" }),
      close: () => Promise.resolve(),
    });

function asker(name: string, open: OpenHost, deadlineMs = 60_000): Asker {
  const signal = new AbortController().signal;
  return createAsker(nodeNamed(name), { deadlineMs, interactive: false, environment: null, open, signal });
}

describe("the nodes of a repository", () => {
  it("come by name, all or one, and what is missing is named", () => {
    assert.deepEqual(
      fleetNodes(folder, null).map(({ name }) => name),
      ["a", "b"],
    );
    assert.equal(nodeNamed("b").spec?.host, "b.example.com");
    assert.throws(() => fleetNodes(folder, "c"), /no Node is called 'c' .*; there is a, b/);
    assert.throws(() => fleetNodes(join(folder, "nodes"), null), /no Node below/);
  });
});

describe("asking a node", () => {
  it("keeps everything that it says, also what this version does not know", async () => {
    const answer = await asker("a", answering(STATUS)).ask();
    assert.equal(answer.status?.node.name, "a");
    assert.deepEqual(answer.everything, JSON.parse(STATUS));
  });

  it("says why there is no answer, and drops the connection that failed", async () => {
    let closed = 0;
    const failing = asker("a", () =>
      Promise.resolve({
        orun: () => Promise.reject(new Error("the ssh connection broke")),
        close() {
          closed++;
          return Promise.resolve();
        },
      }),
    );
    assert.equal((await failing.ask()).error, "the ssh connection broke");
    assert.equal(closed, 1);
    assert.equal((await asker("a", answering("")).ask()).error, "no agent answers");
    assert.match((await asker("a", answering("{}")).ask()).error ?? "", /no orun agent/);
    assert.match((await asker("a", answering("{nonsense")).ask()).error ?? "", /JSON/);
  });

  it("ends at its deadline", async () => {
    const hanging: OpenHost = (_, { signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
    assert.match(
      (await asker("b", hanging, 20).ask()).error ?? "",
      /no answer within 0\.02 s from b\.example\.com/,
    );
  });

  it("tells a missing executable from a failing one", () => {
    assert.match(
      remoteFailure("a", { code: 127, stderr: "sh: 1: not found" }),
      /orun bootstrap nodes\/a\.yaml/,
    );
    assert.match(remoteFailure("a", { code: 3, stderr: "" }), /ended there with code 3/);
  });
});

describe("a fleet's view", () => {
  it("is well only when every node answers and is well", async () => {
    assert.equal((await fleetView([asker("a", answering(STATUS))])()).well, true);
    const seen = await fleetView([asker("a", answering(STATUS)), asker("b", answering(""))])();
    assert.equal(seen.well, false);
    const everything: unknown = JSON.parse(STATUS);
    assert.deepEqual(seen.json, {
      nodes: {
        a: { status: everything, error: null },
        b: { status: null, error: "no agent answers" },
      },
    });
  });

  it("shows the last answers while a slow node is being asked", async () => {
    const stop = new AbortController();
    const slow: Asker = {
      node: "b",
      ask: () => new Promise(() => undefined),
      close: () => Promise.resolve(),
    };
    const view = watchedFleet([asker("a", answering(STATUS)), slow], stop.signal);
    await until("a has answered", async () =>
      (await view()).text({ size: null, colours: false }).includes("2 nodes, 1 without an answer"),
    );
    assert.match(
      (await view()).text({ size: null, colours: false }),
      /b: no answer: asked, not answered yet/,
    );
    stop.abort();
  });
});

describe("which agent of a host", () => {
  const running = () => [
    { node: "web", environment: "production", statusPort: 9100 },
    { node: "web-staging", environment: "staging", statusPort: 9101 },
  ];
  const choice = { statusPort: null, environment: null, agent: null };

  it("is chosen by port, environment or node", () => {
    assert.equal(agentPort({ ...choice, statusPort: 1, environment: "staging" }, 9100, running), 1);
    assert.equal(agentPort({ ...choice, environment: "staging" }, 9100, running), 9101);
    assert.equal(agentPort({ ...choice, agent: "web-staging" }, 9100, running), 9101);
    assert.equal(agentPort(choice, 9100, running), 9100);
    assert.equal(
      agentPort({ ...choice, agent: "unknown" }, 9100, () => []),
      9100,
    );
    assert.throws(
      () => agentPort({ ...choice, environment: "x" }, 9100, running),
      /no agent runs here for environment 'x'; there is production, staging/,
    );
  });

  it("is read from the locks of the agents that live", () => {
    const locks = join(folder, "locks");
    mkdirSync(locks);
    const holder = {
      node: "n",
      environment: "e",
      branch: "main",
      dataDir: "/d",
      pid: process.pid,
      statusPort: 9,
    };
    writeFileSync(join(locks, "1.lock"), JSON.stringify(holder));
    writeFileSync(join(locks, "2.lock"), JSON.stringify({ ...holder, pid: 2 ** 22 + 1 }));
    writeFileSync(join(locks, "3.lock"), JSON.stringify({ ...holder, statusPort: null }));
    writeFileSync(join(locks, "4.lock"), "{");
    writeFileSync(join(locks, "other"), JSON.stringify(holder));
    assert.deepEqual(localAgents(locks), [{ node: "n", environment: "e", statusPort: 9 }]);
    assert.deepEqual(localAgents(join(folder, "absent")), []);
  });
});
