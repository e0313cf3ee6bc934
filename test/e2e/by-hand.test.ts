/** What people and tools do to containers behind the agent's back (FAULTS 20, 23; attacks 18): put right, or none of its business. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { mustApi } from "../testbed/engine-api.ts";
import { startEngineProxy, type EngineProxy } from "../testbed/engine-proxy.ts";
import { demoImage } from "../testbed/images.ts";
import { web } from "../testbed/manifests.ts";
import { mended } from "../testbed/fault-report.ts";
import { openSandbox } from "../testbed/sandbox.ts";
import { type Listed, openStage, type Stage } from "../testbed/stage.ts";
import { until } from "../testbed/wait.ts";

const factsShape = z.object({
  Id: z.string(),
  Name: z.string(),
  State: z.object({ Status: z.string(), StartedAt: z.string() }),
  HostConfig: z.object({ RestartPolicy: z.object({ Name: z.string() }), Memory: z.number() }),
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
type Facts = z.output<typeof factsShape>;

/** The deeds, each done to a deployment of its own, all at once. `same`: the container survives it. */
const DEEDS: Record<string, { deed: (socket: string, it: Listed) => Promise<void>; same: boolean }> = {
  stop: { same: true, deed: (socket, { Id }) => call(socket, "POST", `/containers/${Id}/stop?t=1`) },
  kill: { same: true, deed: (socket, { Id }) => call(socket, "POST", `/containers/${Id}/kill`) },
  restart: { same: true, deed: (socket, { Id }) => call(socket, "POST", `/containers/${Id}/restart?t=1`) },
  remove: { same: false, deed: (socket, { Id }) => call(socket, "DELETE", `/containers/${Id}?force=true`) },
  rename: {
    same: true,
    deed: (socket, { Id }) => call(socket, "POST", `/containers/${Id}/rename?name=somebody-elses`),
  },
  pause: { same: true, deed: (socket, { Id }) => call(socket, "POST", `/containers/${Id}/pause`) },
  limit: {
    same: true,
    deed: (socket, { Id }) =>
      call(socket, "POST", `/containers/${Id}/update`, { Memory: 2 ** 26, MemorySwap: 2 ** 26 }),
  },
  policy: {
    same: true,
    deed: (socket, { Id }) =>
      call(socket, "POST", `/containers/${Id}/update`, { RestartPolicy: { Name: "no" } }),
  },
  disconnect: {
    same: true,
    deed: (socket, { Id }) =>
      call(socket, "POST", "/networks/orun/disconnect", { Container: Id, Force: true }),
  },
  commit: {
    same: true,
    deed: (socket, { Id }) => call(socket, "POST", `/commit?container=${Id}&repo=snapshot&pause=true`),
  },
};

describe("containers that somebody lays hands on", () => {
  const box = openSandbox({ after });
  let stage: Stage;
  let proxy: EngineProxy;

  before(async () => {
    stage = await openStage(box, {
      socket: async (engine) => {
        const expectations = { node: "test", environment: "production", recreate: [], gone: [] };
        proxy = await startEngineProxy(engine.socket, expectations);
        box.defer(() => proxy.stop());
        return proxy.socket;
      },
    });
    const files = Object.keys(DEEDS).map((name): [string, string] => [
      `deployments/${name}.yaml`,
      web(name, "1"),
    ]);
    await stage.push(Object.fromEntries(files));
    stage.launch();
    await Promise.all(Object.keys(DEEDS).map((name) => stage.serves(name, "1")));
  });

  const facts = async (id: string): Promise<Facts> => factsShape.parse(await stage.inspect(id));

  /** Everything that a container of ours should be in the end. */
  const isWhole = (seen: Facts, was: Facts, name: string): boolean => {
    const [[network, endpoint] = [], second] = Object.entries(seen.NetworkSettings.Networks);
    return (
      seen.State.Status === "running" &&
      seen.Name === was.Name &&
      seen.HostConfig.RestartPolicy.Name === "always" &&
      // How the engine is told to lift a limit: see src/docker/container-facts.ts.
      (seen.HostConfig.Memory === 0 || seen.HostConfig.Memory >= 2 ** 52) &&
      network === "orun" &&
      second === undefined &&
      endpoint?.IPAMConfig?.IPv4Address !== undefined &&
      (endpoint.Aliases ?? []).includes(name)
    );
  };

  describe("each deed is put right", { concurrency: true }, () => {
    for (const [name, { deed, same }] of Object.entries(DEEDS)) {
      it(name, async () => {
        const [container] = await stage.of(name);
        assert.ok(container !== undefined);
        const was = await facts(container.Id);
        await deed(stage.engine.socket, container);
        await mended("Hands", `docker ${name}`, () =>
          until(
            `${name} is put right`,
            async () => {
              const [item, second] = await stage.of(name);
              if (item === undefined || second !== undefined) return false;
              if ((item.Id === container.Id) !== same) return false;
              // It may be removed at this very moment.
              const seen = await facts(item.Id).catch(() => null);
              return seen !== null && isWhole(seen, was, name) && (await stage.answer(name)) === "version 1";
            },
            90_000,
          ),
        );
        if (name === "commit") {
          const { State } = await facts(container.Id);
          assert.equal(State.StartedAt, was.State.StartedAt, "it went on all the time");
        }
      });
    }
  });

  it("leaves all others as they were, and is at rest again", async () => {
    const settled = await until(
      "nothing is going on any more",
      async () => {
        const status = await stage.agent().status();
        return Object.values(status.deployments).every((item) => item.state === "running") ? status : null;
      },
      60_000,
    );
    assert.deepEqual(Object.keys(settled.deployments).sort(), Object.keys(DEEDS).sort());
    const engineCalls = proxy.calls().length;
    // A commit that changes nothing is a whole pass.
    await stage.push({ "README.md": "nothing for the agent" });
    await stage.inForce();
    assert.deepEqual(
      proxy
        .calls()
        .slice(engineCalls)
        .map((entry) => entry.path),
      [],
    );
  });

  it("is held by a stranger's container under its name, names it, and goes on when it is away", async () => {
    const socket = stage.engine.socket;
    await stage.push({ "deployments/named.yaml": web("named", "1") });
    const name = (await stage.serves("named", "1")).Names[0] ?? "";
    proxy.expect({ gone: ["named"] });
    await stage.push({ "deployments/named.yaml": null });
    await stage.gone("named");
    const made = await mustApi(socket, "POST", `/containers/create?name=${name.slice(1)}`, {
      Image: "demo:1",
    });
    const stranger = z.object({ Id: z.string() }).parse(JSON.parse(made)).Id;
    await call(socket, "POST", `/containers/${stranger}/start`);
    const started = (await facts(stranger)).State.StartedAt;
    await stage.push({ "deployments/named.yaml": web("named", "1") });
    const state = await stage.agent().state("named", "failed");
    assert.ok(state.message.includes(name), state.message);
    assert.equal((await facts(stranger)).State.StartedAt, started);
    await call(socket, "DELETE", `/containers/${stranger}?force=true`);
    await mended("Hands", "a stranger has the container's name", () => stage.serves("named", "1"));
  });

  it("never touches a container whose labels are copied, or come from its image", async () => {
    const socket = stage.engine.socket;
    const [ours] = await stage.of("stop");
    assert.ok(ours !== undefined);
    await mustApi(socket, "POST", "/containers/create?name=copycat", {
      Image: "demo:1",
      Labels: ours.Labels,
    });
    await call(socket, "POST", "/containers/copycat/start");
    const handedDown = {
      ...ours.Labels,
      "dev.orcra.run/deployment": "ghost",
      "dev.orcra.run/revision": "0123456789abcdef",
      "dev.orcra.run/instance": "from-the-image",
    };
    await demoImage(socket, { tag: "haunted:1", labels: handedDown });
    await mustApi(socket, "POST", "/containers/create?name=ghost-01234567-1", { Image: "haunted:1" });
    await call(socket, "POST", "/containers/ghost-01234567-1/start");
    const both = await Promise.all(["copycat", "ghost-01234567-1"].map(facts));
    // A new version of the one copied, a new agent, and a pass over everything.
    await stage.push({ "deployments/stop.yaml": web("stop", "2") });
    await until("version 2 answers", async () => (await stage.answer("stop")) === "version 2", 60_000);
    await stage.agent().end("SIGTERM");
    stage.launch();
    await stage.agent().state("stop", "running");
    await until("the old one of ours is gone", async () =>
      (await stage.containers()).every((item) => item.Id !== ours.Id),
    );
    for (const was of both) {
      const now = await facts(was.Id);
      assert.deepEqual([now.Name, now.State], [was.Name, was.State]);
      await call(socket, "DELETE", `/containers/${was.Id}?force=true`);
    }
  });

  it("makes the environment's network anew when somebody deletes it, and connects all of them", async () => {
    const socket = stage.engine.socket;
    const names = ["kill", "rename"];
    // Or the agent would reconnect them faster than anybody can disconnect them.
    stage.agent().process.kill("SIGSTOP");
    try {
      for (const { Id } of await stage.containers())
        await call(socket, "POST", "/networks/orun/disconnect", { Container: Id, Force: true });
      const { IPAM } = networkShape.parse(JSON.parse(await mustApi(socket, "GET", "/networks/orun")));
      await call(socket, "DELETE", "/networks/orun");
      // Its addresses may be somebody else's by the time it is made anew: then all of them need others.
      await call(socket, "POST", "/networks/create", { Name: "stranger", IPAM });
    } finally {
      stage.agent().process.kill("SIGCONT");
    }
    await mended("Hands", "the environment's network deleted", async () => {
      for (const name of names) await stage.serves(name, "1");
    });
    await until(
      "all run",
      async () => {
        const status = await stage.agent().status();
        return Object.values(status.deployments).every((item) => item.state === "running");
      },
      90_000,
    );
    // It holds for their next start too.
    for (const name of names) {
      const [item] = await stage.of(name);
      await call(socket, "POST", `/containers/${item?.Id ?? ""}/restart?t=1`);
      await stage.serves(name, "1");
    }
  });

  it("has broken no invariant on the way", () => {
    assert.deepEqual(proxy.violations, []);
  });
});

const networkShape = z.object({ IPAM: z.object({ Config: z.array(z.object({ Subnet: z.string() })) }) });

async function call(socket: string, method: string, path: string, body?: unknown): Promise<void> {
  await mustApi(socket, method, path, body);
}
