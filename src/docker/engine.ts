import { EngineError } from "../agent/errors.ts";
import type { Engine } from "../agent/ports.ts";
import type { Owner } from "../state/labels.ts";
import { connect } from "./connection.ts";
import { findImage, imagesInUse, pullImage, removeImage } from "./images.ts";
import { ensureNetwork } from "./networks.ts";
import { createObserver } from "./observe.ts";
import { idShape, infoShape } from "./shapes.ts";
import { followEvents, readLogs, runExec } from "./streams.ts";
import { endpoint, toCreateBody } from "./translate.ts";

export interface EngineOptions {
  socketPath: string;
  owner: Owner;
  branch: string;
  /** Whether this agent made the container with that id: one renamed by hand is still ours. */
  isKnown: (id: string) => boolean;
}

/** The Docker engine behind a Unix socket, for one owner. What is already as asked counts as done. */
export function connectEngine(options: EngineOptions): Engine & { close(): void } {
  const connection = connect(options.socketPath);
  const observer = createObserver(connection, options.owner, options.isKnown);
  const post = async (
    path: string,
    signal: AbortSignal,
    body?: unknown,
    query: Record<string, string> = {},
    deadlineMs = 60_000,
  ): Promise<unknown> =>
    connection.json({
      method: "POST",
      path,
      query,
      signal,
      deadlineMs,
      ...(body === undefined ? {} : { body }),
    });

  return {
    close: () => connection.close(),
    async identity(signal) {
      const info = infoShape.parse(await connection.json({ method: "GET", path: "/info", signal }));
      return { id: info.ID, version: info.ServerVersion, apiVersion: await connection.version(signal) };
    },
    observe: (deployment, signal) => observer.observe(deployment, signal),
    inspect: (id, signal) => observer.inspect(id, signal),
    ensureNetwork: (signal) => ensureNetwork(connection, observer, options.owner, options.branch, signal),
    async create(blueprint, signal) {
      const answer = idShape.parse(
        await post("/containers/create", signal, toCreateBody(blueprint), { name: blueprint.name }),
      );
      return { id: answer.Id, warnings: answer.Warnings ?? [] };
    },
    async start(id, signal) {
      await post(`/containers/${id}/start`, signal);
    },
    async stop(id, graceMs, signal) {
      const seconds = String(Math.ceil(graceMs / 1000));
      try {
        await post(`/containers/${id}/stop`, signal, undefined, { t: seconds }, graceMs + 30_000);
      } catch (error) {
        if (!(error instanceof EngineError && error.kind === "not-found")) throw error;
      }
    },
    async unpause(id, signal) {
      try {
        await post(`/containers/${id}/unpause`, signal);
      } catch (error) {
        if (!(error instanceof EngineError && /is not paused/i.test(error.message))) throw error;
      }
    },
    async remove(id, { force }, signal) {
      const call = connection.json({
        method: "DELETE",
        path: `/containers/${id}`,
        query: { force: String(force), v: "false" },
        deadlineMs: 60_000,
        signal,
      });
      try {
        await call;
      } catch (error) {
        const gone =
          error instanceof EngineError &&
          (error.kind === "not-found" ||
            /removal of container .* is already in progress/i.test(error.message));
        if (!gone) throw error;
      }
    },
    async rename(id, name, signal) {
      await post(`/containers/${id}/rename`, signal, undefined, { name });
    },
    async setRestartPolicy(id, policy, signal) {
      await post(`/containers/${id}/update`, signal, { RestartPolicy: { Name: policy } });
    },
    async setResources(id, limits, signal) {
      await post(`/containers/${id}/update`, signal, {
        NanoCpus: Math.round((limits.cpus ?? 0) * 1e9),
        ...(limits.memory === null ? {} : { Memory: limits.memory, MemorySwap: limits.memory }),
      });
    },
    async attach(id, network, signal) {
      await post(`/networks/${network.id}/connect`, signal, {
        Container: id,
        EndpointConfig: endpoint(network.address, network.alias),
      });
    },
    async detach(id, networkId, signal) {
      try {
        await post(`/networks/${networkId}/disconnect`, signal, { Container: id, Force: false });
      } catch (error) {
        if (
          !(error instanceof EngineError && /is not connected/i.test(error.message)) &&
          !(error instanceof EngineError && error.kind === "not-found")
        )
          throw error;
      }
    },
    image: (reference, signal) => findImage(connection, reference, signal),
    pull: (reference, onProgress, signal) => pullImage(connection, reference, onProgress, signal),
    removeImage: (id, signal) => removeImage(connection, id, signal),
    imagesInUse: (signal) => imagesInUse(connection, signal),
    logs: (id, query, onLine, signal) => readLogs(connection, id, query, onLine, signal),
    exec: (id, command, timeoutMs, signal) => runExec(connection, id, command, timeoutMs, signal),
    events: (onOpen, onEvent, signal) => followEvents(connection, onOpen, onEvent, signal),
  };
}
