/** The peer: `git pull && docker compose up -d` in a loop, with the current Compose v2. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { debianMirror } from "../../tools/debian-mirror.mjs";

const cache = join(import.meta.dirname, "..", "..", ".cache", "compose");

/** The program and its version. From Debian's newest release, unpacked into a cache folder: nothing is installed. */
export function composeProgram(): { path: string; version: string } {
  const found = (): string | undefined =>
    globSync(join(cache, "usr/libexec/docker/cli-plugins/docker-compose"))[0];
  if (found() === undefined) download();
  const path = found();
  if (path === undefined)
    throw new Error(`Debian's docker-compose has no program 'docker-compose' in ${cache}`);
  return { path, version: run(path, ["version", "--short"]).trim() };
}

/** Pulls and brings up every `intervalMs`, as such loops do; answers how to end it. */
export function startComposeLoop(options: {
  program: string;
  folder: string;
  socket: string;
  intervalMs: number;
}): { end(): Promise<void> } {
  const script = `while :; do git pull -q; "$0" --progress quiet up -d; sleep ${String(options.intervalMs / 1000)}; done`;
  const loop: ChildProcess = spawn("sh", ["-c", script, options.program], {
    cwd: options.folder,
    stdio: "ignore",
    detached: true,
    env: { ...process.env, DOCKER_HOST: `unix://${options.socket}`, COMPOSE_PROJECT_NAME: "peer" },
  });
  const ended = once(loop, "exit");
  return {
    async end() {
      // The whole group: a pull or an `up` may be going on.
      if (loop.pid !== undefined && loop.exitCode === null) process.kill(-loop.pid, "SIGKILL");
      await ended;
    },
  };
}

/** The machine's own mirror, but the release called sid, by a private source list. */
function download(): void {
  const state = mkdtempSync(join(tmpdir(), "orun-apt-"));
  try {
    mkdirSync(join(state, "lists"), { recursive: true });
    mkdirSync(cache, { recursive: true });
    const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
    if (!existsSync(keyring)) throw new Error(`${keyring} is missing: install debian-archive-keyring`);
    writeFileSync(join(state, "sources.list"), `deb [signed-by=${keyring}] ${debianMirror()} sid main\n`);
    const options = [
      `Dir::Etc::SourceList=${join(state, "sources.list")}`,
      "Dir::Etc::SourceParts=/dev/null",
      `Dir::State::Lists=${join(state, "lists")}`,
      `Dir::Cache=${state}`,
      "APT::Sandbox::User=root",
    ].flatMap((option) => ["-o", option]);
    run("apt-get", [...options, "update", "-qq"], state);
    run("apt-get", [...options, "download", "-qq", "docker-compose"], state);
    const [file] = globSync(join(state, "docker-compose_*.deb"));
    if (file === undefined) throw new Error("apt-get downloaded no docker-compose");
    run("dpkg", ["-x", file, cache], state);
  } finally {
    rmSync(state, { recursive: true, force: true });
  }
}

function run(command: string, args: string[], cwd?: string): string {
  const done = spawnSync(command, args, { encoding: "utf8", ...(cwd === undefined ? {} : { cwd }) });
  if (done.status !== 0)
    throw new Error(`${command} ${args.join(" ")}: ${done.stderr || String(done.error)}`.trim());
  return done.stdout;
}
