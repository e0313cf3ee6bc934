import { type ContainerLabels, networkName, type Owner } from "../state/labels.ts";
import type { Attachment, ContainerPhase, ObservedContainer } from "../state/observed.ts";
import type { Inspected } from "./shapes.ts";

/** 4 PiB, in bytes: how a limit that was lifted is written, and read as none. */
export const NO_MEMORY_LIMIT = 2 ** 52;

/** How a CPU limit that was lifted is written: all CPUs, and a thousandth of a millionth less, which nobody else asks for (NanoCpus). */
export function noCpuLimit(cpus: number): number {
  return cpus * 1e9 - 1;
}

const PHASES: readonly ContainerPhase[] = [
  "created",
  "running",
  "paused",
  "restarting",
  "exited",
  "removing",
  "dead",
];

/** What an inspected container of ours is, in the words of the planner (Docker API, ContainerInspect). */
export function toObserved(
  facts: Inspected,
  name: string,
  labels: ContainerLabels,
  owner: Owner,
): ObservedContainer {
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
    phase: phaseOf(facts),
    exitCode: facts.State.ExitCode,
    oomKilled: facts.State.OOMKilled,
    error: facts.State.Error,
    createdAt: Date.parse(facts.Created),
    startedAt: time(facts.State.StartedAt),
    finishedAt: time(facts.State.FinishedAt),
    restarts: facts.RestartCount,
    restartPolicy: facts.HostConfig.RestartPolicy?.Name ?? "no",
    cpus: (facts.HostConfig.NanoCpus ?? 0) % 1000 === 999 ? null : positive(facts.HostConfig.NanoCpus, 1e9),
    memory: (facts.HostConfig.Memory ?? 0) >= NO_MEMORY_LIMIT ? null : positive(facts.HostConfig.Memory, 1),
    attachment: attachment(facts, name, owner),
    ports: Object.entries(facts.HostConfig.PortBindings ?? {}).flatMap(([key, list]) =>
      (list ?? []).map((binding) => ({
        port: Number(binding.HostPort),
        protocol: key.endsWith("/udp") ? ("udp" as const) : ("tcp" as const),
        hostIP: wildcard(binding.HostIp),
      })),
    ),
  };
}

/** What a container does now, in the engine's own words; one that they do not know is no good. */
export function phaseOf(facts: Inspected): ContainerPhase {
  return PHASES.find((known) => known === facts.State.Status) ?? "dead";
}

/** The environment's network counts; one that somebody connected besides only when ours is not there. */
function attachment(facts: Inspected, name: string, owner: Owner): Attachment {
  if (facts.HostConfig.NetworkMode === "host") return { kind: "host" };
  const mode = facts.HostConfig.NetworkMode;
  const networks = Object.entries(facts.NetworkSettings.Networks ?? {});
  const [, first] =
    networks.find(([key]) => key === networkName(owner.environment)) ??
    networks.find(([key, endpoint]) => key === mode || endpoint.NetworkID === mode) ??
    networks[0] ??
    [];
  if (first === undefined) return { kind: "detached" };
  // A connect that the engine refused leaves an entry without a network behind.
  if (facts.State.Status === "running" && first.NetworkID === "") return { kind: "detached" };
  return {
    kind: "attached",
    // Empty until the first start: then the mode says which network it was made for.
    networkId: first.NetworkID === "" ? facts.HostConfig.NetworkMode : first.NetworkID,
    staticAddress: first.IPAMConfig?.IPv4Address ? first.IPAMConfig.IPv4Address : null,
    address: first.IPAddress ? first.IPAddress : null,
    aliases: (first.Aliases ?? []).filter((alias) => alias !== name && !facts.Id.startsWith(alias)),
  };
}

/** An address of the host; null: every one. */
export function wildcard(ip: string | null | undefined): string | null {
  return ip === undefined || ip === null || ip === "" || ip === "0.0.0.0" || ip === "::" ? null : ip;
}

/** Docker's zero time is the year 1. */
export function time(text: string): number | null {
  const ms = Date.parse(text);
  return Number.isNaN(ms) || ms <= 0 ? null : ms;
}

/** 0 and -1 are the engine's words for "no limit". */
function positive(value: number | null | undefined, unit: number): number | null {
  return value !== undefined && value !== null && value > 0 ? value / unit : null;
}
