/** A real registry (Debian's docker-registry) on loopback, behind a small proxy with switches for the ways registries fail. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { logTail, startDaemon } from "./daemon.ts";
import { fail, type RegistryFault } from "./registry-fault.ts";
import { until } from "./wait.ts";

export interface RegistryOptions {
  /** Asks for a user and a password (htpasswd), see {@link Registry.auth}. */
  auth?: boolean;
}

export interface Registry {
  /** `127.0.0.1:port`: what image references begin with. */
  host: string;
  /** The only user it lets in; null: everybody. */
  auth: { user: string; password: string } | null;
  /** Every request so far: "GET /v2/demo/manifests/1". */
  requests: string[];
  /** Switches a fault on; null heals. */
  fault(fault: RegistryFault | null): void;
  stop(): Promise<void>;
}

/** htpasswd takes bcrypt only, which neither Node.js nor Debian's base system makes: this is the hash of this password. */
const LOGIN = { user: "tester", password: "registry-password" };
const HASH = "$2y$05$abcdefghijklmnopqrstuux7DVfxfgfXTmp/9Tsk6HzX2QQGjxePG";

/** Starts it with an empty storage folder. Throws with the end of its log when it does not come up. */
export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const root = mkdtempSync(join(tmpdir(), "orun-registry-"));
  const socket = join(root, "registry.sock");
  const log = join(root, "registry.log");
  writeFileSync(join(root, "htpasswd"), `${LOGIN.user}:${HASH}\n`);
  writeFileSync(join(root, "config.yml"), configuration(root, socket, options.auth === true));
  const daemon = await startDaemon({
    command: "docker-registry",
    args: ["serve", join(root, "config.yml")],
    log,
  });

  let fault: RegistryFault | null = null;
  const requests: string[] = [];
  const proxy = createServer((incoming, answer) => {
    requests.push(`${incoming.method ?? ""} ${incoming.url ?? ""}`);
    const damage = fail(fault, incoming, answer);
    if (damage === "answered") return;
    const { method = "GET", url = "/", headers } = incoming;
    const outgoing = request({ socketPath: socket, method, path: url, headers }, (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      let sent = 0;
      // A layer, not the small configuration of an image.
      let turn = damage === "corrupt" && Number(reply.headers["content-length"] ?? 0) > 65_536;
      reply.on("data", (chunk: Buffer) => {
        sent += chunk.length;
        if (turn) chunk.writeUInt8(chunk.readUInt8(chunk.length - 1) ^ 0xff, chunk.length - 1);
        turn = false;
        if (typeof damage === "number" && sent > damage) {
          answer.write(chunk.subarray(0, chunk.length - (sent - damage)), () => answer.destroy());
          reply.destroy();
        } else answer.write(chunk);
      });
      reply.once("end", () => answer.end());
      reply.once("error", () => answer.destroy());
    });
    outgoing.once("error", () => answer.destroy());
    incoming.pipe(outgoing);
  });
  const stop = async (): Promise<void> => {
    proxy.closeAllConnections();
    if (proxy.listening) await new Promise((resolve) => proxy.close(resolve));
    await daemon.end();
    rmSync(root, { recursive: true, force: true });
  };
  try {
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    await until("the registry answers", async () => {
      if (!daemon.running()) throw new Error("docker-registry ended at once");
      return (await answers(socket).catch(() => null)) !== null;
    });
  } catch (cause) {
    const tail = logTail(log);
    await stop();
    throw new Error(`docker-registry did not come up; the end of its log:\n${tail}`, { cause });
  }
  const address = proxy.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    host: `127.0.0.1:${port}`,
    auth: options.auth === true ? LOGIN : null,
    requests,
    stop,
    fault(next) {
      fault = next;
      // Requests that hang, and connections kept alive, are cut: the new state holds at once.
      proxy.closeAllConnections();
    },
  };
}

function configuration(root: string, socket: string, auth: boolean): string {
  return `version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: ${join(root, "data")}}
  delete: {enabled: true}
http:
  net: unix
  addr: ${socket}
  relativeurls: true
${auth ? `auth: {htpasswd: {realm: test, path: ${join(root, "htpasswd")}}}` : ""}
`;
}

/** Its status; 401 where it asks for a user. */
async function answers(socketPath: string): Promise<number> {
  const outgoing = request({ socketPath, path: "/v2/", agent: false });
  outgoing.end();
  return await new Promise((resolve, reject) => {
    outgoing.once("error", reject);
    outgoing.once("response", (reply) => {
      reply.resume();
      resolve(reply.statusCode ?? 0);
    });
  });
}
