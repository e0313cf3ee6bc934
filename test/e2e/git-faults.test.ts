/** What happens to workloads when Git fails (FAULTS 1 to 12), over SSH: they go on, drift is repaired, and nothing is ever pruned. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { mustApi } from "../testbed/engine-api.ts";
import { type GitSsh, startGitSsh } from "../testbed/git-ssh.ts";
import { deployment, web } from "../testbed/manifests.ts";
import { mended } from "../testbed/fault-report.ts";
import { openSandbox } from "../testbed/sandbox.ts";
import { openStage, type Stage } from "../testbed/stage.ts";
import { until } from "../testbed/wait.ts";

const hello = "deployments/hello.yaml";
/** One of many: no probe, ready after a second. */
const small = (name: string, version = "1"): string =>
  deployment(
    name,
    `image: demo:1\nimagePullPolicy: IfNotPresent\nstopGracePeriod: 1s\nenv: {VERSION: "${version}"}`,
  );
const fleet = Array.from({ length: 20 }, (_, index) => `d${String(index + 1).padStart(2, "0")}`);
const fileOf = (name: string): string => `deployments/${name}.yaml`;

describe("a repository over SSH", () => {
  const box = openSandbox({ after });
  let stage: Stage;
  let git: GitSsh;

  before(async () => {
    stage = await openStage(box, {
      flags: async (remote) => {
        git = await startGitSsh({ repository: remote.path });
        box.defer(() => git.stop());
        const { url, deployKey, knownHosts } = git;
        return { repo: url, flags: ["--deploy-key", deployKey, "--known-hosts", knownHosts] };
      },
    });
    await stage.push({ [hello]: web("hello", "1") });
    stage.launch();
    await stage.serves("hello", "1");
  });

  const syncError = async (): Promise<string | null | undefined> => (await stage.seen())?.node.sync_error;
  const says = async (words: RegExp): Promise<void> => {
    await until(
      `sync_error is like ${String(words)}`,
      async () => words.test((await syncError()) ?? ""),
      60_000,
    );
  };
  const well = async (): Promise<void> => {
    await until("Git is well", async () => (await syncError()) === null, 90_000);
  };
  const ids = async (): Promise<string[]> => (await stage.containers()).map((item) => item.Id).sort();

  it("goes dark: drift is repaired, an agent that is killed starts again, and nothing else is done", async () => {
    await git.halt();
    await says(/^Git: /);
    const [item] = await stage.of("hello");
    await mustApi(stage.engine.socket, "DELETE", `/containers/${item?.Id ?? ""}?force=true`);
    const healed = await mended("Git", "dark, and a container removed", () => stage.serves("hello", "1"));
    await stage.agent().end("SIGKILL");
    stage.launch();
    await stage.agent().state("hello", "running");
    assert.equal((await stage.serves("hello", "1")).Id, healed.Id);
    await says(/^Git: /);
    await git.restart();
    await mended("Git", "dark, and back", well);
    await stage.push({ [hello]: web("hello", "2") });
    await stage.serves("hello", "2");
  });

  it("loses its connections, refuses the key and changes its host key: told apart, and followed afterwards", async () => {
    const was = await ids();
    await git.dropConnections();
    await git.revokeKeys();
    await says(/^Git: .*(key|permission|denied)/i);
    const refused = await syncError();
    await git.restart({ newHostKey: true });
    await says(/^Git: .*host key/i);
    assert.notEqual(await syncError(), refused);
    assert.deepEqual(await ids(), was);
  });

  it("is followed again by an agent that has the right keys", async () => {
    await stage.agent().end("SIGTERM");
    await git.stop();
    git = await startGitSsh({ repository: stage.remote.path });
    const { url, deployKey, knownHosts } = git;
    stage.move({ repo: url, flags: ["--deploy-key", deployKey, "--known-hosts", knownHosts] });
    stage.launch();
    await stage.agent().state("hello", "running");
    await stage.push({ [hello]: web("hello", "3") });
    await stage.serves("hello", "3");
  });

  it("is force-pushed to an unrelated history: followed", async () => {
    await stage.remote.commit({ [hello]: web("hello", "4") }, "another beginning", { parent: null });
    await stage.serves("hello", "4");
  });

  it("loses its branch, or every manifest: held as a whole, never taken for empty", async () => {
    const was = await ids();
    const head = (await stage.remote.head()) ?? "";
    await stage.remote.commit({ "README.md": "nothing" }, "everything is gone", { emptyTree: true });
    await says(/no manifest at all/);
    assert.equal((await stage.agent().status()).node.git_head, head);
    await stage.remote.deleteBranch("main");
    await says(/branch 'main' does not exist/);
    await stage.agent().end("SIGTERM");
    stage.launch();
    await says(/branch 'main' does not exist/);
    assert.deepEqual(await ids(), was);
    await stage.remote.forcePush(head);
    await mended("Git", "branch deleted, and back", well);
    assert.deepEqual(await ids(), was);
  });

  it("has a mistake in one of twenty files: nineteen proceed, and it says where", async () => {
    const files = fleet.map((name): [string, string] => [fileOf(name), small(name)]);
    const bad = small("d07").replace("image:", "imagee:");
    await stage.push({ ...Object.fromEntries(files), [fileOf("d07")]: bad }, "twenty at once");
    await until(
      "nineteen run",
      async () => {
        const deployments = (await stage.seen())?.deployments;
        return fleet.filter((name) => deployments?.[name]?.state === "running").length === 19;
      },
      120_000,
    );
    const state = await stage.agent().state("d07", "held");
    assert.match(state.message, /deployments\/d07\.yaml:\d+: .*did you mean 'image'/);
    assert.equal((await stage.of("d07")).length, 0);
    await stage.push({ [fileOf("d07")]: small("d07") }, "mended");
    await stage.agent().state("d07", "running", 60_000);
  });

  it("has a file that cannot be identified: nothing is removed until it can", async () => {
    await stage.push({ [fileOf("d07")]: "kind: [", [fileOf("d08")]: null, [hello]: web("hello", "5") });
    await stage.inForce();
    await stage.serves("hello", "5");
    for (const name of ["d07", "d08"]) assert.equal((await stage.of(name)).length, 1);
    assert.ok((await stage.agent().status()).diagnostics.some((item) => item.file === fileOf("d07")));
    await stage.push({ [fileOf("d07")]: small("d07") });
    await stage.gone("d08");
    assert.equal((await stage.of("d07")).length, 1);
  });

  it("would take more than half away: held until a commit confirms it", async () => {
    const was = await ids();
    const most = Object.fromEntries(fleet.slice(1).map((name) => [fileOf(name), null]));
    await stage.push(most, "a slip of the hand");
    await says(/would remove 18 of the 20 deployments here .*Orun-Prune: confirm/);
    await stage.agent().end("SIGKILL");
    stage.launch();
    await says(/would remove 18 of the 20 deployments here/);
    assert.deepEqual(await ids(), was);
    await stage.push({ "README.md": "meant" }, "Yes, all of them\n\nOrun-Prune: confirm\n");
    await until("only two are left", async () => (await ids()).length === 2, 90_000);
    await well();
    await stage.serves("hello", "5");
  });
});
