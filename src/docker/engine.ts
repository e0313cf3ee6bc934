import type { Engine } from "../agent/ports.ts";
import type { Owner } from "../state/labels.ts";
import { connect } from "./connection.ts";
import { containerCalls } from "./containers.ts";
import { eventFollower } from "./events.ts";
import { runExec } from "./exec.ts";
import { findImage, imagesInUse, removeImage } from "./images.ts";
import { readLogs } from "./logs.ts";
import { ensureNetwork, listEnvironments } from "./networks.ts";
import { createObserver } from "./observe.ts";
import { pullImage } from "./pull.ts";
import { infoShape } from "./shapes.ts";

export interface EngineOptions {
  socketPath: string;
  owner: Owner;
  branch: string;
  /** Whether this agent made the container with that id: one renamed by hand is still ours. */
  isKnown: (id: string) => boolean;
}

/** The Docker engine behind a Unix socket, for one owner. Connects at the first call; `close` ends idle connections. */
export function connectEngine(options: EngineOptions): Engine & { close(): void } {
  const connection = connect(options.socketPath);
  const observer = createObserver(connection, options.owner, options.isKnown);

  return {
    ...containerCalls(connection),
    close: () => connection.close(),
    async identity(signal) {
      const info = await connection.json({ method: "GET", path: "/info", signal }, infoShape);
      return { id: info.ID, version: info.ServerVersion, apiVersion: await connection.version(signal) };
    },
    environments: (signal) => listEnvironments(connection, signal),
    observe: (deployment, signal) => observer.observe(deployment, signal),
    inspect: (id, signal) => observer.inspect(id, signal),
    ensureNetwork: (signal) => ensureNetwork(connection, options.owner, options.branch, signal),
    image: (reference, signal) => findImage(connection, reference, signal),
    pull: (reference, onProgress, signal) => pullImage(connection, reference, onProgress, signal),
    removeImage: (id, signal) => removeImage(connection, id, signal),
    imagesInUse: (signal) => imagesInUse(connection, signal),
    logs: (id, query, onLine, signal) => readLogs(connection, id, query, onLine, signal),
    exec: (id, command, timeoutMs, signal) => runExec(connection, id, command, timeoutMs, signal),
    events: eventFollower(connection),
  };
}
