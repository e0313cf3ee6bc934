/** A host with an engine and the packaged executable under its unit, put there by hand: what bootstrap does is tested elsewhere. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { UNIT_PATH, unitText } from "../../src/bootstrap/unit.ts";
import { api } from "./engine-api.ts";
import { packagedExecutable } from "./executable.ts";
import type { Host } from "./host.ts";
import type { Operator } from "./operator.ts";
import { until } from "./wait.ts";

export interface Reach {
  /** The host's engine, on a local socket. */
  socket: string;
  close(): Promise<void>;
}

/** Installs engine, Git, executable and unit. The agent is neither configured nor started. */
export async function installByHand(host: Host, operator: Operator): Promise<void> {
  const packages = host.sh(
    "export DEBIAN_FRONTEND=noninteractive; apt-get update -qq && apt-get install -y -qq --no-install-recommends docker.io iptables git openssh-client >/dev/null",
  );
  await Promise.all([
    packages,
    put(host, operator, await packagedExecutable(), "/usr/local/bin/orun", "755"),
  ]);
  const version = Number(/^systemd (\d+)/.exec(await host.sh("systemctl --version"))?.[1]);
  await write(host, UNIT_PATH, unitText({ executable: "/usr/local/bin/orun", systemdVersion: version }));
  await host.sh("mkdir -p -m 0700 /opt/orun /etc/orun && systemctl daemon-reload");
}

/** Copies a file of this machine there over ssh. */
export async function put(
  host: Host,
  operator: Operator,
  from: string,
  to: string,
  mode: string,
): Promise<void> {
  const child = execFile("ssh", [...sshArguments(host, operator), `cat >${to} && chmod ${mode} ${to}`]);
  if (child.stdin === null) throw new Error("ssh has no input");
  const ended = once(child, "close");
  await pipeline(createReadStream(from), child.stdin);
  await ended;
  if (child.exitCode !== 0) throw new Error(`${from} could not be copied to ${to}`);
}

/** Writes a file there. */
export async function write(host: Host, path: string, text: string): Promise<void> {
  await host.sh('mkdir -p "$(dirname "$1")" && printf %s "$2" >"$1"', path, text);
}

/** Forwards the host's engine to a socket in `folder`, and its port 5000 to `registryPort` of this machine. */
export async function reach(
  host: Host,
  operator: Operator,
  folder: string,
  registryPort: number,
): Promise<Reach> {
  const socket = join(folder, "docker.sock");
  const child = spawn(
    "ssh",
    [
      ...["-N", "-o", "ExitOnForwardFailure=yes", "-L", `${socket}:/run/docker.sock`],
      ...["-R", `127.0.0.1:5000:127.0.0.1:${registryPort}`],
      ...sshArguments(host, operator),
    ],
    { stdio: "ignore" },
  );
  const ended = once(child, "exit");
  await until("the host's engine is reached", async () => {
    if (child.exitCode !== null) throw new Error(`ssh ended with ${child.exitCode}`);
    return (await api(socket, "GET", "/_ping").catch(() => null))?.status === 200;
  });
  return {
    socket,
    async close() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

function sshArguments(host: Host, operator: Operator): string[] {
  return ["-F", operator.config, "-o", "BatchMode=yes", `root@${host.address}`];
}
