import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import { fetchText } from "../testbed/agent.ts";
import { packagedExecutable } from "../testbed/executable.ts";
import type { Host } from "../testbed/host.ts";
import { demoImage } from "../testbed/images.ts";
import { until } from "../testbed/wait.ts";
import { listing, openWorld, printedKey, steps, trustGitServer, type World } from "./bootstrap-world.ts";

const install =
  "apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends";

describe("bootstrap of a Debian 12 host with sudo, an engine and somebody else's container", {
  timeout: 600_000,
}, () => {
  let world: World;
  let host: Host;
  let executable: string;

  before(async () => {
    [world, executable] = await Promise.all([openWorld(), packagedExecutable("0.0.0-first")]);
    trustGitServer(world);
    host = await world.bed.host("bookworm");
    await world.describe(host, { user: "admin" });
    await host.sh(
      "useradd --create-home --shell /bin/bash admin && cp -r /root/.ssh /home/admin/ && chown -R admin: /home/admin",
    );
  });
  after(() => world.stop());
  const step = steps();

  const run = (...args: string[]): ReturnType<World["orun"]> =>
    world.orun("bootstrap", "nodes/web-01.yaml", "--executable", executable, ...args);

  step("says what is missing without sudo, and with one that asks for a password", async () => {
    const without = run("--yes");
    assert.equal(await without.ended, 1);
    assert.match(without.output(), /admin cannot become root on .*sudo.*NOPASSWD/);
    await host.sh(`${install} sudo docker.io iptables git openssh-client`);
    const asked = run("--yes");
    assert.equal(await asked.ended, 1);
    assert.match(
      asked.output(),
      /admin cannot become root on .*password is required.*\/etc\/sudoers\.d\/orun/,
    );
    await host.sh("echo 'admin ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/orun");
  });

  step(
    "shows with --dry-run exactly what it then does, and leaves the engine and its containers alone",
    async () => {
      await host.sh("systemctl start docker");
      await demoImage(host.engineSocket(), { tag: "demo:1" });
      await host.sh("docker run --detach --name postgres demo:1");
      const stranger = (): Promise<string> =>
        host.sh("docker inspect --format '{{.Id}} {{.State.StartedAt}}' postgres");
      const before = [await listing(host), await stranger()];
      const dry = run("--dry-run");
      assert.equal(await dry.ended, 0, dry.output());
      assert.deepEqual([await listing(host), await stranger()], before);
      assert.match(dry.output(), /note: 1 container on this host is not orun's \(postgres\): left alone/);
      assert.match(dry.output(), /Docker 20\.10\.24.* is there and is left alone/);
      const shown = dry
        .output()
        .split("\n")
        .flatMap((line) => (line.startsWith("$ ") ? [`sudo -n -- ${line.slice(2)}`] : []));

      const sofar = world.bed.operator.commands().length;
      const real = run("--yes");
      await real.says(/waiting: the key is not accepted yet/);
      await world.git.authorize(printedKey(real.output()));
      assert.equal(await real.ended, 0, real.output());
      // What only looks, and what is asked again and again until it is so, is left out.
      const looks = /^cat$|^timeout 15 bash|orun-facts|\.pub$|status --json|^127\.|^\d+\.\d+\.\d+\.\d+$/;
      const done = world.bed.operator
        .commands()
        .slice(sofar)
        .filter((command) => !looks.test(command))
        .filter((command, index, all) => command !== all[index - 1]);
      assert.deepEqual(done, shown);
      for (const path of [
        "/etc/orun/agent.yaml",
        "/etc/orun/agent.known_hosts",
        "/etc/systemd/system/orun@.service",
      ]) {
        const content = await host.sh(`cat ${path}`);
        const indented = content.trimEnd().replace(/^/gm, "  | ");
        assert.ok(
          dry.output().includes(`orun-write ${path} 0644\n${indented}\n`),
          `${path} is not as it was shown`,
        );
      }
      assert.equal(await stranger(), before[1]);
      assert.equal((await host.try("test -e /etc/docker/daemon.json")).code, 1);
      await until("the host serves", async () => {
        const answer = await fetchText(8080, "/", {}, host.address).catch(() => null);
        return answer?.body === "version 1\n";
      });
    },
  );

  step("refuses the same host under another name", async () => {
    const manifest = readFileSync(join(world.folder, "nodes/web-01.yaml"), "utf8");
    writeFileSync(join(world.folder, "nodes/web-02.yaml"), manifest.replace("web-01", "web-02"));
    const other = world.orun("bootstrap", "nodes/web-02.yaml", "--yes", "--executable", executable);
    assert.equal(await other.ended, 1);
    assert.match(
      other.output(),
      /nothing was changed.*\n.*is node 'web-01' in environment 'production' already/,
    );
  });
});
