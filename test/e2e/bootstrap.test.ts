import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import { fetchText } from "../testbed/agent.ts";
import { packagedExecutable } from "../testbed/executable.ts";
import type { Host } from "../testbed/host.ts";
import { demoImage } from "../testbed/images.ts";
import { runOrunOnTerminal } from "../testbed/orun-process.ts";
import { until } from "../testbed/wait.ts";
import {
  containers,
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

  before(async () => {
    [world, first] = await Promise.all([openWorld(), packagedExecutable("0.0.0-first")]);
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
    await until(
      "the agent remembers",
      async () => (await host.try("test -s /opt/orun/state.json")).code === 0,
    );
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
});
