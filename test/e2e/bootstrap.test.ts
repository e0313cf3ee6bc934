import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import { fetchText } from "../testbed/agent.ts";
import { packagedExecutable } from "../testbed/executable.ts";
import type { Host } from "../testbed/host.ts";
import { demoImage } from "../testbed/images.ts";
import { makeImpostor } from "../testbed/impostor.ts";
import { runOrunOnTerminal } from "../testbed/orun-process.ts";
import { until } from "../testbed/wait.ts";
import {
  containers,
  helloManifest,
  listing,
  openWorld,
  printedKey,
  steps,
  trustGitServer,
  type World,
} from "./bootstrap-world.ts";

describe("bootstrap of a fresh Debian 13 host", { timeout: 900_000 }, () => {
  let world: World;
  let host: Host;
  let first: string;
  let second: string;

  before(async () => {
    [world, first, second] = await Promise.all([
      openWorld(),
      packagedExecutable("0.0.0-first"),
      packagedExecutable("0.0.0-second"),
    ]);
    host = await world.bed.host("trixie");
    await world.describe(host);
  });
  after(() => world.stop());
  const step = steps();

  const bootstrap = (...args: string[]): ReturnType<World["orun"]> =>
    world.orun("bootstrap", "nodes/web-01.yaml", "--executable", first, ...args);
  const refused = async (pattern: RegExp, ...args: string[]): Promise<void> => {
    const run = bootstrap("--yes", ...args);
    const code = await run.ended;
    assert.match(run.output(), pattern);
    assert.equal(code, 1, run.output());
  };
  const serves = async (version: string): Promise<void> => {
    try {
      await until(
        `the host serves version ${version}`,
        async () => {
          const answer = await fetchText(8080, "/", {}, host.address).catch(() => null);
          return answer?.body === `version ${version}\n`;
        },
        180_000,
      );
    } catch (cause) {
      const { output } = await host.try(
        "orun status; docker ps --all; journalctl -u orun@agent -n 30 --output cat",
      );
      throw new Error(`version ${version} is not served:\n${output}`, { cause });
    }
  };
  const running = async (executable: string): Promise<void> => {
    await until("the agent is well", async () => (await host.try("orun status")).code === 0, 120_000);
    const pid = (await host.sh("systemctl show --property MainPID --value orun@agent")).trim();
    const here = await host.sh(`sha256sum < /proc/${pid}/exe`);
    assert.equal(here, await host.sh(`sha256sum < "$(readlink -f /usr/local/bin/orun)"`));
    assert.match(await host.sh("orun version"), new RegExp(executable));
  };

  step("refuses what would come to nothing, and changes nothing", async () => {
    const before = await listing(host);
    await host.sh("mount -t tmpfs -o size=20m tmpfs /usr/local");
    await host.sh("systemd-run --quiet --unit=web --socket-property=ListenStream=80 sleep 1000");
    await host.sh(
      "cp /usr/lib/os-release /run/os-release && sed -i 's/^ID=.*/ID=alpine/' /run/os-release && mount --bind /run/os-release /usr/lib/os-release",
    );
    const run = bootstrap("--yes");
    assert.equal(await run.ended, 1);
    assert.match(run.output(), /nothing was changed/);
    assert.match(run.output(), /bootstrap knows Debian 11 and later/);
    assert.match(run.output(), /disk is full: \d+ MiB are free at \/usr\/local.*Free some space/);
    assert.match(run.output(), /Port 80 is taken by 'systemd' \(pid 1\).*spec\.ingress\.httpPort/);
    await host.sh("umount /usr/local /usr/lib/os-release && systemctl stop web.socket");
    await world.describe(host, { gitRepo: "ssh://git@127.0.0.1:9/infra.git" });
    await refused(/does not reach the Git host 127\.0\.0\.1, port 9: .*Connection refused.*Check/);
    await world.describe(host, { sshKeyPath: world.git.otherKey });
    assert.equal(await listing(host), before);
    await world.describe(host);
  });

  step("trusts no unknown Git host unseen", async () => {
    await refused(/not in your known_hosts[^]*SHA256:[^]*not trusted unseen.*ssh-keyscan/);
    assert.equal((await host.try("test -e /etc/orun/agent.known_hosts")).code, 1);
  });

  step("goes from there to the first deployment answering, once the key is accepted", async () => {
    trustGitServer(world);
    const run = bootstrap("--yes");
    await run.says(/waiting: the key is not accepted yet/);
    assert.match(run.output(), /Add it here: .*deploy/i);
    await demoImage(host.engineSocket(), { tag: "demo:1" });
    await world.git.authorize(printedKey(run.output()));
    assert.equal(await run.ended, 0, run.output());
    assert.match(run.output(), /hello: running/);
    await serves("1");
    await running("0.0.0-first");
    assert.equal((await host.sh("stat -c %a /etc/orun/agent.key")).trim(), "600");
    assert.match(await host.sh("cat /etc/docker/daemon.json"), /"live-restore": true/);
    assert.match(await host.sh("docker info --format '{{.LiveRestoreEnabled}}'"), /true/);
  });

  step("changes nothing the second time, asked on a terminal for a node that it then writes", async () => {
    const before = [await listing(host), await containers(host)];
    const folder = world.scratch();
    const terminal = runOrunOnTerminal(["bootstrap", "--executable", first], {
      cwd: folder,
      path: world.bed.operator.path,
    });
    const answer = async (question: RegExp, text: string): Promise<void> => {
      await terminal.says(question);
      terminal.type(text);
      terminal.type("\r");
    };
    await answer(/Its name/, "web-01");
    await answer(/Its address/, host.address);
    await answer(/Its port/, "");
    await answer(/User for ssh/, "");
    await terminal.says(/Private key/);
    terminal.type(`\u0015${world.bed.operator.key}\r`);
    await answer(/URL of this repository/, world.git.url);
    await answer(/Branch that it follows/, "");
    const code = await terminal.ended;
    assert.equal(code, 0, terminal.output());
    assert.match(
      readFileSync(join(folder, "nodes/web-01.yaml"), "utf8"),
      new RegExp(`host: ${host.address}`),
    );
    assert.deepEqual([await listing(host), await containers(host)], before);
  });

  step("serves after a reboot, and within a minute after a power cut with Git dark", async () => {
    await host.reboot();
    await serves("1");
    await running("0.0.0-first");
    await world.git.halt();
    await host.powerCycle();
    await serves("1");
    await until("the agent says that Git is dark, and repairs all the same", async () => {
      const { output } = await host.try("orun status --json");
      return /"sync_error": ?"/.test(output);
    });
    await host.sh("docker rm --force $(docker ps --quiet)");
    await serves("1");
    await world.git.restart();
  });

  step(
    "upgrades, takes back an upgrade that does not prove itself, and downgrades, and no container notices",
    async () => {
      await running("0.0.0-first");
      const before = await containers(host);
      const since = (await host.sh("date +%s")).trim();
      const upgrade = async (executable: string): Promise<{ code: number; output: string }> => {
        const run = world.orun(
          "bootstrap",
          "nodes/web-01.yaml",
          "--yes",
          "--upgrade",
          "--executable",
          executable,
        );
        return { code: await run.ended, output: run.output() };
      };
      const kept = bootstrap("--yes", "--executable", second);
      assert.equal(await kept.ended, 0);
      assert.match(kept.output(), /is kept: replace it with --upgrade/);
      await running("0.0.0-first");

      const up = await upgrade(second);
      assert.equal(up.code, 0, up.output);
      await running("0.0.0-second");

      const failed = await upgrade(makeImpostor(world.scratch(), "crashes"));
      assert.equal(failed.code, 1);
      assert.match(failed.output, /the upgrade was undone: .*is in force again[^]*boom: impostor/);
      await running("0.0.0-second");

      const down = await upgrade(first);
      assert.equal(down.code, 0, down.output);
      await running("0.0.0-first");

      assert.equal(await containers(host), before);
      const events = await host.sh(
        `docker events --since ${since} --until "$(date +%s)" --filter type=container --filter type=network`,
      );
      assert.equal(events.replace(/^.* exec_\w+.*\n/gm, ""), "");
      assert.equal((await host.sh("ls /usr/local/lib/orun/orun-*")).trim().split("\n").length, 2);
    },
  );

  step("finishes an upgrade whose operator is gone", async () => {
    const run = world.orun("bootstrap", "nodes/web-01.yaml", "--yes", "--upgrade", "--executable", second);
    await run.says(/proves itself/);
    run.kill();
    await host.sh("pkill -KILL sshd-session || true");
    await until(
      "the switch is done",
      async () => (await host.try("grep -q done /usr/local/lib/orun/upgrade.result")).code === 0,
    );
    await running("0.0.0-second");
    await world.remote.commit({ "deployments/hello.yaml": helloManifest("2") }, "second version");
    await serves("2");
    // The old container is removed a moment after the new one serves.
    await running("0.0.0-second");
  });

  step("leaves what runs when it is uninstalled, adopts it again, and removes it when asked", async () => {
    const before = await containers(host);
    await host.sh("docker volume create keep");
    const leave = world.orun("uninstall", "nodes/web-01.yaml", "--yes");
    assert.equal(await leave.ended, 0, leave.output());
    assert.equal(await containers(host), before);
    const left = await host.sh(
      "ls -d /etc/orun/* /usr/local/lib/orun /usr/local/bin/orun /etc/systemd/system/orun* 2>/dev/null || true",
    );
    assert.equal(left.trim(), "/etc/orun/docker");

    const again = bootstrap("--yes");
    await again.says(/waiting: the key is not accepted yet/);
    await world.git.authorize(printedKey(again.output()));
    assert.equal(await again.ended, 0, again.output());
    assert.equal(await containers(host), before);

    await host.sh("systemctl stop docker.socket docker");
    const blind = world.orun("uninstall", "nodes/web-01.yaml", "--yes", "--workloads");
    assert.equal(await blind.ended, 1);
    assert.match(blind.output(), /nothing was changed.*engine/);
    await host.sh("systemctl start docker");
    const remove = world.orun("uninstall", "nodes/web-01.yaml", "--yes", "--workloads");
    assert.equal(await remove.ended, 0, remove.output());
    assert.equal((await containers(host)).trim(), "");
    assert.match(await host.sh("docker volume ls --quiet"), /keep/);
    assert.ok(existsSync(first));
    writeFileSync(join(world.folder, "done"), "");
  });
});
