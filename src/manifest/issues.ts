import { z } from "zod";
import { suggest } from "./suggest.ts";

export interface Finding {
  path: PropertyKey[];
  /** Points at the key instead of the value. */
  atKey: boolean;
  message: string;
}

/** Turns zod's issues into findings that say what was expected and, for a misspelt field, what was probably meant. */
export function findings(schema: z.ZodType, issues: readonly z.core.$ZodIssue[]): Finding[] {
  return issues.flatMap((issue): Finding[] => {
    if (issue.code === "unrecognized_keys") {
      const known = fieldsAt(schema, issue.path);
      return issue.keys.map((key) => {
        const meant = suggest(key, known);
        const hint = meant === null ? `known fields: ${known.join(", ")}` : `did you mean '${meant}'?`;
        return { path: [...issue.path, key], atKey: true, message: `unknown field '${key}'; ${hint}` };
      });
    }
    const field = issue.path.map(String).join(".");
    return [
      {
        path: issue.path,
        atKey: false,
        message: field === "" ? messageOf(issue) : `${field}: ${messageOf(issue)}`,
      },
    ];
  });
}

function messageOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return issue.message.includes("received undefined")
        ? `this required field is missing (expected ${issue.expected})`
        : issue.message.replace(/^Invalid input: /, "");
    case "invalid_value":
      return `expected ${issue.values.map((value) => (typeof value === "string" ? value : String(value))).join(" or ")}`;
    default:
      return issue.message.replace(/^(Invalid input|Too small|Too big): /, "");
  }
}

/** The names of the fields that the schema has at a path. */
function fieldsAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let current: unknown = schema;
  for (const step of path) {
    current = unwrap(current);
    if (current instanceof z.ZodObject)
      current = Object.entries(current.shape).find(([key]) => key === step)?.[1];
    else if (current instanceof z.ZodArray) current = current.element;
    else return [];
  }
  current = unwrap(current);
  return current instanceof z.ZodObject ? Object.keys(current.shape) : [];
}

/** Takes optional, default and transform wrappers off. */
export function unwrap(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return unwrap(schema.unwrap());
  }
  if (schema instanceof z.ZodPipe) return unwrap(schema.in);
  return schema;
}
