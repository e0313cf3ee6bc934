import type { z } from "zod";
import { documents, type Kind, type Resource, type SourcePosition } from "./resource.ts";

/** Validates a document of a known kind by its schema: the resource, or zod's issues. */
export function validateDocument(
  kind: Kind,
  value: unknown,
  source: SourcePosition,
): Resource | z.core.$ZodIssue[] {
  // Three times the same words, so that the type checker keeps each kind and its spec together.
  switch (kind) {
    case "Node": {
      const { data, error } = documents.Node.safeParse(value);
      return data === undefined ? error.issues : { kind, ...data.metadata, spec: data.spec, source };
    }
    case "Deployment": {
      const { data, error } = documents.Deployment.safeParse(value);
      return data === undefined ? error.issues : { kind, ...data.metadata, spec: data.spec, source };
    }
    case "Service": {
      const { data, error } = documents.Service.safeParse(value);
      return data === undefined ? error.issues : { kind, ...data.metadata, spec: data.spec, source };
    }
  }
}
