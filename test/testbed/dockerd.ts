/** Private, real Docker engines for tests: each with its own folders, socket, containerd and addresses. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { z } from "zod";
import { claimAddressPool } from "./address-pool.ts";
import { allowBridgedTraffic } from "./bridged-traffic.ts";
import { type Daemon, logTail, startDaemon } from "./daemon.ts";
import { api, mustApi } from "./engine-api.ts";
import { clearEngineRemains, ownerVariable } from "./engine-remains.ts";
import { until } from "./wait.ts";

export interface DockerdOptions {
  /** Keys of daemon.json over the test bed's own, such as `{"live-restore": true}`. */
  config?: Record<string, unknown>;
}

export interface Dockerd {
  socket: string;
  /** The socket as a URL, for `--docker-host`. */
  host: string;
  dataRoot: string;
  /** The end of the engine's log. */
  log(): string;
  /** Brings the engine up again on the same data, after {@link Dockerd.kill} or {@link Dockerd.shutdown}. */
  start(): Promise<void>;
  /** SIGKILL. As on a real host, containerd and the containers go on. */
  kill(): Promise<void>;
  /** SIGTERM: the engine stops its containers (without live-restore) and ends. */
  shutdown(): Promise<void>;
  /** {@link Dockerd.shutdown}, then {@link Dockerd.start}. */
  restart(): Promise<void>;
  /** SIGSTOP: connections are accepted by the kernel, nothing answers. */
  pause(): void;
  resume(): void;
  /** Removes every container, network and volume; images stay. */
  removeAll(): Promise<void>;
  /** Ends the engine in whatever state it is, and removes everything it made. */
  stop(): Promise<void>;
}

/**
 * Starts an engine. It touches no firewall rule (`--iptables=false`): the chains that engines use have fixed names, and one
 * that starts empties those of the others, the machine's own engine included. Ports are published by its proxy all the same.
 * Throws with the end of its log when it does not come up.
 */
export async function startDockerd(options: DockerdOptions = {}): Promise<Dockerd> {
  const root = mkdtempSync(join(tmpdir(), "orun-dockerd-"));
  const socket = join(root, "docker.sock");
  const log = join(root, "dockerd.log");
  const pool = await claimAddressPool();
  const config = join(root, "daemon.json");
  writeFileSync(config, JSON.stringify({ ...daemonConfig(root, pool.cidr), ...options.config }));
  let containerd: Daemon | null = null;
  let engine: Daemon | null = null;

  const start = async (): Promise<void> => {
    if (containerd?.running() !== true) containerd = await startContainerd(root);
    rmSync(join(root, "docker.pid"), { force: true });
    const env = { [ownerVariable]: root };
    const started = await startDaemon({ command: "dockerd", args: ["--config-file", config], log, env });
    engine = started;
    await until("the engine answers", async () => {
      if (!started.running()) throw new Error(`dockerd ended at once; the end of its log:\n${logTail(log)}`);
      return (await api(socket, "GET", "/_ping").catch(() => null))?.status === 200;
    }).catch((cause: unknown) => {
      throw new Error(`dockerd did not come up; the end of its log:\n${logTail(log)}`, { cause });
    });
  };
  const stop = async (): Promise<void> => {
    if (engine?.running() === true) {
      engine.signal("SIGCONT");
      // What cannot be removed through an engine that a test has broken is removed below without it.
      await removeEverything(socket).catch(() => null);
    }
    await engine?.end();
    await containerd?.end();
    await clearEngineRemains(root);
    await pool.release();
  };
  const shutdown = async (): Promise<void> => {
    await engine?.end(60_000);
  };

  allowBridgedTraffic(basename(root));
  await start().catch(async (cause: unknown) => {
    await stop();
    throw cause;
  });
  return {
    socket,
    host: `unix://${socket}`,
    dataRoot: join(root, "data"),
    log: () => logTail(log, 200),
    start,
    shutdown,
    stop,
    async kill() {
      await engine?.kill();
    },
    async restart() {
      await shutdown();
      await start();
    },
    pause: () => engine?.signal("SIGSTOP"),
    resume: () => engine?.signal("SIGCONT"),
    removeAll: () => removeEverything(socket),
  };
}

function daemonConfig(root: string, pool: string): Record<string, unknown> {
  const path = `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;
  const version = execFileSync("dockerd", ["--version"], {
    encoding: "utf8",
    env: { ...process.env, PATH: path },
  });
  return {
    "data-root": join(root, "data"),
    "exec-root": join(root, "exec"),
    pidfile: join(root, "docker.pid"),
    hosts: [`unix://${join(root, "docker.sock")}`],
    containerd: join(root, "containerd.sock"),
    bridge: "none",
    iptables: false,
    "ip-masq": false,
    "default-address-pools": [{ base: pool, size: 26 }],
    "insecure-registries": ["127.0.0.0/8"],
    // A control group of its own, whichever way systemd manages the machine's.
    "exec-opts": ["native.cgroupdriver=cgroupfs"],
    "cgroup-parent": `/${basename(root)}`,
    "shutdown-timeout": 10,
    // Engines before 23 share the key that their id comes from, unless told otherwise.
    ...(/version (19|20)\./.test(version) ? { "deprecated-key-path": join(root, "key.json") } : {}),
  };
}

/** Without one of its own, an engine takes the machine's containerd when one runs, and shares its containers' namespace. */
async function startContainerd(root: string): Promise<Daemon> {
  const config = join(root, "containerd.toml");
  writeFileSync(
    config,
    `version = 2
root = "${join(root, "containerd")}"
state = "${join(root, "run")}"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${join(root, "containerd.sock")}"
`,
  );
  return await startDaemon({
    command: "containerd",
    args: ["--config", config],
    log: join(root, "containerd.log"),
    env: { [ownerVariable]: root },
  });
}

const containersShape = z.array(z.object({ Id: z.string() }));
const networksShape = z.array(z.object({ Id: z.string(), Name: z.string() }));

async function removeEverything(socket: string): Promise<void> {
  const containers = containersShape.parse(
    JSON.parse(await mustApi(socket, "GET", "/containers/json?all=true")),
  );
  await Promise.all(
    containers.map(({ Id }) =>
      until(`container ${Id} is removed`, () => isRemoved(socket, `/containers/${Id}?force=true&v=true`)),
    ),
  );
  const networks = networksShape.parse(JSON.parse(await mustApi(socket, "GET", "/networks")));
  for (const { Id, Name } of networks) {
    if (Name !== "none" && Name !== "host") await mustApi(socket, "DELETE", `/networks/${Id}`);
  }
  // Engines before 23 prune named volumes too, and refuse the word for it.
  const all = encodeURIComponent('{"all":["true"]}');
  const pruned = await api(socket, "POST", `/volumes/prune?filters=${all}`);
  if (pruned.status === 400) await mustApi(socket, "POST", "/volumes/prune");
}

/** A removal that is under way already answers 409. */
async function isRemoved(socket: string, path: string): Promise<boolean> {
  const { status, body } = await api(socket, "DELETE", path);
  if (status < 300 || status === 404) return true;
  if (status === 409) return false;
  throw new Error(`DELETE ${path}: the engine said ${status}: ${body}`);
}
