import { z } from "zod";
import { documents } from "./resource.ts";

/** The JSON Schema (draft 2020-12) of all kinds, as they are written in a file. */
export function manifestJsonSchema(): Record<string, unknown> {
  const schemas = Object.values(documents).map((schema) => {
    const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
    return rest;
  });
  return { $schema: "https://json-schema.org/draft/2020-12/schema", title: "orun manifest", oneOf: schemas };
}
