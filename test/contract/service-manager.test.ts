import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { openSandbox } from "../testbed/sandbox.ts";
import { until } from "../testbed/wait.ts";

const root = join(import.meta.dirname, "..", "..");

it("systemd hears that the agent is up without engine and Git, that it lives, and that it stops", async (test) => {
  const sandbox = openSandbox(test);
  const folder = sandbox.folder();
  const socket = join(folder, "notify.sock");
  const heard = join(folder, "heard");
  const said = (): string => (existsSync(heard) ? readFileSync(heard, "utf8") : "");

  // Stands for systemd: a socket of the same kind, whose messages go to a file one after another.
  const manager = spawn(
    "systemd-socket-activate",
    ["--datagram", "--inetd", `--listen=${socket}`, "sh", "-c", `exec cat >${heard}`],
    { stdio: "ignore" },
  );
  sandbox.defer(async () => {
    if (manager.exitCode !== null || manager.signalCode !== null) return;
    manager.kill("SIGKILL");
    await once(manager, "exit");
  });
  await until("the socket is there", () => existsSync(socket));

  const agent = spawn(
    join(root, "bin", "orun"),
    [
      "start",
      ...["--repo", join(folder, "absent.git"), "--node", "test", "--data-dir", join(folder, "data")],
      ...[
        "--docker-host",
        `unix://${join(folder, "absent.sock")}`,
        "--status-port",
        String(await sandbox.freePort()),
      ],
    ],
    {
      stdio: "ignore",
      env: { ...process.env, NOTIFY_SOCKET: socket, WATCHDOG_USEC: "600000", WATCHDOG_PID: undefined },
    },
  );
  const ended = once(agent, "exit");
  sandbox.defer(async () => {
    if (agent.exitCode === null && agent.signalCode === null) agent.kill("SIGKILL");
    await ended;
  });
  await until("the agent says that it is up", () =>
    said().includes("READY=1\nSTATUS=test, production: no deployments"),
  );
  await until("its event loop pings", () => said().split("WATCHDOG=1").length > 3);
  await until("its status line tells of the engine", () => /STATUS=.*engine: /.test(said()));

  agent.kill("SIGTERM");
  assert.deepEqual(await ended, [0, null]);
  assert.match(said(), /STOPPING=1/);
});
