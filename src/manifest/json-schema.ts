import { z } from "zod";
import { API_VERSION, documents, kinds, type Kind } from "./resource.ts";

/**
 * The JSON Schema (draft 2020-12) of a manifest as it is written, for editors: one schema for all kinds. `kind` chooses by
 * `if`/`then`, so that an editor complains about the field that is wrong instead of about three kinds that do not fit.
 */
export function manifestJsonSchema(): Record<string, unknown> {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "orun manifest",
    description: "A document of an orun repository: a Node, a Deployment or a Service.",
    type: "object",
    properties: {
      apiVersion: { const: API_VERSION, description: `Always \`${API_VERSION}\`.` },
      kind: { enum: kinds, description: "What the document describes." },
    },
    required: ["apiVersion", "kind"],
    allOf: kinds.map((kind) => ({
      if: { properties: { kind: { const: kind } }, required: ["kind"] },
      then: { $ref: `#/$defs/${kind}` },
    })),
    $defs: Object.fromEntries(kinds.map((kind) => [kind, kindJsonSchema(kind)])),
  };
}

/** The JSON Schema of one kind, as it is written in a file. */
export function kindJsonSchema(kind: Kind): z.core.JSONSchema.JSONSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(documents[kind], {
    io: "input",
    // zod leaves the examples of what it transforms out, taking them for output; ours are what one writes.
    override: ({ zodSchema, jsonSchema }) => {
      const examples = z.globalRegistry.get(zodSchema)?.["examples"];
      if (Array.isArray(examples)) jsonSchema.examples = examples;
    },
  });
  return schema;
}
