/** Who a container or network belongs to: complete labels of ours for one node and environment (SPEC 3, "What is ours"). */

const PREFIX = "dev.orcra.run/";

export const label = {
  node: `${PREFIX}node`,
  environment: `${PREFIX}environment`,
  /** The branch behind the environment, on networks: tells `feature/a` from `feature-a`. */
  branch: `${PREFIX}branch`,
  deployment: `${PREFIX}deployment`,
  revision: `${PREFIX}revision`,
  replica: `${PREFIX}replica`,
  commit: `${PREFIX}commit`,
  file: `${PREFIX}file`,
  spec: `${PREFIX}spec`,
  /** Random for each container: a label set that an image brought along has the image's, so it is told apart. */
  instance: `${PREFIX}instance`,
  /** On the ingress's container alone: what it is, and the folder on the host that it lives from. */
  ingress: `${PREFIX}ingress`,
  ingressFolder: `${PREFIX}ingress-folder`,
} as const;

/** The scope of one agent: only what carries both is looked at as its own. */
export interface Owner {
  node: string;
  environment: string;
}

export interface ContainerLabels {
  deployment: string;
  revision: string;
  replica: number;
  commit: string;
  file: string;
  spec: string;
  instance: string;
}

/** All labels of a container of ours. */
export function encodeLabels(owner: Owner, labels: ContainerLabels): Record<string, string> {
  return {
    [label.node]: owner.node,
    [label.environment]: owner.environment,
    [label.deployment]: labels.deployment,
    [label.revision]: labels.revision,
    [label.replica]: String(labels.replica),
    [label.commit]: labels.commit,
    [label.file]: labels.file,
    [label.spec]: labels.spec,
    [label.instance]: labels.instance,
  };
}

/** The reverse of {@link encodeLabels}; null when one is missing, malformed, or of another node or environment. */
export function decodeLabels(owner: Owner, labels: Readonly<Record<string, string>>): ContainerLabels | null {
  if (labels[label.node] !== owner.node || labels[label.environment] !== owner.environment) return null;
  const deployment = labels[label.deployment];
  const revision = labels[label.revision];
  const replica = Number(labels[label.replica]);
  const commit = labels[label.commit];
  const file = labels[label.file];
  const spec = labels[label.spec];
  const instance = labels[label.instance];
  if (
    deployment === undefined ||
    revision === undefined ||
    !/^[0-9a-f]{8,64}$/.test(revision) ||
    !Number.isInteger(replica) ||
    replica < 1 ||
    commit === undefined ||
    file === undefined ||
    spec === undefined ||
    instance === undefined
  ) {
    return null;
  }
  return { deployment, revision, replica, commit, file, spec, instance };
}

/**
 * The name of a container: `<env.>deployment-<revision8>-<n>`, so that two revisions coexist (SPEC 7: production has no
 * prefix).
 */
export function containerName(
  environment: string,
  deployment: string,
  revision: string,
  replica: number,
): string {
  return `${environmentPrefix(environment)}${deployment}-${revision.slice(0, 8)}-${String(replica)}`;
}

/** The prefix of every container, network and image tag of an environment (SPEC 7); "" for production. */
function environmentPrefix(environment: string): string {
  return environment === "production" ? "" : `${environment}.`;
}

/** The engine's name of a named volume of a manifest: environments share none (SPEC 7). */
export function volumeName(environment: string, name: string): string {
  return `${environmentPrefix(environment)}${name}`;
}

/** The name of an environment's network. */
export function networkName(environment: string): string {
  return `${environmentPrefix(environment)}orun`;
}
