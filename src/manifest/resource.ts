import { z } from "zod";
import { deploymentSpec, type DeploymentSpec } from "./deployment.ts";
import { dnsName, stringMap } from "./fields.ts";
import { nodeSpec, type NodeSpec } from "./node.ts";
import { serviceSpec, type ServiceSpec } from "./service.ts";

export const API_VERSION = "run.orcra.dev/v0alpha";

const metadata = z.strictObject({
  name: dnsName.describe("DNS-1123 label, unique for its kind"),
  labels: stringMap
    .refine(
      (labels) => !Object.keys(labels).some((key) => key.startsWith("dev.orcra.run/")),
      "labels below dev.orcra.run/ are orun's own",
    )
    .default({})
    .describe("labels of your own"),
  annotations: stringMap.default({}).describe("`run.orcra.dev/restartedAt`: change it to redeploy"),
});

const document = <K extends string, S extends z.ZodType>(kind: K, spec: S) =>
  z.strictObject({
    apiVersion: z.literal(API_VERSION, `expected ${API_VERSION}`),
    kind: z.literal(kind),
    metadata,
    spec,
  });

/** The one definition of the three kinds: validation, JSON Schema and reference pages come from it. */
export const documents = {
  Node: document("Node", nodeSpec),
  Deployment: document("Deployment", deploymentSpec),
  Service: document("Service", serviceSpec),
} as const;

export type Kind = keyof typeof documents;
export const kinds = ["Node", "Deployment", "Service"] as const satisfies readonly Kind[];

export interface SourcePosition {
  file: string;
  line: number;
  column: number;
}

interface Common {
  name: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  source: SourcePosition;
}
export type NodeResource = Common & { kind: "Node"; spec: NodeSpec };
export type DeploymentResource = Common & { kind: "Deployment"; spec: DeploymentSpec };
export type ServiceResource = Common & { kind: "Service"; spec: ServiceSpec };
export type Resource = NodeResource | DeploymentResource | ServiceResource;
