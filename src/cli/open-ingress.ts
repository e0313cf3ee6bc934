import { join, resolve } from "node:path";
import type { Ingress } from "../agent/ingress-port.ts";
import { openIngress, peekDirected } from "../caddy/ingress.ts";
import { connectIngressHost } from "../docker/ingress-host.ts";
import { waitForLock } from "../host/lock.ts";
import { portHolder } from "../host/ports.ts";

/** Where the agents of one host find each other; emptied by a reboot. */
const RUN_FOLDER = "/run/orun";

interface Place {
  socketPath: string;
  dataDir: string;
}

/** The ingress of this host's engine for the agent of one environment; it lives below the data folder of who comes first. */
export function ingressOf(environment: string, place: Place, runFolder = RUN_FOLDER): Ingress {
  const host = connectIngressHost(place.socketPath);
  const ownFolder = ingressFolder(place.dataDir);
  const lock = waitForLock;
  const ingress = openIngress({
    host,
    environment,
    ownFolder,
    runFolder,
    lock,
    listener: portHolder,
    now: () => Date.now(),
  });
  return { ...ingress, close: () => host.close() };
}

/** Where the requests of an environment's Services go now; touches nothing. */
export async function directedNow(
  environment: string,
  place: Place,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const host = connectIngressHost(place.socketPath);
  try {
    const ownFolder = ingressFolder(place.dataDir);
    return await peekDirected({ host, environment, ownFolder, runFolder: RUN_FOLDER }, signal);
  } finally {
    host.close();
  }
}

function ingressFolder(dataDir: string): string {
  return join(resolve(dataDir), "ingress");
}
