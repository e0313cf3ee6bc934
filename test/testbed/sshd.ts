/** An sshd on an unprivileged loopback port that lets one key in, for one forced command. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";

export interface Sshd {
  port: number;
  /** A private key that the server accepts. */
  deployKey: string;
  /** A private key that it does not know. */
  otherKey: string;
  /** known_hosts with the server's key as it was at the start. */
  knownHosts: string;
  /** SIGSTOP for the server and everything under it: connections stay open and nothing answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Kills every open connection; the server goes on accepting. */
  dropConnections(): Promise<void>;
  /** Accepts no key any more, and drops who is connected. */
  revokeKeys(): Promise<void>;
  /** Ends it with all connections, and starts it again on the same port. */
  restart(change?: { newHostKey?: boolean }): Promise<void>;
  /** Ends it with all connections. */
  halt(): Promise<void>;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
  /** Its log, for messages of failing tests. */
  log(): Promise<string>;
}

export interface SshdOptions {
  /** What every session runs, for the shell; `$SSH_ORIGINAL_COMMAND` is what the client asked for. */
  command: string;
  /** Names of environment variables that clients may set. */
  acceptEnv: readonly string[];
}

/** Starts it and waits until it answers. */
export async function startSshd(options: SshdOptions): Promise<Sshd> {
  const folder = await mkdtemp(join(tmpdir(), "orun-sshd-"));
  const port = await freePort();
  const file = (name: string): string => join(folder, name);
  for (const name of ["host", "deploy", "other"]) await makeKey(file(name));
  await mkdir("/run/sshd", { recursive: true });
  const authorize = async (): Promise<void> => {
    const key = await readFile(file("deploy.pub"), "utf8");
    await writeFile(
      file("authorized_keys"),
      `restrict,command="${options.command.replaceAll('"', '\\"')}" ${key}`,
    );
  };
  await authorize();
  const hostKey = (await readFile(file("host.pub"), "utf8")).split(" ").slice(0, 2).join(" ");
  await writeFile(file("known_hosts"), `[127.0.0.1]:${port} ${hostKey}\n`);
  await writeFile(file("sshd_config"), sshdConfig(folder, port, options.acceptEnv));
  let server = await launch(folder, port);
  const halt = async (): Promise<void> => {
    await signalTree(server, "SIGKILL");
    await exited(server);
  };
  const descendantsOnly = async (): Promise<void> => {
    for (const pid of (await processTree(server.pid)).slice(1)) signal(pid, "SIGKILL");
  };
  return {
    port,
    deployKey: file("deploy"),
    otherKey: file("other"),
    knownHosts: file("known_hosts"),
    pause: () => signalTree(server, "SIGSTOP"),
    resume: () => signalTree(server, "SIGCONT"),
    dropConnections: descendantsOnly,
    async revokeKeys() {
      await writeFile(file("authorized_keys"), "");
      await descendantsOnly();
    },
    async restart(change = {}) {
      await halt();
      if (change.newHostKey === true) {
        await rm(file("host"));
        await makeKey(file("host"));
      }
      server = await launch(folder, port);
    },
    halt,
    async stop() {
      await halt();
      await rm(folder, { recursive: true, force: true });
    },
    log: () => readFile(file("log"), "utf8"),
  };
}

function sshdConfig(folder: string, port: number, acceptEnv: readonly string[]): string {
  return [
    "ListenAddress 127.0.0.1",
    `Port ${port}`,
    `HostKey ${folder}/host`,
    `AuthorizedKeysFile ${folder}/authorized_keys`,
    "PidFile none",
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin prohibit-password",
    "LogLevel VERBOSE",
    // The forced command runs in a login shell, which would read the user's own start-up files.
    `SetEnv HOME=${folder}`,
    ...(acceptEnv.length === 0 ? [] : [`AcceptEnv ${acceptEnv.join(" ")}`]),
    "",
  ].join("\n");
}

async function launch(folder: string, port: number): Promise<ChildProcess> {
  const args = ["-D", "-f", join(folder, "sshd_config"), "-E", join(folder, "log")];
  const server = spawn("/usr/sbin/sshd", args, { stdio: "ignore" });
  const failed = new Promise<never>((_resolve, reject) => {
    server.once("error", reject);
    server.once("exit", (code) =>
      reject(new Error(`sshd ended with ${code ?? "a signal"}; see ${folder}/log`)),
    );
  });
  failed.catch(() => undefined);
  await Promise.race([failed, untilListening(port)]);
  return server;
}

async function untilListening(port: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await connects(port))) {
    if (Date.now() > deadline) throw new Error(`nothing listens on port ${port} after 10 s`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

async function makeKey(path: string): Promise<void> {
  await rm(`${path}.pub`, { force: true });
  const child = spawn("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path], {
    stdio: "ignore",
  });
  await exited(child);
}

function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}

async function signalTree(root: ChildProcess, name: NodeJS.Signals): Promise<void> {
  for (const pid of await processTree(root.pid)) signal(pid, name);
}

/** The process and its descendants: sessions of sshd outlive it, so they are looked up first. */
async function processTree(root: number | undefined): Promise<number[]> {
  if (root === undefined) return [];
  const children = new Map<number, number[]>();
  for (const name of await readdir("/proc")) {
    if (!/^[0-9]+$/.test(name)) continue;
    const parent = await parentOf(Number(name));
    if (parent !== null) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

async function parentOf(pid: number): Promise<number | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "latin1");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    // It ended meanwhile.
    return null;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
