import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./wait.ts";

/** A private, real Docker engine with its own folders, socket, bridge and address pool. */
export interface Dockerd {
  socket: string;
  /** Sends a signal to the engine; after SIGKILL, {@link Dockerd.start} brings it up again on the same data. */
  kill(signal: "SIGTERM" | "SIGKILL" | "SIGSTOP" | "SIGCONT"): Promise<void>;
  start(): Promise<void>;
  /** Removes every container and network, stops the engine, removes its folder. */
  stop(): Promise<void>;
}

/** Starts an engine of our own; `index` (0 to 63) keeps several from colliding. */
export async function startDockerd(index: number): Promise<Dockerd> {
  const root = mkdtempSync(join(tmpdir(), "orun-dockerd-"));
  const socket = join(root, "docker.sock");
  const log = join(root, "log");
  let child: ReturnType<typeof spawn> | null = null;

  // Engines before 23 share the key that their id comes from, unless told otherwise.
  const isOld = /version (19|20)\./.test(execFileSync("dockerd", ["--version"], { encoding: "utf8" }));
  writeFileSync(
    join(root, "daemon.json"),
    JSON.stringify(isOld ? { "deprecated-key-path": join(root, "key.json") } : {}),
  );

  const start = async (): Promise<void> => {
    rmSync(join(root, "docker.pid"), { force: true });
    const fd = openSync(log, "a");
    const pool = `10.192.${String(index * 4)}.0/22`;
    child = spawn(
      "dockerd",
      [
        "--data-root",
        join(root, "data"),
        "--exec-root",
        join(root, "exec"),
        "--pidfile",
        join(root, "docker.pid"),
        "--host",
        `unix://${socket}`,
        "--config-file",
        join(root, "daemon.json"),
        "--bridge",
        "none",
        "--default-address-pool",
        `base=${pool},size=26`,
        "--insecure-registry",
        "127.0.0.0/8",
      ],
      {
        stdio: ["ignore", fd, fd],
        env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` },
      },
    );
    closeSync(fd);
    const started = child;
    await until("the engine answers", async () => {
      if (started.exitCode !== null)
        throw new Error(`dockerd ended: ${readFileSync(log, "utf8").slice(-3000)}`);
      return (await api(socket, "GET", "/_ping").catch(() => null))?.status === 200;
    });
  };
  const kill = async (signal: "SIGTERM" | "SIGKILL" | "SIGSTOP" | "SIGCONT"): Promise<void> => {
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    if (signal === "SIGTERM" || signal === "SIGKILL") await ended;
  };
  await start();
  return {
    socket,
    kill,
    start,
    async stop() {
      const list = await api(socket, "GET", "/containers/json?all=true");
      for (const id of ids(list.body)) await api(socket, "DELETE", `/containers/${id}?force=true&v=true`);
      await api(socket, "POST", "/networks/prune");
      await kill("SIGTERM");
      unmountBelow(root);
      rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

/** What an engine that was killed has left mounted below its folder. */
function unmountBelow(root: string): void {
  const points = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((point) => point.startsWith(`${root}/`));
  for (const point of points.reverse()) execFileSync("umount", ["--lazy", point]);
}

/** One plain call to an engine, for tests: as far from orun's own client as can be. */
export function api(
  socketPath: string,
  method: string,
  path: string,
  body?: unknown,
  contentType = "application/json",
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const payload =
      body === undefined ? null : body instanceof Buffer ? body : Buffer.from(JSON.stringify(body));
    const outgoing = request(
      {
        socketPath,
        method,
        path,
        headers: payload === null ? {} : { "content-type": contentType, "content-length": payload.length },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.once("error", reject);
        response.once("end", () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") }),
        );
      },
    );
    outgoing.once("error", reject);
    outgoing.end(payload ?? undefined);
  });
}

function ids(text: string): string[] {
  return [...text.matchAll(/"Id":"([0-9a-f]{64})"/g)].map((match) => match[1] ?? "");
}
