import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { upstreamFolder } from "./config.ts";
import { readUpstreams, switchTo } from "./upstream-names.ts";

/** Sends a Service's requests to these addresses from this moment on, and still after a power cut. */
export function writeUpstreams(
  root: string,
  environment: string,
  service: string,
  upstreams: readonly string[],
): void {
  const folder = join(root, upstreamFolder(environment, service));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { add, remove } = switchTo(readdirSync(folder), upstreams);
  if (add.length === 0 && remove.length === 0) return;
  for (const name of add) closeSync(openSync(join(folder, name), "w", 0o600));
  for (const name of remove) rmSync(join(folder, name), { force: true });
  const fd = openSync(folder, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Where the requests of an environment's Services go, as Caddy sees it. */
export function readAllUpstreams(root: string, environment: string): Map<string, readonly string[]> {
  const directed = new Map<string, readonly string[]>();
  for (const service of servicesIn(root, environment)) {
    const upstreams = readUpstreams(readdirSync(join(root, upstreamFolder(environment, service))));
    if (upstreams !== null) directed.set(service, upstreams);
  }
  return directed;
}

/** Forgets where the requests of Services went that the environment has no more. */
export function forgetUpstreams(root: string, environment: string, present: ReadonlySet<string>): void {
  for (const service of servicesIn(root, environment)) {
    if (!present.has(service))
      rmSync(join(root, upstreamFolder(environment, service)), { recursive: true, force: true });
  }
}

function servicesIn(root: string, environment: string): string[] {
  const prefix = upstreamFolder(environment, "");
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length));
}
