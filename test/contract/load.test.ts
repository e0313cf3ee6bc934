/** The load generator counts what it should, before anything is proved with it. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fetchText } from "../testbed/agent.ts";
import { freePort } from "../testbed/free-port.ts";
import { startLoad } from "../testbed/load.ts";
import { until } from "../testbed/wait.ts";
import { openWebSocket } from "../testbed/websocket.ts";

describe("the load generator", () => {
  let app: ChildProcess;
  let port = 0;

  before(async () => {
    port = await freePort();
    const program = join(import.meta.dirname, "..", "testbed", "apps", "web.ts");
    app = spawn(process.execPath, [program], {
      env: { PORT: String(port), VERSION: "7" },
      stdio: "inherit",
    });
    await until("the application answers", async () => (await answers(port)) === "version 7");
  });

  after(() => void app.kill("SIGKILL"));

  it("sees no failure where there is none, and then each one", async () => {
    const load = startLoad({ port, host: "app.test", connections: 8, paceMs: 1 });
    await until("it has asked often", async () => (await load.report()).requests > 400);
    const fine = await load.report();
    assert.equal(fine.failed, 0, fine.firstFailures.join("\n"));
    assert.deepEqual(Object.keys(fine.answers), ["version 7"]);
    assert.ok(fine.p50 > 0 && fine.p99 >= fine.p50 && fine.slowest >= Math.floor(fine.p99));
    const socket = await openWebSocket(port, "app.test");
    assert.equal(await socket.ask("hello"), "7 hello");
    app.kill("SIGTERM");
    await until("every worker meets a closed port", async () => (await load.report()).failed > 50);
    const report = await load.stop();
    assert.ok(Object.keys(report.reasons).some((reason) => reason.includes("ECONNREFUSED")));
    await until("the WebSocket ends", () => socket.ended() !== null);
    assert.equal(socket.ended(), 1001);
    await until("the application has let everything finish", () => app.exitCode === 0 || app.signalCode);
  });
});

async function answers(port: number): Promise<string> {
  return (await fetchText(port, "/").catch(() => ({ body: "" }))).body;
}
