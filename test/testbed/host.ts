/** Fresh Debian servers: each a container with systemd and sshd, in which an engine of its own can be installed. */
import { spawn } from "node:child_process";
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { startAptCache } from "./apt-cache.ts";
import { startDockerd } from "./dockerd.ts";
import { mustApi } from "./engine-api.ts";
import { makeSshKey, type Operator, useOperatorSsh } from "./operator.ts";
import { rootfsArchive, type Suite } from "./rootfs.ts";
import { tar } from "./tar.ts";
import { until } from "./wait.ts";

export interface HostBed {
  /** This machine's address on the hosts' network: where servers for them listen. */
  gateway: string;
  /** What an operator has on their machine: see {@link Operator}. */
  operator: Operator;
  /** Starts a host and waits until it is up. Its address stays the same over reboots. */
  host(suite: Suite): Promise<Host>;
  /** Ends all hosts and what they run on. */
  stop(): Promise<void>;
}

export interface Host {
  address: string;
  suite: Suite;
  /** The line of known_hosts for it. The operator has it already. */
  knownHostsLine: string;
  /** Runs a shell script as root on the host, without ssh; throws with its output when it fails. */
  sh(script: string, ...args: string[]): Promise<string>;
  /** The same; answers with the exit code and all output. */
  try(script: string, ...args: string[]): Promise<{ code: number; output: string }>;
  /** Socket of the engine inside, as seen from this machine. Changes with every start. */
  engineSocket(): string;
  /** Shuts it down in order, and starts it again. */
  reboot(): Promise<void>;
  /** Cuts its power, and starts it again. */
  powerCycle(): Promise<void>;
  stop(): Promise<void>;
}

const capabilities = [
  "SYS_ADMIN",
  "NET_ADMIN",
  "NET_RAW",
  "SYS_PTRACE",
  "SYS_CHROOT",
  "MKNOD",
  "AUDIT_WRITE",
  "SETFCAP",
  "DAC_READ_SEARCH",
  "SYSLOG",
  "IPC_LOCK",
  "SYS_NICE",
  "LINUX_IMMUTABLE",
];
const created = z.object({ Id: z.string() });
const networkShape = z.object({
  IPAM: z.object({ Config: z.array(z.object({ Gateway: z.string(), Subnet: z.string() })) }),
});
const stateShape = z.object({ State: z.object({ Pid: z.number(), Running: z.boolean() }) });

/** Starts the engine that the hosts run on, a network for them, and a proxy by which they reach Debian's mirror. */
export async function startHostBed(): Promise<HostBed> {
  const engine = await startDockerd();
  const folder = mkdtempSync(join(tmpdir(), "orun-operator-"));
  const { socket } = engine;
  const stops: (() => Promise<void>)[] = [() => engine.stop()];
  const stop = async (): Promise<void> => {
    for (const undo of stops.reverse()) await undo();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const gateway = await makeNetwork(socket);
    const apt = await startAptCache(gateway);
    stops.push(() => apt.stop());
    const operator = useOperatorSsh(folder);
    const images = new Set<Suite>();
    let count = 0;
    return {
      gateway,
      operator,
      async host(suite) {
        if (!images.has(suite)) await importImage(socket, suite, await rootfsArchive(suite));
        images.add(suite);
        count++;
        // The engine's range may begin anywhere within a /24.
        const address = gateway.replace(/\d+$/, (last) => String(Number(last) + count + 9));
        const host = await startHost({ socket, suite, address, operator, folder, aptProxy: apt.url });
        stops.push(() => host.stop());
        return host;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A network "hosts" with a subnet named by us, without which an engine gives no fixed addresses. Answers with the gateway. */
async function makeNetwork(socket: string): Promise<string> {
  await mustApi(socket, "POST", "/networks/create", { Name: "free" });
  const free = networkShape.parse(JSON.parse(await mustApi(socket, "GET", "/networks/free")));
  const range = free.IPAM.Config[0];
  if (range === undefined) throw new Error("the engine gave its network no addresses");
  await mustApi(socket, "DELETE", "/networks/free");
  await mustApi(socket, "POST", "/networks/create", { Name: "hosts", IPAM: { Config: [range] } });
  return range.Gateway;
}

async function importImage(socket: string, suite: Suite, archive: string): Promise<void> {
  const outgoing = request({
    socketPath: socket,
    method: "POST",
    path: `/images/create?fromSrc=-&repo=fresh-host&tag=${suite}`,
    headers: { "content-type": "application/x-tar" },
  });
  const answer = new Promise<string>((resolve, reject) => {
    outgoing.once("error", reject);
    outgoing.once("response", (response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => {
        body += chunk.toString("utf8");
      });
      response.once("error", reject);
      response.once("end", () => resolve(body));
    });
  });
  await pipeline(createReadStream(archive), outgoing);
  const body = await answer;
  if (!body.includes("sha256:")) throw new Error(`the engine did not import ${archive}: ${body}`);
}

interface HostParts {
  socket: string;
  suite: Suite;
  address: string;
  operator: Operator;
  folder: string;
  aptProxy: string;
}

async function startHost(parts: HostParts): Promise<Host> {
  const { socket, suite, address, operator } = parts;
  const name = `host-${address.split(".").at(-1) ?? ""}`;
  const answer = await mustApi(socket, "POST", `/containers/create?name=${name}`, containerSpec(parts, name));
  const { Id } = created.parse(JSON.parse(answer));
  const hostKey = join(parts.folder, `${name}_key`);
  makeSshKey(hostKey);
  const publicKey = readFileSync(`${hostKey}.pub`, "utf8").split(" ").slice(0, 2).join(" ");
  const knownHostsLine = `${address} ${publicKey}`;
  const files = tar([
    { path: "etc/ssh/ssh_host_ed25519_key", content: readFileSync(hostKey), mode: 0o600 },
    { path: "etc/ssh/ssh_host_ed25519_key.pub", content: readFileSync(`${hostKey}.pub`), mode: 0o644 },
    { path: "root/.ssh/authorized_keys", content: readFileSync(`${operator.key}.pub`), mode: 0o600 },
    {
      path: "etc/apt/apt.conf.d/00proxy",
      content: Buffer.from(`Acquire::http::Proxy "${parts.aptProxy}";\n`),
      mode: 0o644,
    },
    {
      // The kernel's settings are read-only here, and engines from 26 on want to turn IPv6 off there.
      path: "etc/systemd/system/docker.service.d/testbed.conf",
      content: Buffer.from("[Service]\nEnvironment=DOCKER_ALLOW_IPV6_ON_IPV4_INTERFACE=1\n"),
      mode: 0o644,
    },
  ]);
  await mustApi(socket, "PUT", `/containers/${Id}/archive?path=/`, files, "application/x-tar");
  writeFileSync(operator.knownHosts, `${readFileSync(operator.knownHosts, "utf8")}${knownHostsLine}\n`);

  let pid = 0;
  const attempt = (script: string, args: readonly string[]): Promise<{ code: number; output: string }> =>
    inHost(pid, script, args);
  const start = async (): Promise<void> => {
    await mustApi(socket, "POST", `/containers/${Id}/start`);
    const inspect = stateShape.parse(JSON.parse(await mustApi(socket, "GET", `/containers/${Id}/json`)));
    pid = inspect.State.Pid;
    await until(
      `the ${suite} host is up`,
      async () => {
        const { output } = await attempt("systemctl is-system-running; systemctl is-active ssh", []);
        return /^(running|degraded)\nactive/.test(output);
      },
      120_000,
    );
  };
  const halt = async (signal: string): Promise<void> => {
    if (signal === "SIGKILL") await mustApi(socket, "POST", `/containers/${Id}/kill`);
    else await mustApi(socket, "POST", `/containers/${Id}/stop?t=45`);
    await until("the host is down", async () => {
      const state = stateShape.parse(JSON.parse(await mustApi(socket, "GET", `/containers/${Id}/json`)));
      return !state.State.Running;
    });
  };
  await start();
  return {
    address,
    suite,
    knownHostsLine,
    async sh(script, ...args) {
      const { code, output } = await attempt(script, args);
      if (code !== 0)
        throw new Error(`on the ${suite} host, '${script}' ended with ${String(code)}:\n${output}`);
      return output;
    },
    engineSocket: () => `/proc/${String(pid)}/root/run/docker.sock`,
    try: (script, ...args) => attempt(script, args),
    async reboot() {
      await halt("SIGTERM");
      await start();
    },
    async powerCycle() {
      await halt("SIGKILL");
      await start();
    },
    async stop() {
      await mustApi(socket, "DELETE", `/containers/${Id}?force=true&v=true`);
    },
  };
}

function containerSpec(parts: HostParts, name: string): unknown {
  const controlGroups = controlGroupMounts();
  return {
    Image: `fresh-host:${parts.suite}`,
    Hostname: name,
    Cmd: ["/sbin/init"],
    Env: ["container=docker"],
    StopSignal: "SIGRTMIN+3",
    // Not on the host's own layered file system, on which an engine could not put its own.
    Volumes: { "/var/lib/docker": {}, "/var/lib/containerd": {} },
    HostConfig: {
      CapAdd: capabilities,
      SecurityOpt: ["seccomp=unconfined", "apparmor=unconfined"],
      CgroupnsMode: "host",
      Binds: controlGroups.map((folder) => `${folder}:${folder}:rw`),
      Tmpfs: {
        ...(controlGroups.includes("/sys/fs/cgroup") ? {} : { "/sys/fs/cgroup": "mode=755" }),
        "/run": "exec,size=512m",
        "/run/lock": "",
        "/tmp": "exec,size=1g",
      },
      NetworkMode: "hosts",
    },
    NetworkingConfig: { EndpointsConfig: { hosts: { IPAMConfig: { IPv4Address: parts.address } } } },
  };
}

/**
 * With version 1 there are several, below a tmpfs that is left out: systemd would make it read-only for this machine too.
 */
function controlGroupMounts(): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(" ")[4] ?? "")
    .filter((folder) => folder.startsWith("/sys/fs/cgroup"));
}

/** In all the host's namespaces, as root. A script of a host that has just gone down fails. */
function inHost(
  pid: number,
  script: string,
  args: readonly string[],
): Promise<{ code: number; output: string }> {
  const env = {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: "/root",
    LC_ALL: "C",
  };
  const child = spawn(
    "/usr/bin/nsenter",
    [
      "-t",
      String(pid),
      "-m",
      "-u",
      "-i",
      "-n",
      "-p",
      "-r",
      "-w",
      "--",
      "/bin/sh",
      "-c",
      script,
      "sh",
      ...args,
    ],
    { env, stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  const keep = (chunk: Buffer): void => {
    output += chunk.toString("utf8");
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? -1, output }));
  });
}
