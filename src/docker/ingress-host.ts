import { EngineError } from "../agent/errors.ts";
import type { IngressBlueprint, IngressHost } from "../agent/ingress-host-port.ts";
import { pathOf } from "./call.ts";
import { connect } from "./connection.ts";
import { phaseOf, time } from "./container-facts.ts";
import { containerCalls } from "./containers.ts";
import { findImage } from "./images.ts";
import { readLogs } from "./logs.ts";
import { pullImage } from "./pull.ts";
import { idShape, infoShape, inspectShape } from "./shapes.ts";

const CREATE_MS = 60_000;

/** The engine behind a Unix socket, for the container of the ingress. Connects at the first call. */
export function connectIngressHost(socketPath: string): IngressHost & { close(): void } {
  const connection = connect(socketPath);
  const calls = containerCalls(connection);
  /** By image id, which names the content. */
  const imageLabels = new Map<string, Readonly<Record<string, string>>>();
  const labelsOf = async (image: string, signal: AbortSignal): Promise<Readonly<Record<string, string>>> => {
    const known = imageLabels.get(image);
    if (known !== undefined) return known;
    const facts = await findImage(connection, image, signal);
    // Gone by force: it can hand nothing down any more that we could compare.
    if (facts === null) return {};
    imageLabels.set(image, facts.labels);
    return facts.labels;
  };
  return {
    close: () => connection.close(),
    async engineId(signal) {
      return (await connection.json({ method: "GET", path: "/info", signal }, infoShape)).ID;
    },
    async find(name, signal) {
      try {
        const facts = await connection.json(
          { method: "GET", path: `/containers/${pathOf(name)}/json`, signal },
          inspectShape,
        );
        return {
          id: facts.Id,
          phase: phaseOf(facts),
          startedAt: time(facts.State.StartedAt),
          labels: facts.Config.Labels,
          inherited: await labelsOf(facts.Image, signal),
          imageId: facts.Image,
        };
      } catch (error) {
        if (error instanceof EngineError && error.kind === "not-found") return null;
        throw error;
      }
    },
    async create(blueprint, signal) {
      const answer = await connection.json(
        {
          method: "POST",
          path: "/containers/create",
          query: { name: blueprint.name },
          body: toIngressBody(blueprint),
          deadlineMs: CREATE_MS,
          signal,
        },
        idShape,
      );
      return answer.Id;
    },
    start: calls.start,
    stop: calls.stop,
    unpause: calls.unpause,
    rename: calls.rename,
    remove: (id, signal) => calls.remove(id, { force: false }, signal),
    async image(reference, signal) {
      return (await findImage(connection, reference, signal))?.id ?? null;
    },
    async pull(reference, signal) {
      return (await pullImage(connection, reference, () => undefined, signal)).id;
    },
    async lastLines(id, count, signal) {
      const lines: string[] = [];
      const query = { tail: count, since: null, follow: false };
      await readLogs(connection, id, query, (line) => lines.push(line.text), signal);
      return lines;
    },
  };
}

/**
 * The body of ContainerCreate (Docker API). The container sees nothing of the host but its mounts, gains no privileges, and
 * its log is rotated. The host's network needs the host's users where the engine maps them (`userns-remap`).
 */
function toIngressBody(blueprint: IngressBlueprint): Record<string, unknown> {
  return {
    Image: blueprint.image,
    Labels: blueprint.labels,
    Entrypoint: blueprint.entrypoint,
    Cmd: blueprint.args,
    Env: Object.entries(blueprint.env).map(([key, value]) => `${key}=${value}`),
    User: "0",
    WorkingDir: "/",
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      Binds: blueprint.mounts.map(({ from, to, readOnly }) => `${from}:${to}${readOnly ? ":ro" : ""}`),
      NetworkMode: "host",
      UsernsMode: "host",
      RestartPolicy: { Name: "always" },
      ReadonlyRootfs: true,
      CapDrop: ["ALL"],
      CapAdd: ["NET_BIND_SERVICE"],
      SecurityOpt: ["no-new-privileges"],
      LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } },
    },
  };
}
