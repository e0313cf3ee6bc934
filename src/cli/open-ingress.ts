import { join, resolve } from "node:path";
import type { Ingress } from "../agent/ingress-port.ts";
import { openIngress } from "../caddy/ingress.ts";
import { connectIngressHost } from "../docker/ingress-host.ts";
import { listener } from "../host/files.ts";
import { waitForLock } from "../host/lock.ts";

/**
 * The ingress of this host's engine for the agent of one environment. Its folder is below the data folder of the agent that
 * comes first; the agents of one host find each other's through `runFolder`.
 */
export function ingressOf(
  environment: string,
  settings: { socketPath: string; dataDir: string },
  runFolder = "/run/orun",
): Ingress {
  const host = connectIngressHost(settings.socketPath);
  const ingress = openIngress({
    host,
    environment,
    ownFolder: join(resolve(settings.dataDir), "ingress"),
    runFolder,
    lock: waitForLock,
    listener,
    now: () => Date.now(),
  });
  return { ...ingress, close: () => host.close() };
}
