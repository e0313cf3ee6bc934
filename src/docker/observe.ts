import pLimit from "p-limit";
import { EngineError } from "../agent/errors.ts";
import { containerName, decodeLabels, label, type Owner } from "../state/labels.ts";
import type {
  ForeignContainer,
  HostPort,
  ObservedContainer,
  ObservedState,
  UnreadableContainer,
} from "../state/observed.ts";
import { pathOf } from "./call.ts";
import type { Connection } from "./connection.ts";
import { toObserved, wildcard } from "./container-facts.ts";
import { findImage } from "./images.ts";
import { findNetwork } from "./networks.ts";
import { inspectShape, type Listed, listShape } from "./shapes.ts";

/** Inspections side by side; and how long the engine may take for one (ms), so that one that hangs holds up no other. */
const AT_ONCE = 8;
const INSPECT_MS = 10_000;

/** Reads the engine for one owner. */
export interface Observer {
  observe(deployment: string | null, signal: AbortSignal): Promise<ObservedState>;
  inspect(id: string, signal: AbortSignal): Promise<ObservedContainer | null>;
}

/** `isKnown` tells the ids of containers that this agent made: one may have been renamed by hand. */
export function createObserver(
  connection: Connection,
  owner: Owner,
  isKnown: (id: string) => boolean,
): Observer {
  /** By image id, which names the content: the instance label that an image hands down, or null. */
  const imageInstances = new Map<string, string | null>();

  const imageInstance = async (id: string, signal: AbortSignal): Promise<string | null> => {
    const cached = imageInstances.get(id);
    if (cached !== undefined) return cached;
    // The image of a container may be gone by force; it can pass nothing on any more that we could compare.
    const facts = await findImage(connection, id, signal);
    if (facts === null) return null;
    const instance = facts.labels[label.instance] ?? null;
    imageInstances.set(id, instance);
    return instance;
  };

  /** The container, or why it is not ours (SPEC 3, "What is ours"). */
  const read = async (id: string, signal: AbortSignal): Promise<ObservedContainer | string> => {
    const facts = await connection.json(
      { method: "GET", path: `/containers/${pathOf(id)}/json`, deadlineMs: INSPECT_MS, signal },
      inspectShape,
    );
    const labels = decodeLabels(owner, facts.Config.Labels);
    if (labels === null) return "its orun labels are incomplete or of another node or environment";
    if ((await imageInstance(facts.Image, signal)) === labels.instance)
      return "its orun labels come from its image";
    const name = facts.Name.replace(/^\//, "");
    const expected = containerName(owner.environment, labels.deployment, labels.revision, labels.replica);
    if (name !== expected && !isKnown(facts.Id))
      return `its orun labels are copied: they belong to '${expected}'`;
    return toObserved(facts, name, labels, owner);
  };

  const look = async (item: Listed, signal: AbortSignal): Promise<Look> => {
    try {
      const result = await read(item.Id, signal);
      return typeof result === "string"
        ? { kind: "foreign", container: foreignOf(item, result) }
        : { kind: "ours", container: result };
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      if (error.kind === "not-found") return { kind: "gone" };
      // What concerns the whole engine is nothing that one container could be blamed for.
      if (["aborted", "unreachable", "api-version"].includes(error.kind)) throw error;
      const { Id: id } = item;
      const deployment = item.Labels[label.deployment] ?? null;
      return {
        kind: "unreadable",
        container: { id, name: nameOf(item), deployment, message: error.message },
      };
    }
  };

  return {
    async inspect(id, signal) {
      try {
        const result = await read(id, signal);
        return typeof result === "string" ? null : result;
      } catch (error) {
        if (error instanceof EngineError && error.kind === "not-found") return null;
        throw error;
      }
    },
    async observe(deployment, signal) {
      const at = Date.now();
      const list = await connection.json(
        { method: "GET", path: "/containers/json", query: { all: "true" }, signal },
        listShape,
      );
      const carriesOurs = (item: Listed): boolean =>
        item.Labels[label.node] === owner.node && item.Labels[label.environment] === owner.environment;
      const asked = list.filter(
        (item) => carriesOurs(item) && (deployment === null || item.Labels[label.deployment] === deployment),
      );
      const oneOf = pLimit(AT_ONCE);
      const [network, looks] = await Promise.all([
        findNetwork(connection, owner, signal),
        Promise.all(asked.map((item) => oneOf(() => look(item, signal)))),
      ]);
      const containers: ObservedContainer[] = [];
      const unreadable: UnreadableContainer[] = [];
      const foreign = list.filter((item) => !carriesOurs(item)).map((item) => foreignOf(item, null));
      for (const result of looks) {
        if (result.kind === "ours") containers.push(result.container);
        else if (result.kind === "foreign") foreign.push(result.container);
        else if (result.kind === "unreadable") unreadable.push(result.container);
      }
      containers.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
      return { containers, foreign, unreadable, network, at };
    },
  };
}

type Look =
  | { kind: "ours"; container: ObservedContainer }
  | { kind: "foreign"; container: ForeignContainer }
  | { kind: "unreadable"; container: UnreadableContainer }
  | { kind: "gone" };

function foreignOf(item: Listed, disowned: string | null): ForeignContainer {
  const ports = (item.Ports ?? []).flatMap((port): HostPort[] => {
    if (port.PublicPort === undefined) return [];
    const protocol = port.Type === "udp" ? "udp" : "tcp";
    return [{ port: port.PublicPort, protocol, hostIP: wildcard(port.IP) }];
  });
  return { id: item.Id, name: nameOf(item), running: item.State === "running", ports, disowned };
}

function nameOf(item: Listed): string {
  return (item.Names?.[0] ?? item.Id).replace(/^\//, "");
}
