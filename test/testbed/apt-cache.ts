/** A small caching proxy for apt: hosts of the test bed reach Debian's mirror through it, and through nothing else. */
import { createHash } from "node:crypto";
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { createServer, get, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { debianMirror } from "../../tools/debian-mirror.mjs";

export interface AptCache {
  /** For apt's `Acquire::http::Proxy`. */
  url: string;
  /** Paths asked for so far. */
  asked(): readonly string[];
  stop(): Promise<void>;
}

/** Everything that the test bed keeps between runs: outside of any repository, and safe to delete. */
export const cacheFolder = "/var/cache/orun-testbed";

/** Index files are asked for anew after this time (ms); packages never change under their name. */
const indexAge = 6 * 3600_000;

/** Starts it on an address of this machine. Only plain GETs of the machine's own Debian archive are served. */
export async function startAptCache(address: string): Promise<AptCache> {
  const folder = join(cacheFolder, "apt");
  mkdirSync(folder, { recursive: true });
  const asked: string[] = [];
  const mirror = `${debianMirror()}/`;
  const server = createServer((request, response) => {
    const url = request.url ?? "";
    if (!url.startsWith(mirror)) {
      response.writeHead(403).end(`only ${mirror} is reachable from here\n`);
      return;
    }
    asked.push(url);
    answer(folder, url, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(502);
      response.end(String(error));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, address, resolve);
  });
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("the proxy got no port");
  return {
    url: `http://${address}:${String(bound.port)}/`,
    asked: () => asked,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(folder: string, url: string, response: ServerResponse): Promise<void> {
  const file = join(folder, createHash("sha256").update(url).digest("hex"));
  const changes = url.includes("/dists/") && !url.includes("/by-hash/");
  const kept = existsSync(file) && (!changes || Date.now() - statSync(file).mtimeMs < indexAge);
  if (!kept) {
    const upstream = await fetchUpstream(url);
    if (upstream.statusCode !== 200) {
      upstream.resume();
      response.writeHead(upstream.statusCode ?? 502).end();
      return;
    }
    const part = `${file}.${String(process.pid)}.${Math.random().toString(36).slice(2)}`;
    try {
      await pipeline(upstream, createWriteStream(part));
      renameSync(part, file);
    } finally {
      rmSync(part, { force: true });
    }
  }
  response.writeHead(200, { "content-length": statSync(file).size });
  await pipeline(createReadStream(file), response);
}

function fetchUpstream(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = get(url, { agent: false, timeout: 60_000 }, resolve);
    outgoing.once("timeout", () => outgoing.destroy(new Error(`${url}: no answer within a minute`)));
    outgoing.once("error", reject);
  });
}
