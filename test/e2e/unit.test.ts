/** The agent as users run it: the packaged executable under the hardened unit, on a host with systemd and an engine of its own. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { configPath, unitName } from "../../src/bootstrap/unit.ts";
import { createGitRemote, type GitRemote } from "../testbed/git-remote.ts";
import { type GitSsh, startGitSsh } from "../testbed/git-ssh.ts";
import { type Host, startHostBed } from "../testbed/host.ts";
import { demoImage, pushImage } from "../testbed/images.ts";
import { installByHand, put, reach, write } from "../testbed/installed-host.ts";
import { openSandbox } from "../testbed/sandbox.ts";
import { until } from "../testbed/wait.ts";

const unit = unitName("agent");
const statusShape = z.object({
  node: z.object({
    environment: z.string(),
    engine_error: z.string().nullable(),
    sync_error: z.string().nullable(),
  }),
  deployments: z.record(z.string(), z.object({ state: z.string(), message: z.string() })),
});
type Seen = z.output<typeof statusShape>;

function deployment(name: string, spec: string): string {
  return `apiVersion: run.orcra.dev/v0alpha\nkind: Deployment\nmetadata: {name: ${name}}\nspec: ${spec}\n`;
}

describe("the agent under its unit", { timeout: 600_000 }, () => {
  const sandbox = openSandbox({ after });
  let host: Host;
  let remote: GitRemote;
  let git: GitSsh;

  const show = async (property: string, of = unit): Promise<string> =>
    (await host.sh('systemctl show "$1" --property="$2" --value', of, property)).trim();
  const mainPid = async (of = unit): Promise<number> => Number(await show("MainPID", of));
  /** Of all containers, with the time they started: what a restart would change. */
  const workloads = (): Promise<string> =>
    host.sh(
      "docker ps -q --no-trunc | xargs -r docker inspect -f '{{.Id}} {{.State.StartedAt}} {{.RestartCount}}' | sort",
    );
  const status = async (port = 9100): Promise<Seen | null> => {
    const { code, output } = await host.try('orun status --json --status-port "$1"', String(port));
    if (code > 1 || !output.startsWith("{")) return null;
    return statusShape.parse(JSON.parse(output));
  };
  const state = async (name: string, wanted: string, port = 9100): Promise<void> => {
    let seen: Seen | null = null;
    await until(
      `${name} is ${wanted}`,
      async () => {
        seen = await status(port);
        return seen?.deployments[name]?.state === wanted;
      },
      90_000,
    ).catch(async (cause: unknown) => {
      const log = await host.try('journalctl -u "orun@*" -n 40 -o cat');
      throw new Error(`status: ${JSON.stringify(seen)}\n${log.output}`, { cause });
    });
  };
  const dropIn = async (lines: string): Promise<void> => {
    await write(host, `/etc/systemd/system/${unit}.d/test.conf`, `[Service]\n${lines}\n`);
    await host.sh("systemctl daemon-reload");
  };
  const doctor = async (): Promise<string> => (await host.try("orun doctor")).output;

  before(async () => {
    const bed = await startHostBed();
    sandbox.defer(() => bed.stop());
    host = await bed.host("bookworm");
    await installByHand(host, bed.operator);
    const registry = await sandbox.registry({ auth: true });
    const engine = await reach(host, bed.operator, sandbox.folder(), Number(registry.host.split(":")[1]));
    sandbox.defer(() => engine.close());
    await demoImage(engine.socket, { tag: "demo:1" });
    await pushImage(engine.socket, "demo:1", "127.0.0.1:5000/private/demo:1", registry.auth);
    const login = Buffer.from(`${registry.auth?.user ?? ""}:${registry.auth?.password ?? ""}`).toString(
      "base64",
    );
    await write(
      host,
      "/etc/orun/docker/config.json",
      JSON.stringify({ auths: { "127.0.0.1:5000": { auth: login } } }),
    );

    remote = await createGitRemote();
    sandbox.defer(() => remote.remove());
    git = await startGitSsh({ repository: remote.path, address: bed.gateway, readOnly: true });
    sandbox.defer(() => git.stop());
    await put(host, bed.operator, git.deployKey, "/etc/orun/deploy_key", "600");
    await put(host, bed.operator, git.knownHosts, "/etc/orun/known_hosts", "644");
    const settings = `repo: ${git.url}\nnode: web-01\npollInterval: 1s\ndeployKey: /etc/orun/deploy_key\nknownHosts: /etc/orun/known_hosts\n`;
    await write(host, configPath("agent"), settings);
    await write(
      host,
      configPath("staging"),
      `${settings}branch: staging\ndataDir: /opt/orun/staging\nstatusPort: 9101\n`,
    );
    // Somebody else's, in somebody's home.
    await host.sh(
      "useradd -m deploy && echo GREETING=hello >/home/deploy/app.env && chown deploy /home/deploy/app.env && chmod 600 /home/deploy/app.env",
    );
    await remote.commit(
      {
        "deployments/web.yaml": deployment(
          "web",
          "{image: demo:1, ports: [{containerPort: 80, port: 81}], envFiles: [/home/deploy/app.env]}",
        ),
        "deployments/private.yaml": deployment("private", "{image: '127.0.0.1:5000/private/demo:1'}"),
        "deployments/blocked.yaml": deployment(
          "blocked",
          "{image: demo:1, ports: [{containerPort: 80, port: 22}]}",
        ),
      },
      "first",
    );
  });

  it("is ready before engine and Git answer, says so, and goes on when they do", async () => {
    await git.halt();
    await host.sh("systemctl stop docker.socket docker.service");
    await host.sh('systemctl enable --now "$1"', unit);
    assert.equal(await show("ActiveState"), "active");
    await until("its status line tells of the engine", async () => /engine: /.test(await show("StatusText")));
    assert.match(await doctor(), /^fail +engine .*\n(.*\n)*fail +git /m);
    const pid = await mainPid();
    await host.sh("systemctl start docker.service");
    await git.restart();
    await state("web", "running");
    assert.equal(await mainPid(), pid, "the same agent");
  });

  it("reaches what it needs through the sandbox: Git over ssh, logins, files of others, ports below 1024", async () => {
    // The login in /etc/orun/docker was used for this one.
    await state("private", "running");
    const environment = await host.sh(
      "docker inspect $(docker ps -q --filter label=dev.orcra.run/deployment=web) -f '{{.Config.Env}}'",
    );
    assert.match(environment, /GREETING=hello/);
    const blocked = await until("the taken port is told", async () => {
      const message = (await status())?.deployments["blocked"]?.message ?? "";
      return message.includes("22") ? message : null;
    });
    assert.match(blocked, /sshd/);
    const open = await host.sh(
      'find "/proc/$1/root/etc" -maxdepth 0 -writable; echo end',
      String(await mainPid()),
    );
    assert.match(open, /end/);
    const writes = await host.try('nsenter -t "$1" -m touch /etc/orun/x', String(await mainPid()));
    assert.match(writes.output, /Read-only file system/);
  });

  it("logs with priorities and fields", async () => {
    const lines = (await host.sh('journalctl -u "$1" -o json --output-fields=PRIORITY,MESSAGE', unit))
      .trim()
      .split("\n");
    const entry = z.object({ PRIORITY: z.string(), MESSAGE: z.string() });
    const entries = lines
      .map((line) => entry.parse(JSON.parse(line)))
      .filter(({ MESSAGE }) => MESSAGE.startsWith("{"));
    const byLevel = new Map(
      entries.map(({ PRIORITY, MESSAGE }) => [
        z.object({ level: z.string() }).parse(JSON.parse(MESSAGE)).level,
        PRIORITY,
      ]),
    );
    assert.equal(byLevel.get("info"), "6");
    assert.equal(byLevel.get("error"), "3");
    assert.equal(byLevel.get("warn"), "4");
  });

  it("comes back after SIGKILL, and no container notices", async () => {
    const before = await workloads();
    const pid = await mainPid();
    await host.sh('kill -9 "$1"', String(pid));
    await until("another agent runs", async () => {
      const now = await mainPid();
      return now !== 0 && now !== pid && (await show("ActiveState")) === "active";
    });
    await state("web", "running");
    assert.equal(await workloads(), before);
    assert.match(await doctor(), /^warn +unit .*restarted 1 time/m);
  });

  it("is started again after a hundred crashes (fault 37)", async () => {
    const before = await workloads();
    await dropIn("RestartSec=10ms");
    await host.sh(
      'cp "$1" /root/good.yaml && echo "nonsense: true" >>"$1" && systemctl restart "$2" || true',
      configPath("agent"),
      unit,
    );
    await until("a hundred crashes", async () => Number(await show("NRestarts")) >= 100, 240_000);
    assert.match(await host.sh('journalctl -u "$1" -n 20 -o cat', unit), /nonsense/);
    await host.sh('cp /root/good.yaml "$1"', configPath("agent"));
    await until("it runs again by itself", async () => (await show("ActiveState")) === "active");
    await state("web", "running");
    assert.equal(await workloads(), before);
  });

  it("is replaced when its event loop stands still (fault 36)", async () => {
    const before = await workloads();
    await dropIn("WatchdogSec=6\nTimeoutAbortSec=1");
    await host.sh('systemctl restart "$1"', unit);
    const pid = await mainPid();
    await host.sh('kill -STOP "$1"', String(pid));
    await until("the watchdog has replaced it", async () => {
      const now = await mainPid();
      return now !== 0 && now !== pid && (await show("ActiveState")) === "active";
    });
    assert.match(await host.sh('journalctl -u "$1" -n 50 -o cat', unit), /[Ww]atchdog/);
    await state("web", "running");
    assert.equal(await workloads(), before);
  });

  it("stays while the engine is restarted", async () => {
    const pid = await mainPid();
    await host.sh("systemctl restart docker.service");
    await state("web", "running");
    await state("private", "running");
    assert.equal(await mainPid(), pid);
  });

  it("has two instances side by side that share nothing but the folder of locks", async () => {
    await remote.commit({ "deployments/web.yaml": deployment("web", "{image: demo:1}") }, "staging", {
      branch: "staging",
      parent: null,
      emptyTree: true,
    });
    const staging = unitName("staging");
    await host.sh("mkdir -p /opt/orun/staging");
    await host.sh('systemctl start "$1"', staging);
    await state("web", "running", 9101);
    const before = await workloads();
    const pid = await mainPid();
    const locks = (): Promise<string> => host.sh("ls /run/orun/*.lock");
    assert.equal((await locks()).trim().split("\n").length, 2);
    await host.sh('systemctl stop "$1"', staging);
    assert.equal(await show("Result", staging), "success");
    assert.equal((await locks()).trim().split("\n").length, 2, "locks outlive the unit");
    assert.equal(await mainPid(), pid);
    assert.equal(await workloads(), before);
    await host.sh('systemctl start "$1"', staging);
    await state("web", "running", 9101);
    assert.equal(await workloads(), before);
  });

  it("is stopped and started without a container noticing, and the doctor knows", async () => {
    const before = await workloads();
    await host.sh('systemctl restart "$1"', unit);
    assert.match(await doctor(), /^ok +unit .*runs, and starts after a reboot/m);
    await host.sh('systemctl disable "$1"', unit);
    assert.match(await doctor(), /^warn +unit .*does not start after a reboot/m);
    await host.sh('systemctl stop "$1"', unit);
    assert.match(await doctor(), /^fail +unit .*inactive/m);
    assert.equal(await workloads(), before);
    assert.match((await host.try("orun doctor --config /etc/orun/none.yaml")).output, /^fail +settings /m);
    await host.sh('systemctl enable --now "$1"', unit);
    await state("web", "running");
    assert.equal(await workloads(), before);
  });
});
