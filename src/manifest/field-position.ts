import type { FieldPosition, Resource } from "./resource.ts";

/** The fields whose truth depends on other documents, where they are given. */
export function referringFields(resource: Resource): (string | number)[][] {
  const name = ["metadata", "name"];
  switch (resource.kind) {
    case "Node":
      return [
        name,
        ...["gitRepo", "gitBranch", "dataDir", "environment", "previews"].map((field) => ["spec", field]),
      ];
    case "Service":
      return [
        name,
        ["spec", "deployment"],
        ["spec", "ingress", "domain", "default"],
        ...(resource.spec.port === undefined ? [] : [["spec", "port"]]),
        ...(resource.spec.ingress.domain.environment === undefined
          ? []
          : [["spec", "ingress", "domain", "environment"]]),
      ];
    case "Deployment": {
      const { dependsOn, nodes, ports } = resource.spec;
      return [
        name,
        ...dependsOn.map((_, index) => ["spec", "dependsOn", index]),
        ...(nodes ?? []).map((_, index) => ["spec", "nodes", index]),
        ...ports.flatMap((port, index) => (port.port === null ? [] : [["spec", "ports", index, "port"]])),
      ];
    }
  }
}

/** The key of a field in a resource's `fields`. */
export function fieldKey(path: readonly (string | number)[]): string {
  return path.join(".");
}

/** Where a field is; the document's beginning when its place was not kept. */
export function positionOf(
  resource: Resource,
  path: readonly (string | number)[],
): Omit<FieldPosition, "sourceLine"> & { file: string; sourceLine: string | null } {
  const { file, line, column } = resource.source;
  return { file, ...(resource.fields?.get(fieldKey(path)) ?? { line, column, sourceLine: null }) };
}
