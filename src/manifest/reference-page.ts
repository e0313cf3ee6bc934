import { z } from "zod";
import { documents, type Kind } from "./resource.ts";

interface Field {
  path: string;
  type: string;
  required: boolean;
  meaning: string;
}

/** The reference page of a kind in Markdown: every field of its spec with type and meaning, from the one definition. */
export function renderReference(kind: Kind): string {
  const schema = z.toJSONSchema(documents[kind], { io: "input", unrepresentable: "any" });
  const spec = schema.properties?.["spec"];
  const rows = typeof spec === "object" ? fields(spec, "") : [];
  const cell = (text: string): string => text.replaceAll("|", "\\|");
  return [
    `# ${kind}`,
    "",
    "Generated from the definition in `src/manifest`; change it there. Every field is below `spec`.",
    "",
    "| field | type | required | meaning |",
    "|---|---|---|---|",
    ...rows.map(
      (row) =>
        `| \`${row.path}\` | ${cell(row.type)} | ${row.required ? "yes" : ""} | ${cell(row.meaning)} |`,
    ),
    "",
  ].join("\n");
}

function fields(schema: z.core.JSONSchema.JSONSchema, prefix: string): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, child]): Field[] => {
    if (typeof child === "boolean") return [];
    const { items } = child;
    const item = typeof items === "object" && !Array.isArray(items) ? items : null;
    const path = `${prefix}${key}${item === null ? "" : "[]"}`;
    const own = {
      path,
      type: typeName(child),
      required: schema.required?.includes(key) === true,
      meaning: child.description ?? "",
    };
    return [own, ...fields(item ?? child, `${path}.`)];
  });
}

function typeName(schema: z.core.JSONSchema.BaseSchema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(", ");
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(typeName))].join(" or ");
  if (schema.type === "array") return "list";
  if (schema.type === "object") return schema.properties === undefined ? "map of strings" : "object";
  return schema.type === undefined ? "any" : [schema.type].flat().join(" or ");
}
