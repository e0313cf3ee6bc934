/** What goes wrong around a release and the ingress (FAULTS 43 to 54), under constant load. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { fetchText } from "../testbed/agent.ts";
import { api, mustApi } from "../testbed/engine-api.ts";
import { document, startIngressRig, webApp, type IngressRig } from "../testbed/ingress-rig.ts";
import { startLoad, type LoadReport } from "../testbed/load.ts";
import { until } from "../testbed/wait.ts";

/** Probes under load on a busy machine, ms. */
const PATIENCE_MS = 120_000;

describe("the ingress, when things go wrong", () => {
  let rig: IngressRig;
  let version = 0;

  const push = (options: Parameters<typeof webApp>[2] = {}): Promise<string> =>
    rig.remote.commit(webApp("app", String(++version), options), `version ${String(version)}`);
  const underLoad = async (work: () => Promise<void>): Promise<LoadReport> => {
    const load = startLoad({ port: rig.http, host: "app.test" });
    try {
      await work();
    } finally {
      await load.stop();
    }
    return await load.stop();
  };
  const healthy = (report: LoadReport): void => {
    assert.ok(report.requests > 0);
    assert.equal(report.failed, 0, report.firstFailures.join("\n"));
  };
  const upstreams = async (): Promise<string[]> => (await rig.services())["app"]?.upstreams ?? [];

  before(async () => {
    rig = await startIngressRig("2.11", webApp("app", "0"));
    await rig.serves("app", "0");
  });

  after(async () => {
    await rig.stop();
  });

  // Each moment is told by the agent's own log or by the engine's events, and the kill follows at once.
  const moments: [string, (since: number) => Promise<boolean>][] = [
    ["the new one is promoted, and nothing routed yet", (since) => did(since, "promote")],
    ["requests go to the new one, and the old one drains", (since) => did(since, "route")],
    ["the old one is cut off to lose its name", (since) => disconnected(since)],
    ["the old one is retired, and about to be stopped", (since) => did(since, "retire")],
  ];
  const did = (from: number, kind: string): Promise<boolean> =>
    Promise.resolve(
      rig
        .deeds()
        .slice(from)
        .some((deed) => deed.startsWith(`${kind} `)),
    );
  const disconnected = async (from: number): Promise<boolean> => {
    if (!(await did(from, "route"))) return false;
    const now = Math.floor(Date.now() / 1000);
    const query = new URLSearchParams({
      since: String(now - 2),
      until: String(now + 1),
      filters: JSON.stringify({ type: ["network"], event: ["disconnect"] }),
    });
    const events = await mustApi(rig.engine.socket, "GET", `/events?${query.toString()}`);
    return events !== "" || (await did(from, "retire"));
  };

  for (const [moment, reached] of moments) {
    it(`loses no request when the agent is killed while ${moment}`, async () => {
      const report = await underLoad(async () => {
        const since = rig.deeds().length;
        await push();
        await until(moment, () => reached(since), 60_000);
        await rig.agent().end("SIGKILL");
        rig.launch();
        await rig.serves("app", String(version));
      });
      healthy(report);
      assert.ok(report.answers[`version ${String(version)}`] !== undefined);
    });
  }

  it("never routes to a release that does not become ready", async () => {
    const good = version;
    const report = await underLoad(async () => {
      await push({ env: ['NEVER_READY: "1"'], deadline: "3s" });
      await rig.agent().state("app", "rolled_back");
      await rig.serves("app", String(good));
    });
    healthy(report);
    assert.deepEqual(Object.keys(report.answers), [`version ${String(good)}`]);
    version = good;
  });

  it("takes out what fails its readiness probe, but never the last one, and says so", async () => {
    const report = await underLoad(async () => {
      await push({ replicas: 2 });
      await rig.serves("app", String(version), 2);
      await until("both get requests", async () => (await upstreams()).length === 2, PATIENCE_MS);
      const [one, two] = await rig.of("app");
      assert.ok(one !== undefined && two !== undefined);
      await turn(one.address, "unready");
      await until("one is out", async () => (await upstreams()).join() === `${two.address}:80`, PATIENCE_MS);
      await turn(two.address, "unready");
      const state = await rig.agent().state("app", "degraded", PATIENCE_MS);
      assert.match(state.message, /readiness/);
      assert.deepEqual(await upstreams(), [`${two.address}:80`], "the last one stays");
      await turn(one.address, "ready");
      await until(
        "the one that is ready gets them",
        async () => (await upstreams()).join() === `${one.address}:80`,
        PATIENCE_MS,
      );
      await turn(two.address, "ready");
      await until("both get requests again", async () => (await upstreams()).length === 2, PATIENCE_MS);
      await push();
      await rig.serves("app", String(version));
    });
    healthy(report);
  });

  it("lets another container of the same address be restarted with the agent dead", async () => {
    const [container] = await rig.of("app");
    assert.ok(container !== undefined);
    await rig.agent().end("SIGKILL");
    await mustApi(rig.engine.socket, "POST", `/containers/${container.id}/restart?t=5`);
    await until(
      "it serves again",
      async () => (await rig.get("app.test")).body === `version ${String(version)}`,
    );
    assert.equal((await rig.of("app"))[0]?.address, container.address);
    rig.launch();
    await rig.serves("app", String(version));
    assert.equal((await rig.of("app"))[0]?.id, container.id);
  });

  it("brings Caddy back when it is killed, and when it is removed", async (context) => {
    const deeds: [string, (id: string) => Promise<unknown>][] = [
      ["killed", (id) => api(rig.engine.socket, "POST", `/containers/${id}/kill`)],
      ["removed", (id) => api(rig.engine.socket, "DELETE", `/containers/${id}?force=true`)],
    ];
    for (const [deed, hurt] of deeds) {
      const caddies = await rig.ingress();
      assert.ok(caddies.length > 0);
      for (const caddy of caddies) await hurt(caddy.id);
      const from = performance.now();
      await until(`Caddy is back after it was ${deed}`, async () => {
        const answer = await rig.get("app.test").catch(() => null);
        return answer?.body === `version ${String(version)}`;
      });
      context.diagnostic(`${deed}: back after ${String(Math.round(performance.now() - from))} ms`);
      await until("every part runs", async () =>
        (await rig.ingress()).every((item) => item.state === "running"),
      );
    }
  });

  it("keeps a host name with the older of two Services, and holds the newer", async () => {
    const report = await underLoad(async () => {
      await rig.remote.commit(
        {
          "services/thief.yaml": document("Service", "thief", [
            "deployment: app",
            "ingress: {domain: {default: app.test}}",
          ]),
          ...webApp("other", "1"),
        },
        "a host name that is taken",
      );
      await rig.serves("other", "1");
      await until("the newer is held", async () => (await rig.services())["thief"]?.state === "held");
      const services = await rig.services();
      assert.match(services["thief"]?.message ?? "", /app/);
      assert.equal(services["app"]?.state, "active");
      await rig.remote.commit({ "services/app.yaml": null }, "the older one is gone");
      await until("the newer has it", async () => (await rig.services())["thief"]?.state === "active");
      await until("it serves", async () => (await rig.get("app.test")).status === 200);
    });
    // The host name changes hands at the end, which is a change of a Service.
    assert.ok(report.requests > 0);
  });
});

async function turn(address: string, to: "ready" | "unready"): Promise<void> {
  const answer = await fetchText(80, `/${to}`, {}, address, "POST");
  assert.equal(answer.status, 200);
}
