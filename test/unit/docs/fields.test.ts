import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { readWorkingTree } from "../../../src/cli/working-tree.ts";
import { kindJsonSchema } from "../../../src/manifest/json-schema.ts";
import { kinds } from "../../../src/manifest/resource.ts";

const root = join(import.meta.dirname, "..", "..", "..");
const objectShape = z.record(z.string(), z.unknown());

/** Every field that a schema has, by its path; items of lists and alternatives are looked into. */
function fieldsOf(schema: unknown, path: string): string[] {
  const parsed = objectShape.safeParse(schema);
  if (!parsed.success) return [];
  const { properties, items, anyOf, oneOf } = parsed.data;
  const own = Object.entries(objectShape.safeParse(properties).data ?? {}).flatMap(([name, child]) => [
    `${path}.${name}`,
    ...fieldsOf(child, `${path}.${name}`),
  ]);
  const alternatives = [anyOf, oneOf].flatMap((list): unknown[] => (Array.isArray(list) ? list : []));
  return [...own, ...fieldsOf(items, path), ...alternatives.flatMap((item) => fieldsOf(item, path))];
}

/** Every field that a value uses, by its path. */
function usedIn(value: unknown, path: string): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => usedIn(item, path));
  const parsed = objectShape.safeParse(value);
  if (!parsed.success) return [];
  return Object.entries(parsed.data).flatMap(([name, child]) => [
    `${path}.${name}`,
    ...usedIn(child, `${path}.${name}`),
  ]);
}

it("examples/fields shows every field of every kind", () => {
  const used = new Set(
    readWorkingTree(join(root, "examples", "fields")).flatMap(({ content }) =>
      parseAllDocuments(content).flatMap((document) => {
        const value: unknown = document.toJS();
        return usedIn(value, z.object({ kind: z.string() }).parse(value).kind);
      }),
    ),
  );
  const missing = kinds.flatMap((kind) => [...new Set(fieldsOf(kindJsonSchema(kind), kind))]);
  assert.ok(missing.length > 60);
  assert.deepEqual(
    missing.filter((field) => !used.has(field)),
    [],
  );
});

it("troubleshooting says what to do in every state", () => {
  const page = readFileSync(join(root, "docs", "guides", "troubleshooting.md"), "utf8");
  const source = readFileSync(join(root, "src", "api", "metrics.ts"), "utf8");
  const states = [...source.matchAll(/^(?:const STATES|const SERVICE_STATES) = \[([^\]]*)\]/gm)].flatMap(
    ([, list = ""]) => [...list.matchAll(/"([a-z_]+)"/g)].map(([, state = ""]) => state),
  );
  assert.ok(states.length > 12);
  assert.deepEqual(
    states.filter((state) => !page.includes(`| \`${state}\``)),
    [],
  );
});
