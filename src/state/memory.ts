import type { DeploymentSpec } from "../manifest/deployment.ts";
import type { NodeSpec } from "../manifest/node.ts";
import type { CanonicalSpec } from "./canonical.ts";
import type { Route } from "./route.ts";

/** One version of a deployment: everything that is needed to create its containers. */
export interface DeploymentRevision {
  revision: string;
  specHash: string;
  spec: DeploymentSpec;
  canonical: CanonicalSpec;
  /** `spec.env` over its environment files. */
  env: Record<string, string>;
  /** The port of the Service that exposes it: readiness where no probe is given (SPEC 2). */
  servicePort: number | null;
  commit: string;
  file: string;
  line: number;
}

/** The image that a revision was resolved to when it was first applied (SPEC 4). */
export interface ImagePin {
  /** sha256:… */
  id: string;
  /** repository@sha256:…; null for an image without a registry. */
  digest: string | null;
}

/** Why a revision is not tried again until its manifest changes (SPEC 3). */
interface Quarantine {
  specHash: string;
  revision: string;
  commit: string;
  message: string;
  probes: string[];
  logs: string[];
  at: number;
}

/** What the agent remembers of one deployment. Losing it loses memory, never a workload. */
export interface DeploymentMemory {
  lastGood: DeploymentRevision | null;
  previousGood: { revision: string; image: ImagePin } | null;
  /** By revision. */
  pins: Record<string, ImagePin>;
  quarantine: Quarantine | null;
}

/** The last good form of this node's own manifest. */
export interface RememberedNode {
  spec: NodeSpec;
  labels: Record<string, string>;
}

export interface Memory {
  /** The commit in force. */
  acceptedCommit: string | null;
  /** The environment that this agent has on its engine; null: it never had one. */
  environment: { branch: string; name: string } | null;
  /** null: no manifest of this node was ever found. */
  node: RememberedNode | null;
  deployments: Record<string, DeploymentMemory>;
  /** Images that this agent pulled and that were absent before, by id. */
  images: Record<string, { reference: string; at: number }>;
  /** Names that we gave, by container id: tells a renamed container of ours from a stranger with copied labels. */
  containers: Record<string, string>;
  /** The routes last served, by Service. */
  routes: Record<string, Route>;
}

/** A memory with nothing in it. */
export function emptyMemory(): Memory {
  return {
    acceptedCommit: null,
    environment: null,
    node: null,
    deployments: {},
    images: {},
    containers: {},
    routes: {},
  };
}

/** The memory of a deployment that nothing is known of. */
export function emptyDeploymentMemory(): DeploymentMemory {
  return { lastGood: null, previousGood: null, pins: {}, quarantine: null };
}
