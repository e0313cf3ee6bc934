/** An sshd on an unprivileged port that serves one Git repository to one key. */
import { type ChildProcess, spawn } from "node:child_process";
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createConnection, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

export interface GitSsh {
  /** ssh://user@address:port/path */
  url: string;
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
  /** Accepts this key (a line of a .pub file) besides. */
  authorize(publicKey: string): Promise<void>;
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

export interface GitSshOptions {
  repository: string;
  /** false: GIT_PROTOCOL is not accepted, so clients get protocol version 0. */
  protocolV2?: boolean;
  /** Where it listens. Default: 127.0.0.1. */
  address?: string;
  /** true: any command may be run, as on a server that people log in to. */
  anyCommand?: boolean;
  /** true: keys may read and not push, as read-only deploy keys of Git hosts. */
  readOnly?: boolean;
  /** The program that every session runs instead of Git's; `$SSH_ORIGINAL_COMMAND` is what was asked for. */
  command?: string;
}

const gitShell = 'exec git-shell -c \\"$SSH_ORIGINAL_COMMAND\\"';
const readOnly = `case \\"$SSH_ORIGINAL_COMMAND\\" in git-upload-pack*) ${gitShell};; *) echo 'this key may only read' >&2; exit 1;; esac`;

/** Starts it and waits until it answers. */
export async function startGitSsh(options: GitSshOptions): Promise<GitSsh> {
  const folder = await mkdtemp(join(tmpdir(), "orun-sshd-"));
  const address = options.address ?? "127.0.0.1";
  const port = await freePort(address);
  const file = (name: string): string => join(folder, name);
  for (const name of ["host", "deploy", "other"]) await makeKey(file(name));
  await mkdir("/run/sshd", { recursive: true });
  const forced = options.command ?? (options.readOnly === true ? readOnly : gitShell);
  const restriction = options.anyCommand === true ? "" : `restrict,command="${forced}" `;
  const authorizeDeployKey = async (): Promise<void> => {
    const key = await readFile(file("deploy.pub"), "utf8");
    await writeFile(file("authorized_keys"), `${restriction}${key}`);
  };
  await authorizeDeployKey();
  const hostKey = (await readFile(file("host.pub"), "utf8")).split(" ").slice(0, 2).join(" ");
  await writeFile(file("known_hosts"), `[${address}]:${port} ${hostKey}\n`);
  await writeFile(file("sshd_config"), sshdConfig(folder, address, port, options.protocolV2 !== false));
  let server = await startSshd(folder, address, port);
  const halt = async (): Promise<void> => {
    await signalTree(server, "SIGKILL");
    await exited(server);
  };
  const descendantsOnly = async (): Promise<void> => {
    for (const pid of (await processTree(server.pid)).slice(1)) signal(pid, "SIGKILL");
  };
  return {
    url: `ssh://${userInfo().username}@${address}:${port}${options.repository}`,
    port,
    deployKey: file("deploy"),
    otherKey: file("other"),
    knownHosts: file("known_hosts"),
    pause: () => signalTree(server, "SIGSTOP"),
    resume: () => signalTree(server, "SIGCONT"),
    dropConnections: descendantsOnly,
    async authorize(publicKey) {
      await appendFile(file("authorized_keys"), `${restriction}${publicKey.trim()}\n`);
    },
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
      server = await startSshd(folder, address, port);
    },
    halt,
    async stop() {
      await halt();
      await rm(folder, { recursive: true, force: true });
    },
    log: () => readFile(file("log"), "utf8"),
  };
}

function sshdConfig(folder: string, address: string, port: number, protocolV2: boolean): string {
  return [
    `ListenAddress ${address}`,
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
    ...(protocolV2 ? ["AcceptEnv GIT_PROTOCOL"] : []),
    "",
  ].join("\n");
}

async function startSshd(folder: string, address: string, port: number): Promise<ChildProcess> {
  const args = ["-D", "-f", join(folder, "sshd_config"), "-E", join(folder, "log")];
  const server = spawn("/usr/sbin/sshd", args, { stdio: "ignore" });
  const failed = new Promise<never>((_resolve, reject) => {
    server.once("error", reject);
    server.once("exit", (code) =>
      reject(new Error(`sshd ended with ${code ?? "a signal"}; see ${folder}/log`)),
    );
  });
  failed.catch(() => undefined);
  await Promise.race([failed, untilListening(address, port)]);
  return server;
}

async function untilListening(address: string, port: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await connects(address, port))) {
    if (Date.now() > deadline) throw new Error(`nothing listens on port ${port} after 10 s`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function connects(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, address);
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

function freePort(address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, address, () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === "string") reject(new Error("no port"));
        else resolve(address.port);
      });
    });
  });
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
