import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isMap, isScalar, isSeq, parseAllDocuments } from "yaml";
import { z } from "zod";
import { kindJsonSchema, manifestJsonSchema } from "../../../src/manifest/json-schema.ts";
import { renderReference } from "../../../src/manifest/reference-page.ts";
import { kinds, type Kind } from "../../../src/manifest/resource.ts";

type Schema = z.core.JSONSchema.BaseSchema;
const root = join(import.meta.dirname, "../../..");

/** Every field that a schema has, by path: `spec.ports[].port`. */
function fieldPaths(schema: Schema, prefix: string): { path: string; schema: Schema }[] {
  const items = typeof schema.items === "object" && !Array.isArray(schema.items) ? schema.items : null;
  if (items !== null) return fieldPaths(items, `${prefix}[]`);
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    if (typeof child !== "object") return [];
    const path = `${prefix}${prefix === "" ? "" : "."}${name}`;
    return [{ path, schema: child }, ...fieldPaths(child, path)];
  });
}

/** Every path that a YAML node has, written as the schema's. */
function givenPaths(node: unknown, prefix: string): string[] {
  if (isSeq(node)) return node.items.flatMap((item) => givenPaths(item, `${prefix}[]`));
  if (!isMap(node)) return [];
  return node.items.flatMap((pair) => {
    const path = `${prefix}${prefix === "" ? "" : "."}${isScalar(pair.key) ? String(pair.key.value) : ""}`;
    return [path, ...givenPaths(pair.value, path)];
  });
}

function exampleDocuments(): { kind: Kind; value: unknown; paths: string[] }[] {
  const folder = join(root, "examples");
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".yaml"))
    .flatMap((path) => {
      const documents = parseAllDocuments(readFileSync(join(folder, path), "utf8"));
      assert.ok(Array.isArray(documents), path);
      return documents.map((document) => {
        const kind = kinds.find((known) => known === document.get("kind"));
        assert.ok(kind !== undefined, path);
        const value: unknown = document.toJS();
        return { kind, value, paths: givenPaths(document.contents, "") };
      });
    });
}

for (const kind of kinds) {
  const fields = fieldPaths(kindJsonSchema(kind), "");

  test(`${kind}: every field is described`, () => {
    assert.ok(fields.length > 10);
    for (const { path, schema } of fields) {
      assert.ok((schema.description ?? "").length > 10, `${kind} ${path} has no description`);
      assert.match(schema.description ?? "", /\.$/, `${kind} ${path}`);
      const isLeaf = fieldPaths(schema, "").length === 0;
      assert.ok(!isLeaf || (schema.examples?.length ?? 0) > 0, `${kind} ${path} has no example`);
    }
  });

  test(`${kind}: every field is shown in examples/`, () => {
    const shown = new Set(
      exampleDocuments().flatMap((document) => (document.kind === kind ? document.paths : [])),
    );
    assert.deepEqual(
      fields.map((field) => field.path).filter((path) => !shown.has(path)),
      [],
    );
  });

  test(`${kind}: the reference page has every field`, () => {
    const page = renderReference(kind);
    for (const { path } of fields) {
      const name = path.replace(/^(metadata|spec)\.?/, "");
      if (name !== "" && path !== "apiVersion" && path !== "kind")
        assert.ok(page.includes(`| \`${name}\``) || page.includes(`| \`${name}[]\``), `${kind} ${path}`);
    }
    assert.match(page, /\| duration \| `5s` \||\| `ingress\.ssl` \| true, false \| `false` \|/);
  });

  test(`${kind}: the JSON Schema takes the examples, and a misspelt field not`, () => {
    const schema = z.fromJSONSchema(kindJsonSchema(kind));
    for (const document of exampleDocuments()) {
      if (document.kind !== kind) continue;
      assert.deepEqual(schema.safeParse(document.value).error, undefined);
      assert.equal(schema.safeParse(Object.assign({ speck: 1 }, document.value)).success, false);
    }
  });
}

test("the JSON Schema chooses by kind", () => {
  const schema = manifestJsonSchema();
  assert.equal(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
  assert.deepEqual(
    schema["allOf"],
    kinds.map((kind) => ({
      if: { properties: { kind: { const: kind } }, required: ["kind"] },
      then: { $ref: `#/$defs/${kind}` },
    })),
  );
  assert.deepEqual(Object.keys(z.record(z.string(), z.unknown()).parse(schema["$defs"])), [...kinds]);
});
