/**
 * Releases that nobody notices (SPEC 6): a real Caddy, a real engine, constant load, and not one failed request.
 * ORUN_TEST_RELEASES: so many releases in all on the current Caddy; 4 unless it says otherwise.
 */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { z } from "zod";
import { fetchText } from "../testbed/agent.ts";
import type { CaddyVersion } from "../testbed/caddy.ts";
import { document, startIngressRig, webApp, type IngressRig } from "../testbed/ingress-rig.ts";
import { startLoad } from "../testbed/load.ts";
import { until } from "../testbed/wait.ts";
import { openWebSocket } from "../testbed/websocket.ts";

const releases = Number(process.env["ORUN_TEST_RELEASES"] ?? 4);
const countsShape = z.object({
  requests: z.number(),
  failures: z.record(z.string(), z.number()),
  slowest: z.number(),
});
const callerShape = z.object({ fresh: countsShape, pooled: countsShape });

/** A client inside the environment's network, itself never released. */
const caller = {
  "deployments/caller.yaml": document("Deployment", "caller", [
    "image: web:1",
    "args: [/app/caller.ts]",
    "env: {TARGET: one, PACE: 20}",
    "dependsOn: [one]",
  ]),
};

/** Both applications in one commit: two releases. */
const both = (version: number): Record<string, string> => ({
  ...webApp("one", String(version)),
  ...webApp("three", String(version), { replicas: 3 }),
});

async function release(rig: IngressRig, version: number): Promise<void> {
  await rig.remote.commit(both(version), `version ${String(version)}`);
  await rig.serves("one", String(version));
  await rig.serves("three", String(version), 3);
}

/** Requests that take long are under way all the time, so that each switch meets some. */
function slowRequests(rig: IngressRig): () => Promise<{ done: number; failures: string[] }> {
  const failures: string[] = [];
  let done = 0;
  let ending = false;
  const work = async (path: string, wanted: (body: string) => boolean): Promise<void> => {
    while (!ending) {
      const answer = await rig.get("one.test", path).catch((error: unknown) => String(error));
      if (typeof answer === "string") failures.push(`${path}: ${answer}`);
      else if (answer.status !== 200 || !wanted(answer.body))
        failures.push(`${path}: ${String(answer.status)} ${answer.body}`);
      done++;
    }
  };
  const workers = [
    work("/slow?ms=1500", (body) => body.startsWith("version")),
    work("/stream?ms=150", (body) => body === "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"),
  ];
  return async () => {
    ending = true;
    await Promise.all(workers);
    return { done, failures };
  };
}

async function underLoad(context: TestContext, version: CaddyVersion, commits: number): Promise<void> {
  const rig = await startIngressRig(version, { ...both(0), ...webApp("still", "0"), ...caller });
  try {
    await rig.serves("one", "0");
    await rig.serves("three", "0", 3);
    await rig.serves("still", "0");
    const inside = (await until("the client runs", async () => (await rig.of("caller"))[0])).id;
    const unchanged = await openWebSocket(rig.http, "still.test");
    const loads = [
      startLoad({ port: rig.http, host: "one.test", connections: 16 }),
      startLoad({ port: rig.http, host: "three.test", connections: 16 }),
    ];
    const slow = slowRequests(rig);
    const replaced = await openWebSocket(rig.http, "one.test");
    assert.equal(await replaced.ask("hello"), "0 hello");
    for (let commit = 1; commit <= commits; commit++) {
      await release(rig, commit);
      assert.equal(await unchanged.ask(`release ${String(commit)}`), `0 release ${String(commit)}`);
    }
    const [one, three] = await Promise.all(loads.map((load) => load.stop()));
    const slowly = await slow();
    context.diagnostic(
      `Caddy ${version}, ${String(2 * commits)} releases: ${JSON.stringify({ one, three, slowly })}`,
    );
    for (const report of [one, three]) {
      assert.ok(report !== undefined && report.requests > 0);
      assert.equal(report.failed, 0, report.firstFailures.join("\n"));
    }
    assert.ok(one?.answers[`version ${String(commits)}`] !== undefined, "the load met the last version");
    assert.deepEqual(slowly.failures, []);
    assert.equal(replaced.ended(), 1001, "the WebSocket of the replaced container was closed cleanly");
    assert.equal(unchanged.ended(), null, "the WebSocket of the unchanged deployment is open");
    const client = await until("the client is there", async () => (await rig.of("caller"))[0]);
    assert.equal(client.id, inside);
    const counts = callerShape.parse(JSON.parse((await fetchText(80, "/", {}, client.address)).body));
    context.diagnostic(`inside the network: ${JSON.stringify(counts)}`);
    assert.ok(counts.fresh.requests > 0);
    assert.deepEqual(counts.fresh.failures, {}, "connecting per request, no call by name failed");
    order(rig.deeds(), "one");
    unchanged.close();
  } finally {
    await rig.stop();
  }
}

/** Invariant I1 in the agent's own words: promoted, then routed, and only then the old one is retired and stopped. */
function order(deeds: readonly string[], name: string): void {
  const own = deeds.filter((deed) => deed.includes(` ${name}-`));
  const kinds = own
    .slice(own.findIndex((deed) => deed.startsWith("retire")) - 2)
    .map((deed) => deed.split(" ")[0]);
  assert.deepEqual(kinds.slice(0, 5), ["promote", "route", "retire", "stop", "remove"], own.join("\n"));
}

describe("releases under constant load", () => {
  it("fail no request on the Caddy that users get", { timeout: 900_000 }, async (context) => {
    await underLoad(context, "2.11", Math.ceil(releases / 2));
  });

  it("fail no request on the Caddy of Debian's stable releases", async (context) => {
    await underLoad(context, "2.6", 1);
  });
});
