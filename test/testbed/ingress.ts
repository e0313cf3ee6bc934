/** An ingress adapter over a test engine, as `orun start` would put it together, and small things around it. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Ingress } from "../../src/agent/ingress-port.ts";
import { ingressOf } from "../../src/cli/open-ingress.ts";
import { fetchText } from "./agent.ts";
import { mustApi } from "./engine-api.ts";
import { freePort } from "./free-port.ts";
import { until } from "./wait.ts";

/** `folder` is what the agents of one host share; each environment has a data folder of its own in it. */
export function testIngress(socketPath: string, folder: string, environment: string): Ingress {
  return ingressOf(environment, { socketPath, dataDir: join(folder, environment) }, join(folder, "run"));
}

export interface Upstream {
  /** `address:port`, as an ingress is told. */
  address: string;
  end(): void;
}

/** The web application of web-image.ts as a process on this host. */
export async function startUpstream(version: string): Promise<Upstream> {
  const port = await freePort();
  const child = spawn(process.execPath, [join(import.meta.dirname, "apps", "web.ts")], {
    env: { ...process.env, VERSION: version, PORT: String(port) },
    stdio: "ignore",
  });
  await until(
    `upstream ${version} answers`,
    async () => (await fetchText(port, "/").catch(() => null))?.body === `version ${version}`,
  );
  return { address: `127.0.0.1:${String(port)}`, end: () => child.kill("SIGKILL") };
}

/** How often the engine's Caddy has loaded a configuration since its container was made, by its own log. */
export async function loadsOf(socket: string): Promise<number> {
  const log = await mustApi(socket, "GET", "/containers/orun-ingress/logs?stdout=1&stderr=1");
  return log.split('"msg":"load complete"').length - 1;
}
