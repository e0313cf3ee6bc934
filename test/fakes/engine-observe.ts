import { EngineError } from "../../src/agent/errors.ts";
import type { EnvironmentHolder } from "../../src/agent/ports.ts";
import { containerName, decodeLabels, label, networkName, type Owner } from "../../src/state/labels.ts";
import type {
  Attachment,
  ForeignContainer,
  ObservedContainer,
  ObservedNetwork,
} from "../../src/state/observed.ts";
import { type FakeContainer, type FakeNetwork, isAlive, type World } from "./engine-world.ts";

/** The container in the planner's words, or why it is not ours (SPEC 3, "What is ours"). */
export function view(
  container: FakeContainer,
  owner: Owner,
  isKnown: (id: string) => boolean,
): ObservedContainer | string {
  const labels = decodeLabels(owner, container.labels);
  if (labels === null) return "its orun labels are incomplete or of another node or environment";
  if (container.image.labels[label.instance] === labels.instance)
    return "its orun labels come from its image";
  const expected = containerName(owner.environment, labels.deployment, labels.revision, labels.replica);
  if (container.name !== expected && !isKnown(container.id))
    return `its orun labels are copied: they belong to '${expected}'`;
  return {
    id: container.id,
    name: container.name,
    deployment: labels.deployment,
    revision: labels.revision,
    replica: labels.replica,
    commit: labels.commit,
    file: labels.file,
    specLabel: labels.spec,
    imageId: container.image.id,
    imageRef: container.imageRef,
    phase: container.phase,
    exitCode: container.exitCode,
    oomKilled: false,
    error: container.error,
    createdAt: container.createdAt,
    startedAt: container.startedAt,
    finishedAt: container.finishedAt,
    restarts: container.restarts,
    restartPolicy: container.policy,
    cpus: container.cpus,
    memory: container.memory,
    attachment: attachment(container),
    ports: container.ports.map((port) => ({ ...port })),
  };
}

export function carriesLabels(container: FakeContainer, owner: Owner): boolean {
  return (
    container.labels[label.node] === owner.node && container.labels[label.environment] === owner.environment
  );
}

/** Ports count while they are held: the engine's list knows no others. */
export function stranger(container: FakeContainer, disowned: string | null): ForeignContainer {
  const running = isAlive(container);
  return {
    id: container.id,
    name: container.name,
    running: container.phase === "running",
    ports: running ? container.ports.map((port) => ({ ...port })) : [],
    disowned,
  };
}

export function observedNetwork(network: FakeNetwork): ObservedNetwork {
  return { id: network.id, name: network.name, subnet: network.subnet, gateway: network.gateway };
}

export function findNetwork(world: World, owner: Owner): FakeNetwork | null {
  const name = networkName(owner.environment);
  const found = [...world.networks.values()].find((network) => network.name === name);
  if (found === undefined) return null;
  const ours =
    found.labels[label.node] === owner.node &&
    found.labels[label.environment] === owner.environment &&
    found.labels[label.branch] !== undefined;
  return ours ? found : null;
}

export function environmentsOf(world: World): EnvironmentHolder[] {
  return [...world.networks.values()].flatMap(({ name, labels }) => {
    const [environment, branch, node] = [label.environment, label.branch, label.node].map(
      (key) => labels[key],
    );
    if (environment === undefined || branch === undefined || node === undefined) return [];
    return name === networkName(environment) ? [{ environment, branch, node }] : [];
  });
}

/** As {@link findNetwork}, but a stranger of that name is an error. */
export function refuseStrangersNetwork(world: World, owner: Owner): void {
  const name = networkName(owner.environment);
  if ([...world.networks.values()].some((network) => network.name === name))
    throw new EngineError(
      "name-taken",
      `a network named '${name}' exists that is not of this node and environment`,
    );
}

function attachment(container: FakeContainer): Attachment {
  if (container.hostNetwork) return { kind: "host" };
  const [endpoint] = container.endpoints.values();
  if (endpoint === undefined) return { kind: "detached" };
  return { kind: "attached", ...endpoint, aliases: [...endpoint.aliases] };
}
