import { parseManifests, type ManifestFile } from "../../../src/manifest/parse.ts";
import type { DeploymentInput, TrackedContainer } from "../../../src/plan/input.ts";
import { encodeCanonical } from "../../../src/state/canonical.ts";
import { desiredState, type DesiredState } from "../../../src/state/desired.ts";
import { containerName } from "../../../src/state/labels.ts";
import type { DeploymentRevision } from "../../../src/state/memory.ts";

/** A deployment's revision from a manifest's spec, by the same path as the agent's. */
export function revisionOf(spec: string): DeploymentRevision {
  const content = `apiVersion: run.orcra.dev/v0alpha\nkind: Deployment\nmetadata: {name: app}\nspec:\n${spec
    .split("\n")
    .map((line) => `  ${line}\n`)
    .join("")}`;
  const files = [{ path: "deployments/app.yaml", blob: content, content }];
  const state = desiredOf(files);
  const app = state.deployments.get("app");
  if (app?.kind !== "run") throw new Error(JSON.stringify(parseManifests(files).diagnostics));
  return app.revision;
}

/** A container of a revision: proven and serving unless told otherwise. */
export function containerOf(
  revision: DeploymentRevision,
  replica = 1,
  change: Partial<TrackedContainer> = {},
): TrackedContainer {
  return {
    id: `${revision.revision.slice(0, 8)}-${String(replica)}`,
    name: containerName("production", "app", revision.revision, replica),
    deployment: "app",
    revision: revision.revision,
    replica,
    commit: "c0ffee",
    file: "deployments/app.yaml",
    specLabel: encodeCanonical(revision.canonical),
    imageId: "sha256:1",
    imageRef: "app:1",
    phase: "running",
    exitCode: 0,
    oomKilled: false,
    error: "",
    createdAt: 0,
    startedAt: 0,
    finishedAt: null,
    restarts: 0,
    restartPolicy: "always",
    cpus: null,
    memory: null,
    attachment: {
      kind: "attached",
      networkId: "network",
      staticAddress: "10.0.0.2",
      address: "10.0.0.2",
      aliases: ["app"],
    },
    ports: [],
    since: 0,
    tried: false,
    readiness: "passing",
    alive: true,
    busy: null,
    busySince: null,
    retryAt: null,
    ...change,
  };
}

/** The input of a decision about `revision` with these containers. */
export function inputOf(
  revision: DeploymentRevision,
  containers: TrackedContainer[],
  change: Partial<DeploymentInput> = {},
): DeploymentInput {
  return {
    name: "app",
    environment: "production",
    target: { kind: "run", revision },
    containers,
    networkId: "network",
    routing: null,
    image: { kind: "ready" },
    fallback: containers.some((container) => container.revision !== revision.revision),
    lastGood: null,
    blocked: null,
    notBefore: 0,
    now: 1_000_000,
    ...change,
  };
}

/** What manifests come to on production, on a node without a manifest. */
export function desiredOf(files: ManifestFile[]): DesiredState {
  return desiredState(parseManifests(files), {
    commit: "c0ffee",
    node: "n",
    environment: "production",
    envFiles: new Map(),
    lastNode: null,
    routes: {},
    followed: null,
  });
}
