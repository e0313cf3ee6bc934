import { EngineError } from "../agent/errors.ts";
import type { Engine } from "../agent/ports.ts";
import { pathOf } from "./call.ts";
import type { Connection } from "./connection.ts";
import { NO_MEMORY_LIMIT, noCpuLimit } from "./container-facts.ts";
import { idShape, infoShape } from "./shapes.ts";
import { endpoint, toCreateBody } from "./translate.ts";

type ContainerCalls = Pick<
  Engine,
  | "create"
  | "start"
  | "stop"
  | "unpause"
  | "remove"
  | "rename"
  | "setRestartPolicy"
  | "setResources"
  | "attach"
  | "detach"
>;

const DEADLINE_MS = 60_000;

/** The calls that change a container. What is already as asked counts as done: 304, 404 on removal, 409 "already in progress". */
export function containerCalls(connection: Connection): ContainerCalls {
  const post = (path: string, signal: AbortSignal, more: PostDetails = {}): Promise<void> =>
    connection.run({ method: "POST", path, signal, deadlineMs: DEADLINE_MS, ...more });
  const container = (id: string): string => `/containers/${pathOf(id)}`;

  return {
    async create(blueprint, signal) {
      const answer = await connection.json(
        {
          method: "POST",
          path: "/containers/create",
          query: { name: blueprint.name },
          body: toCreateBody(blueprint),
          deadlineMs: DEADLINE_MS,
          signal,
        },
        idShape,
      );
      return { id: answer.Id, warnings: answer.Warnings ?? [] };
    },
    start: (id, signal) => post(`${container(id)}/start`, signal),
    async stop(id, graceMs, signal) {
      const query = { t: String(Math.ceil(graceMs / 1000)) };
      const deadlineMs = graceMs + 30_000;
      await unless(isGone, post(`${container(id)}/stop`, signal, { query, deadlineMs }));
    },
    unpause: (id, signal) => unless(says(/is not paused/i), post(`${container(id)}/unpause`, signal)),
    remove: (id, { force }, signal) =>
      unless(
        (error) => isGone(error) || says(/removal of container .* is already in progress/i)(error),
        connection.run({
          method: "DELETE",
          path: container(id),
          query: { force: String(force), v: "false" },
          deadlineMs: DEADLINE_MS,
          signal,
        }),
      ),
    rename: (id, name, signal) =>
      unless(says(/same name/i), post(`${container(id)}/rename`, signal, { query: { name } })),
    setRestartPolicy: (id, policy, signal) =>
      post(`${container(id)}/update`, signal, { body: { RestartPolicy: { Name: policy } } }),
    async setResources(id, limits, signal) {
      const allCpus = limits.cpus === null ? await cpuCount(connection, signal) : 0;
      await post(`${container(id)}/update`, signal, { body: limitsOf(limits, allCpus) });
    },
    attach: (id, network, signal) =>
      post(`/networks/${pathOf(network.id)}/connect`, signal, {
        body: { Container: id, EndpointConfig: endpoint(network.address, network.alias) },
      }),
    detach: (id, networkId, signal) =>
      unless(
        (error) => isGone(error) || says(/is not connected/i)(error),
        post(`/networks/${pathOf(networkId)}/disconnect`, signal, { body: { Container: id, Force: false } }),
      ),
  };
}

interface PostDetails {
  body?: unknown;
  query?: Record<string, string>;
  deadlineMs?: number;
}

/**
 * ContainerUpdate takes 0 for "as it is" and refuses -1, so that a memory limit is lifted by one that no host has, and a CPU
 * limit by all CPUs of this one.
 */
function limitsOf(
  limits: { cpus?: number | null; memory?: number | null },
  allCpus: number,
): Record<string, unknown> {
  const { cpus } = limits;
  const memory = limits.memory === null ? NO_MEMORY_LIMIT : limits.memory;
  return {
    ...(cpus === undefined ? {} : { NanoCpus: cpus === null ? noCpuLimit(allCpus) : Math.round(cpus * 1e9) }),
    ...(memory === undefined ? {} : { Memory: memory, MemorySwap: memory }),
  };
}

async function cpuCount(connection: Connection, signal: AbortSignal): Promise<number> {
  return (await connection.json({ method: "GET", path: "/info", signal }, infoShape)).NCPU;
}

async function unless(done: (error: EngineError) => boolean, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof EngineError && done(error))) throw error;
  }
}

function isGone(error: EngineError): boolean {
  return error.kind === "not-found";
}

function says(wording: RegExp): (error: EngineError) => boolean {
  return (error) => wording.test(error.message);
}
