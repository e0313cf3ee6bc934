import { z } from "zod";
import { deploymentSpec, type DeploymentSpec } from "./deployment.ts";
import { dnsName, stringMap } from "./fields.ts";
import { nodeSpec, type NodeSpec } from "./node.ts";
import { serviceSpec, type ServiceSpec } from "./service.ts";

/** The `apiVersion` of every document (SPEC 2). */
export const API_VERSION = "run.orcra.dev/v0alpha";

const metadata = z.strictObject({
  name: dnsName.meta({
    description: "A DNS-1123 label of at most 63 characters, unique for its kind.",
    examples: ["hello"],
  }),
  labels: stringMap
    .superRefine((labels, context) => {
      for (const key of Object.keys(labels))
        if (key.startsWith("dev.orcra.run/"))
          context.addIssue({
            code: "custom",
            path: [key],
            message: "labels below dev.orcra.run/ are orun's own",
          });
    })
    .default({})
    .meta({
      description:
        "Labels of your own; a Node's are what `nodeSelector` asks for. Those below `dev.orcra.run/` are orun's.",
      examples: [{ role: "web" }],
    }),
  annotations: stringMap.default({}).meta({
    description: "Notes of your own. Change `run.orcra.dev/restartedAt` to redeploy without another change.",
    examples: [{ "run.orcra.dev/restartedAt": "2026-11-24" }],
  }),
});

function document<K extends string, S extends z.ZodType>(kind: K, spec: S, meaning: string) {
  return z
    .strictObject({
      apiVersion: z
        .literal(API_VERSION)
        .meta({ description: `Always \`${API_VERSION}\`.`, examples: [API_VERSION] }),
      kind: z.literal(kind).meta({ description: `Always \`${kind}\`.`, examples: [kind] }),
      metadata: metadata.meta({ description: "Name, labels and annotations." }),
      spec: spec.meta({ description: `What the ${kind} is.` }),
    })
    .meta({ description: meaning });
}

/** The one definition of the three kinds: validation, JSON Schema and reference pages come from it. */
export const documents = {
  Node: document("Node", nodeSpec, "One host, which runs one agent. Lives in `nodes/`."),
  Deployment: document("Deployment", deploymentSpec, "One containerised workload. Lives in `deployments/`."),
  Service: document("Service", serviceSpec, "One HTTP route to a Deployment. Lives in `services/`."),
} as const;

export type Kind = keyof typeof documents;
export const kinds = ["Node", "Deployment", "Service"] as const satisfies readonly Kind[];

/** Where each kind lives in a repository (SPEC 2). */
export const folders = {
  Node: "nodes",
  Deployment: "deployments",
  Service: "services",
} as const satisfies Record<Kind, string>;

/** Where a document begins; line and column are 1-based. */
export interface SourcePosition {
  file: string;
  line: number;
  column: number;
}

/** Where a field is, with its line made safe to show. */
export interface FieldPosition {
  line: number;
  column: number;
  sourceLine: string;
}

interface Common {
  name: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  source: SourcePosition;
  /** Positions of the fields that refer to other documents, by path (`spec.dependsOn.0`), for errors found later. */
  fields?: ReadonlyMap<string, FieldPosition>;
}
export type NodeResource = Common & { kind: "Node"; spec: NodeSpec };
export type DeploymentResource = Common & { kind: "Deployment"; spec: DeploymentSpec };
export type ServiceResource = Common & { kind: "Service"; spec: ServiceSpec };
export type Resource = NodeResource | DeploymentResource | ServiceResource;
