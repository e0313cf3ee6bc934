import { EngineError } from "../agent/errors.ts";
import { containerName, decodeLabels, label, networkName, type Owner } from "../state/labels.ts";
import type {
  Attachment,
  ContainerPhase,
  ForeignContainer,
  HostPort,
  ObservedContainer,
  ObservedNetwork,
  ObservedState,
} from "../state/observed.ts";
import type { Connection } from "./connection.ts";
import { imageShape, inspectShape, listShape, networkShape, type Inspected } from "./shapes.ts";

const PHASES: readonly ContainerPhase[] = [
  "created",
  "running",
  "paused",
  "restarting",
  "exited",
  "removing",
  "dead",
];

/** Reads the engine for one owner; `isKnown` tells ids of containers that this agent made (one may have been renamed by hand). */
export interface Observer {
  observe(deployment: string | null, signal: AbortSignal): Promise<ObservedState>;
  inspect(id: string, signal: AbortSignal): Promise<ObservedContainer | null>;
  network(signal: AbortSignal): Promise<ObservedNetwork | null>;
}

export function createObserver(
  connection: Connection,
  owner: Owner,
  isKnown: (id: string) => boolean,
): Observer {
  const imageInstances = new Map<string, string | null>();

  /** The instance label of an image: a container that carries the same one inherited our labels. */
  const imageInstance = async (id: string, signal: AbortSignal): Promise<string | null> => {
    const cached = imageInstances.get(id);
    if (cached !== undefined) return cached;
    try {
      const facts = imageShape.parse(
        await connection.json({ method: "GET", path: `/images/${id}/json`, signal }),
      );
      const instance = facts.Config?.Labels[label.instance] ?? null;
      imageInstances.set(id, instance);
      return instance;
    } catch (error) {
      // The image of a container may be gone; it can pass nothing on any more that we could compare.
      if (error instanceof EngineError && (error.kind === "not-found" || error.kind === "image-not-found"))
        return null;
      throw error;
    }
  };

  const read = async (id: string, signal: AbortSignal): Promise<ObservedContainer | string> => {
    const facts = inspectShape.parse(
      await connection.json({ method: "GET", path: `/containers/${id}/json`, deadlineMs: 10_000, signal }),
    );
    const labels = decodeLabels(owner, facts.Config.Labels);
    if (labels === null) return "its orun labels are incomplete or of another node or environment";
    if ((await imageInstance(facts.Image, signal)) === labels.instance)
      return "its orun labels come from its image";
    const name = facts.Name.replace(/^\//, "");
    const expected = containerName(owner.environment, labels.deployment, labels.revision, labels.replica);
    if (name !== expected && !isKnown(facts.Id))
      return `its orun labels are copied: they belong to '${expected}'`;
    return toObserved(facts, name, labels);
  };

  const inspect = async (id: string, signal: AbortSignal): Promise<ObservedContainer | null> => {
    try {
      const result = await read(id, signal);
      return typeof result === "string" ? null : result;
    } catch (error) {
      if (error instanceof EngineError && error.kind === "not-found") return null;
      throw error;
    }
  };

  const network = async (signal: AbortSignal): Promise<ObservedNetwork | null> => {
    // By labels, because a name may be ambiguous; the oldest is the one in use.
    const labels = [`${label.node}=${owner.node}`, `${label.environment}=${owner.environment}`];
    const query = { filters: JSON.stringify({ label: labels }) };
    const list = networkShape
      .array()
      .parse(await connection.json({ method: "GET", path: "/networks", query, signal }));
    const facts = list
      .filter((item) => item.Name === networkName(owner.environment))
      .sort((a, b) => (a.Created < b.Created ? -1 : 1))[0];
    if (facts === undefined) return null;
    const config = facts.IPAM?.Config?.[0];
    return { id: facts.Id, name: facts.Name, subnet: config?.Subnet ?? "", gateway: config?.Gateway ?? "" };
  };

  return {
    inspect,
    network,
    async observe(deployment, signal) {
      const at = Date.now();
      const list = listShape.parse(
        await connection.json({ method: "GET", path: "/containers/json", query: { all: "true" }, signal }),
      );
      const containers: ObservedContainer[] = [];
      const foreign: ForeignContainer[] = [];
      await Promise.all(
        list.map(async (item) => {
          const mine =
            item.Labels[label.node] === owner.node && item.Labels[label.environment] === owner.environment;
          let disowned: string | null = null;
          if (mine) {
            if (deployment !== null && item.Labels[label.deployment] !== deployment) return;
            try {
              const result = await read(item.Id, signal);
              if (typeof result !== "string") {
                containers.push(result);
                return;
              }
              disowned = result;
            } catch (error) {
              if (error instanceof EngineError && error.kind === "not-found") return;
              throw error;
            }
          }
          const ports = (item.Ports ?? []).flatMap((port): HostPort[] =>
            port.PublicPort === undefined
              ? []
              : [
                  {
                    port: port.PublicPort,
                    protocol: port.Type === "udp" ? "udp" : "tcp",
                    hostIP: wildcard(port.IP),
                  },
                ],
          );
          foreign.push({
            id: item.Id,
            name: (item.Names?.[0] ?? item.Id).replace(/^\//, ""),
            running: item.State === "running",
            ports,
            disowned,
          });
        }),
      );
      containers.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
      return { containers, foreign, network: await network(signal), at };
    },
  };
}

function toObserved(
  facts: Inspected,
  name: string,
  labels: NonNullable<ReturnType<typeof decodeLabels>>,
): ObservedContainer {
  const phase = PHASES.find((known) => known === facts.State.Status) ?? "dead";
  return {
    id: facts.Id,
    name,
    deployment: labels.deployment,
    revision: labels.revision,
    replica: labels.replica,
    commit: labels.commit,
    file: labels.file,
    specLabel: labels.spec,
    imageId: facts.Image,
    imageRef: facts.Config.Image,
    phase,
    exitCode: facts.State.ExitCode,
    oomKilled: facts.State.OOMKilled,
    error: facts.State.Error,
    createdAt: Date.parse(facts.Created),
    startedAt: time(facts.State.StartedAt),
    finishedAt: time(facts.State.FinishedAt),
    restarts: facts.RestartCount,
    restartPolicy: facts.HostConfig.RestartPolicy?.Name ?? "no",
    cpus: facts.HostConfig.NanoCpus ? facts.HostConfig.NanoCpus / 1e9 : null,
    memory: facts.HostConfig.Memory ? facts.HostConfig.Memory : null,
    attachment: attachment(facts, name),
    ports: Object.entries(facts.HostConfig.PortBindings ?? {}).flatMap(([key, list]) =>
      (list ?? []).map((binding) => ({
        port: Number(binding.HostPort),
        protocol: key.endsWith("/udp") ? ("udp" as const) : ("tcp" as const),
        hostIP: wildcard(binding.HostIp),
      })),
    ),
  };
}

function attachment(facts: Inspected, name: string): Attachment {
  if (facts.HostConfig.NetworkMode === "host") return { kind: "host" };
  const first = Object.values(facts.NetworkSettings.Networks ?? {})[0];
  if (first === undefined) return { kind: "detached" };
  return {
    kind: "attached",
    // Empty until the first start: then the mode says which network it was made for.
    networkId: first.NetworkID === "" ? facts.HostConfig.NetworkMode : first.NetworkID,
    staticAddress: first.IPAMConfig?.IPv4Address ?? null,
    address: first.IPAddress === undefined || first.IPAddress === "" ? null : first.IPAddress,
    aliases: (first.Aliases ?? []).filter((alias) => alias !== name && !facts.Id.startsWith(alias)),
  };
}

function wildcard(ip: string | null | undefined): string | null {
  return ip === undefined || ip === null || ip === "" || ip === "0.0.0.0" || ip === "::" ? null : ip;
}

/** Docker's zero time is the year 1. */
function time(text: string): number | null {
  const ms = Date.parse(text);
  return Number.isNaN(ms) || ms <= 0 ? null : ms;
}
