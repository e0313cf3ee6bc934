/** Every line of `orun doctor`, green and red, by real parts. The unit's line is seen on hosts with systemd (unit.test.ts). */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { checkClock } from "../../src/doctor/clock.ts";
import { runAgent, type RunningAgent } from "../testbed/agent.ts";
import { caddyImage } from "../testbed/caddy.ts";
import type { Dockerd } from "../testbed/dockerd.ts";
import { packagedExecutable } from "../testbed/executable.ts";
import { startGitHttp } from "../testbed/git-http.ts";
import { createGitRemote, type GitRemote } from "../testbed/git-remote.ts";
import { type GitSsh, startGitSsh } from "../testbed/git-ssh.ts";
import { demoImage } from "../testbed/images.ts";
import { openSandbox } from "../testbed/sandbox.ts";
import { until } from "../testbed/wait.ts";

const root = join(import.meta.dirname, "..", "..");
const node = process.execPath;
const main = join(root, "src", "cli", "main.ts");

interface Examination {
  code: number;
  output: string;
  /** "ok Docker 28…": level and message of a check's line. */
  of(check: string): string | undefined;
}

function manifest(kind: string, name: string, spec: string): string {
  return `apiVersion: run.orcra.dev/v0alpha\nkind: ${kind}\nmetadata: {name: ${name}}\nspec: ${spec}\n`;
}

describe("orun doctor", () => {
  const sandbox = openSandbox({ after });
  let engine: Dockerd;
  let remote: GitRemote;
  let readOnly: GitSsh;
  let writable: GitSsh;
  let agent: RunningAgent;
  let dataDir: string;
  let ports: number[];

  async function examine(
    flags: Record<string, string>,
    choice: { command?: string[]; env?: NodeJS.ProcessEnv } = {},
  ): Promise<Examination> {
    const [program = node, ...args] = choice.command ?? [node, main];
    const all = {
      "docker-host": `unix://${engine.socket}`,
      "data-dir": dataDir,
      "status-port": String(agent.port),
      node: "test",
      ...flags,
    };
    const options = Object.entries(all).map(([name, value]) => `--${name}=${value}`);
    return await new Promise((resolve, reject) => {
      const child = execFile(
        program,
        [...args, "doctor", ...options],
        { env: { ...process.env, ...choice.env } },
        (_error, output, errors) => {
          if (child.exitCode === null) reject(new Error(`it did not end by itself:\n${output}${errors}`));
          else
            resolve({ code: child.exitCode, output: output + errors, of: (check) => lineOf(output, check) });
        },
      );
    });
  }
  const overSsh = (server: GitSsh, more: Record<string, string> = {}): Promise<Examination> =>
    examine({ repo: server.url, "deploy-key": server.deployKey, "known-hosts": server.knownHosts, ...more });

  before(async () => {
    engine = await sandbox.dockerd();
    await demoImage(engine.socket, { tag: "demo:1" });
    remote = await createGitRemote();
    sandbox.defer(() => remote.remove());
    ports = [await sandbox.freePort(), await sandbox.freePort()];
    await caddyImage(engine.socket, "caddy:test", "2.11");
    const ingress = `ingress: {image: "caddy:test", httpPort: ${ports[0] ?? 0}, httpsPort: ${ports[1] ?? 0}}`;
    await remote.commit(
      {
        "nodes/test.yaml": manifest("Node", "test", `{host: 127.0.0.1, gitRepo: ${remote.path}, ${ingress}}`),
        "deployments/web.yaml": manifest(
          "Deployment",
          "web",
          "{image: demo:1, imagePullPolicy: Never, ports: [{containerPort: 80}]}",
        ),
      },
      "first",
    );
    readOnly = await startGitSsh({ repository: remote.path, readOnly: true });
    sandbox.defer(() => readOnly.stop());
    writable = await startGitSsh({ repository: remote.path });
    sandbox.defer(() => writable.stop());
    dataDir = sandbox.folder();
    agent = runAgent({ repo: remote.path, socket: engine.socket, dataDir, port: await sandbox.freePort() });
    sandbox.defer(() => agent.end("SIGKILL"));
    await agent.state("web", "running");
  });

  it("finds all well: settings, engine, programs, key, Git, disk, clock, ports and agent", async () => {
    const seen = await overSsh(readOnly);
    assert.equal(seen.code, 0, seen.output);
    assert.match(seen.of("settings") ?? "", /^ok node test, branch main/);
    assert.match(seen.of("engine") ?? "", /^ok Docker \d+\.\d+.*, API 1\.\d+, on /);
    assert.match(seen.of("programs") ?? "", /^ok git version .*OpenSSH.*flock.*setpriv/);
    assert.match(seen.of("deploy key") ?? "", /^ok /);
    assert.match(seen.of("known hosts") ?? "", /^ok .*, 1 key$/);
    assert.match(seen.of("git") ?? "", /^ok ssh:.*, branch main is at [0-9a-f]{8}$/);
    assert.match(seen.of("git write") ?? "", /^ok .*read only/);
    assert.match(seen.of("clock") ?? "", /^ok /);
    for (const port of ports) assert.match(seen.of(`port ${port}`) ?? "", /^ok free for the ingress/);
    assert.match(seen.of(`port ${agent.port}`) ?? "", /^ok the agent's status API answers/);
    assert.match(seen.of("agent") ?? "", /^ok orun .*; 1 deployment, all well/);
    // No systemd runs this machine's agent.
    assert.match(seen.of("unit") ?? "", /^warn /);
    assert.doesNotMatch(seen.output, /^(fail)/m);
  });

  it("warns when the credentials can also push, over ssh and http, and pushes nothing", async () => {
    const before = await remote.git(["for-each-ref"]);
    const ssh = await overSsh(writable);
    assert.equal(ssh.code, 0, ssh.output);
    assert.match(ssh.of("git write") ?? "", /^warn .*can also push/);
    assert.match(ssh.output, /-> Make the deploy key \(or token\) read-only/);

    const http = await startGitHttp({ repository: remote.path });
    sandbox.defer(() => http.stop());
    assert.match((await examine({ repo: http.url })).of("git write") ?? "", /^ok /);
    await remote.git(["config", "http.receivepack", "true"]);
    assert.match((await examine({ repo: http.url })).of("git write") ?? "", /^warn /);
    assert.equal(await remote.git(["for-each-ref"]), before);
  });

  it("says what is wrong with Git: key, host key, branch, server, URL", async () => {
    const wrongKey = await overSsh(readOnly, { "deploy-key": readOnly.otherKey });
    assert.equal(wrongKey.code, 1);
    assert.match(wrongKey.of("git") ?? "", /^fail .*(refuse|denied)/i);

    const otherHost = join(sandbox.folder(), "known_hosts");
    copyFileSync(writable.knownHosts, otherHost);
    const hostKey = await overSsh(readOnly, { "known-hosts": otherHost });
    assert.match(hostKey.of("git") ?? "", /^fail .*host key/i);

    const branch = await overSsh(readOnly, { branch: "absent" });
    assert.match(branch.of("git") ?? "", /^fail .* has no branch 'absent'/);

    const nobody = await examine({ repo: `http://127.0.0.1:${await sandbox.freePort()}/infra.git` });
    assert.match(nobody.of("git") ?? "", /^fail /);

    const url = await examine({ repo: "ext::sh -c true" });
    assert.match(url.of("git") ?? "", /^fail .*refused/);
  });

  it("says what is wrong with the files for ssh", async () => {
    const folder = sandbox.folder();
    const open = join(folder, "open");
    copyFileSync(readOnly.deployKey, open);
    chmodSync(open, 0o644);
    const mode = await overSsh(readOnly, { "deploy-key": open });
    assert.match(mode.of("deploy key") ?? "", /^fail .*mode 0644/);
    assert.ok(mode.output.includes(`-> chmod 600 ${open}`));
    const absent = await overSsh(readOnly, {
      "deploy-key": join(folder, "none"),
      "known-hosts": join(folder, "none"),
    });
    assert.equal(absent.code, 1);
    assert.match(absent.of("deploy key") ?? "", /^fail .*is not there/);
    assert.match(absent.of("known hosts") ?? "", /^fail .*ENOENT/);
    writeFileSync(join(folder, "empty"), "# none yet\n");
    const empty = await overSsh(readOnly, { "known-hosts": join(folder, "empty") });
    assert.match(empty.of("known hosts") ?? "", /^warn .*is empty/);
  });

  it("says that there is no engine, and which programs are missing", async () => {
    const socket = join(sandbox.folder(), "none.sock");
    const engineless = await examine({ repo: remote.path, "docker-host": `unix://${socket}` });
    assert.equal(engineless.code, 1);
    assert.match(engineless.of("engine") ?? "", /^fail no Docker engine answers/);
    assert.match(engineless.output, /-> .*systemctl status docker/);

    const path = sandbox.folder();
    for (const program of ["flock", "setpriv"]) symlinkSync(`/usr/bin/${program}`, join(path, program));
    const gitless = await overSsh(readOnly);
    assert.match(gitless.of("programs") ?? "", /^ok /);
    const bare = await examine({ repo: readOnly.url }, { env: { PATH: path } });
    assert.equal(bare.code, 1);
    assert.match(bare.of("programs") ?? "", /^fail 'git' and 'ssh' cannot be run/);
    assert.match(bare.output, /-> apt-get install git openssh-client/);
  });

  it("says that room or inodes are short", async () => {
    const small = (name: string, options: string): string => {
      const folder = join(sandbox.folder(), name);
      mkdirSync(folder);
      execFileSync("mount", ["-t", "tmpfs", "-o", options, "orun-test", folder]);
      sandbox.defer(() => execFileSync("umount", [folder]));
      return folder;
    };
    const tight = await examine({ repo: remote.path, "data-dir": small("tight", "size=64m") });
    assert.equal(tight.code, 1);
    assert.match(tight.of("disk") ?? "", /^fail .*tight \(the agent's state\): 0\.1 GiB of 0\.1 GiB free/);
    const low = await examine({ repo: remote.path, "data-dir": small("low", "size=1g") });
    assert.match(low.of("disk") ?? "", /^warn /);
    assert.equal(low.code, 0);
    const folder = small("inodes", "size=3g,nr_inodes=120");
    for (let count = 0; count < 119; count++) writeFileSync(join(folder, String(count)), "");
    const inodes = await examine({ repo: remote.path, "data-dir": folder });
    assert.match(inodes.of("disk") ?? "", /^fail .* of 120 inodes are left/);
  });

  it("says that a clock is impossible", async () => {
    const now = Date.parse("2026-06-01T00:00:00Z");
    assert.equal((await checkClock(now, now - 1)).level === "fail", false);
    const early = await checkClock(0, now);
    assert.equal(early.level, "fail");
    assert.match(early.message, /1970-01-01T00:00:00 UTC/);
  });

  it("names who has a port, and knows the ingress", async () => {
    const stranger = createServer((socket) => socket.destroy());
    const [http = 0] = ports;
    await new Promise<void>((resolve) => stranger.listen(http, "0.0.0.0", resolve));
    const closed = (): Promise<void> => new Promise((resolve) => stranger.close(() => resolve()));
    sandbox.defer(closed);
    const seen = await examine({ repo: remote.path });
    assert.equal(seen.code, 0);
    assert.match(
      seen.of(`port ${http}`) ?? "",
      new RegExp(`^warn taken by process '.*' \\(pid ${process.pid}\\)`),
    );
    assert.match(seen.output, /-> The first Service needs it/);
    const status = await examine({ repo: remote.path, "status-port": String(http) });
    assert.equal(status.code, 1);
    assert.match(status.output, new RegExp(`^fail +port ${http} .*is no agent that answers`, "m"));
    await closed();
  });

  it("knows the ports of the ingress that runs", async () => {
    const route = "{deployment: web, port: 80, ingress: {domain: {default: web.test}}}";
    await remote.commit({ "services/web.yaml": manifest("Service", "web", route) }, "a service");
    const served = await until(
      "the ingress has its ports",
      async () => {
        const seen = await examine({ repo: remote.path });
        return seen.of(`port ${ports[0] ?? 0}`)?.includes("served") === true ? seen : null;
      },
      90_000,
    );
    assert.match(served.of(`port ${ports[0] ?? 0}`) ?? "", /^ok served by the ingress/);
    assert.match(served.of(`port ${ports[1] ?? 0}`) ?? "", /^ok free: no Service has ssl/);
  });

  it("says what the agent says, that it is of another version, and that there is none", async () => {
    const packaged = await examine({ repo: remote.path }, { command: [await packagedExecutable()] });
    assert.match(packaged.of("version") ?? "", /^warn the agent runs orun .*, this is 0\.0\.0-test/);

    const file = manifest("Deployment", "web", "{image: absent:1, imagePullPolicy: Never}");
    await remote.commit(
      { "deployments/other.yaml": file.replace("name: web", "name: other") },
      "an absent image",
    );
    await until("the agent has it", async () => (await agent.status()).deployments["other"] !== undefined);
    const unwell = await examine({ repo: remote.path });
    assert.match(unwell.of("deployments") ?? "", /^warn other is \w+/);

    await engine.kill();
    const engineless = await until("the agent's word is out", async () => {
      const seen = await examine({ repo: remote.path });
      return seen.of("agent")?.startsWith("fail") === true ? seen : null;
    });
    assert.match(engineless.of("engine") ?? "", /^fail /);
    await agent.end("SIGKILL");
    const none = await examine({ repo: remote.path });
    assert.match(none.of("agent") ?? "", /^fail no agent answers on/);
    assert.match(none.of(`port ${agent.port}`) ?? "", /^ok free/);
  });

  it("says which setting is wrong", async () => {
    const file = join(sandbox.folder(), "agent.yaml");
    writeFileSync(file, "repo: /srv/infra.git\npollInterval: soon\n");
    const wrong = await examine({ config: file });
    assert.equal(wrong.code, 1);
    assert.match(wrong.of("settings") ?? "", /pollInterval: expected a duration/);
    assert.match((await examine({})).of("settings") ?? "", /^fail no repository is named/);
  });
});

function lineOf(output: string, check: string): string | undefined {
  const found = new RegExp(`^(ok|warn|fail) +${check} {2,}(.*)$`, "m").exec(output);
  return found === null ? undefined : `${found[1] ?? ""} ${found[2] ?? ""}`;
}
