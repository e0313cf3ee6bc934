/** The everyday reader is held to the library: whatever it reads, it reads the same; the rest it leaves alone. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { documentValue } from "../../../src/manifest/document-value.ts";
import { readEverydayYaml } from "../../../src/manifest/everyday-yaml.ts";
import { startOf } from "../../../src/manifest/locate.ts";
import { parseManifests } from "../../../src/manifest/parse.ts";
import { lineCounterOf, yamlDocuments } from "../../../src/manifest/yaml-documents.ts";
import { file, manifest, messages } from "./manifests.ts";

/** What the library says; null when it finds anything wrong, or another number of documents than one. */
function byLibrary(text: string): { value: unknown; line: number } | null {
  const [document, another] = yamlDocuments(text) ?? [];
  if (document === undefined || another !== undefined || document.errors.length > 0) return null;
  const { value, problems } = documentValue(document, () => 0);
  const start = startOf(document.contents);
  if (problems.length > 0 || start === null) return null;
  const { line } = lineCounterOf(text).linePos(start);
  return { value, line: line - 1 };
}

/** Fails when the reader reads something and the library does not, or otherwise. */
function hold(text: string): boolean {
  const read = readEverydayYaml(text);
  if (read !== null) assert.deepEqual(read, byLibrary(text), JSON.stringify(text));
  return read !== null;
}

/** Values one by one, with what is special to YAML among them. */
const scalarTexts = [
  String.raw`nginx:1.27¦a b  c¦5s¦8080¦0¦007¦1.10¦1e3¦0x1F¦0o7¦true¦True¦no¦null¦~¦¦.5¦.inf¦-1¦+1¦1_000`,
  String.raw`2026-11-25¦12:30¦a: b¦a:¦a #b¦a#b¦- x¦-x¦"quoted"¦"a # b"¦"a\nb"¦"open¦'single'¦'it''s'¦'a' # c`,
  String.raw`"a"b¦[a, b]¦["a", 80 ,'c'] # ]¦[a,,b]¦[a,]¦[a b]¦[a: b]¦["a":b]¦[1.2.3]¦[[a]]¦{a: 1}¦[]¦{}¦[ ]¦[null]`,
  String.raw`&a x¦*a¦!!str 1¦!t¦@x¦%x¦? x¦# only¦ü¦$HOME¦/p¦a,b]¦...¦---¦<<¦__proto__¦99999999999999999999¦192.0.2.10`,
  "1.2.¦Infinity¦NaN¦y¦on¦a/b¦a 'b' \"c\"¦a :b¦a>¦1:2¦01.2.3¦1..2¦_¦.¦..¦a&b*c!d¦>-¦`x`¦a\\b",
].flatMap((row) => [...row.split("¦"), "|", "a|b", "a\tb"]);
const keyTexts = [
  "a",
  "b",
  "env",
  "spec",
  "metadata",
  "x-y.z/w",
  "_u",
  "null",
  "true",
  "Null",
  "<<",
  "1",
  '"q"',
  "n o",
];
const scalars = fc.constantFrom(...scalarTexts);
const keys = fc.constantFrom(...keyTexts, "constructor");
const lines = fc.tuple(
  fc.integer({ min: 0, max: 4 }),
  fc.constantFrom("", "- ", "-  ", "- - ", "#", "? "),
  fc.oneof(keys, fc.constant(null)),
  fc.oneof(scalars, fc.constant("")),
  fc.constantFrom("", " ", " # c", "  "),
);
const wild = fc.array(lines, { maxLength: 12 }).map((list) =>
  list
    .map(([indent, dash, key, value, end]) => {
      const entry = key === null ? value : value === "" ? `${key}:` : `${key}: ${value}`;
      return `${" ".repeat(indent * 2)}${dash}${entry}${end}`;
    })
    .join("\n"),
);

/** Trees of what is everyday, written as people write them. */
const trees = fc.letrec<{ value: unknown; map: Record<string, unknown> }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<unknown>("text", "a b", "x:1", 5, 0, true, false, "quoted: yes", "1.10"),
    tie("map"),
    fc.array(tie("value"), { minLength: 1, maxLength: 3 }),
  ),
  map: fc.dictionary(fc.constantFrom("a", "env", "spec", "name-1", "x.y/z"), tie("value"), {
    minKeys: 1,
    maxKeys: 4,
  }),
}));

function written(value: unknown, indent: number, tight: boolean): string {
  const pad = " ".repeat(indent);
  if (Array.isArray(value))
    return value.map((item) => `${pad}- ${written(item, indent + 2, tight).trimStart()}`).join("\n");
  if (typeof value !== "object" || value === null) {
    const text = String(value);
    return typeof value === "string" && /: |^[0-9.]+$/.test(text) ? `"${text}"` : text;
  }
  return Object.entries(value)
    .map(([key, inner]) => {
      if (typeof inner !== "object") return `${pad}${key}: ${written(inner, 0, tight)}`;
      const deeper = tight && Array.isArray(inner) ? indent : indent + 2;
      return `${pad}${key}:\n${written(inner, deeper, tight)}`;
    })
    .join("\n");
}

test("each single value and key, in every place, it reads as the library does", () => {
  let read = 0;
  for (const value of scalarTexts) {
    for (const end of ["", " ", " # c", "#c", "\n  x"]) {
      const places = [
        "a: ?",
        "a:\n  - ?",
        "spec:\n  env:\n    A: ?",
        "spec:\n  env:\n    A: 1\n  b: ?\n",
        "- ?",
        "?: 1",
      ];
      for (const place of places) if (hold(place.replace("?", () => value + end))) read++;
    }
  }
  for (const key of keyTexts)
    for (const place of ["?: 1", "spec:\n  env:\n    ?: 1", "a:\n- ?: 1\n  b: 2"])
      if (hold(place.replace("?", () => key))) read++;
  assert.ok(read > 300, String(read));
});

test("and each value of a few characters", () => {
  const characters = Array.from(" :#'\"[]{},&*!|>%@`-?.0123456789abefnoxtrulTN~/_$\\");
  const value = fc.array(fc.constantFrom(...characters), { maxLength: 8 }).map((list) => list.join(""));
  let read = 0;
  fc.assert(
    fc.property(
      value,
      fc.constantFrom("a: ?", "a:\n- ?\n- b", "spec:\n  env:\n    A: ?\n"),
      (text, place) => {
        if (hold(place.replace("?", () => text))) read++;
      },
    ),
    { numRuns: 20_000 },
  );
  assert.ok(read > 500, String(read));
});

test("whatever it reads of lines put together at random, the library reads the same", () => {
  fc.assert(
    fc.property(wild, (text) => {
      hold(text);
    }),
    { numRuns: 10_000 },
  );
});

test("and of everyday documents with a few characters changed", () => {
  const change = fc.tuple(
    fc.nat(400),
    fc.constantFrom(...Array.from(" \n:-#'\"[]{}&*!|>%@`,.0aenv\t~?")),
    fc.boolean(),
  );
  fc.assert(
    fc.property(trees.map, fc.boolean(), fc.array(change, { maxLength: 3 }), (map, tight, changes) => {
      let text = written(map, 0, tight);
      for (const [at, character, insert] of changes) {
        const place = at % (text.length + 1);
        text = text.slice(0, place) + character + text.slice(insert ? place : place + 1);
      }
      hold(text);
    }),
    { numRuns: 10_000 },
  );
});

test("it does read what is everyday", () => {
  const text = `---
# a comment
kind: Deployment   # another
spec:
  image: nginx:1.27
  ports:
  - containerPort: 80
    protocol: tcp
  - containerPort: 443
  args:
    - "--flag"
    - 'x y'

  env:
    RATIO: 1.10
    EMPTY: ""
  suspend: false
`;
  assert.deepEqual(readEverydayYaml(text), {
    line: 2,
    value: {
      kind: "Deployment",
      spec: {
        image: "nginx:1.27",
        ports: [{ containerPort: 80, protocol: "tcp" }, { containerPort: 443 }],
        args: ["--flag", "x y"],
        env: { RATIO: "1.10", EMPTY: "" },
        suspend: false,
      },
    },
  });
  assert.ok(hold(text));
});

test("the examples and fixtures are read as the library reads them, and most examples are everyday", () => {
  const root = join(import.meta.dirname, "..", "..", "..");
  const read = (folder: string): boolean[] =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".yaml"))
      .map((name) => hold(readFileSync(join(root, folder, name), "utf8")));
  const examples = read("examples");
  assert.ok(examples.filter(Boolean).length > examples.length / 2, String(examples));
  read("test/fixtures");
});

test("a finding on an everyday document has the same place as on another", () => {
  const service = manifest(
    "Service",
    "s",
    "  deployment: gone\n  ingress:\n    domain:\n      default: a.example.com",
  );
  const place = (text: string): unknown => {
    const parsed = parseManifests([file("services/s.yaml", `# first\n\n---\n${text}`)]);
    assert.deepEqual(messages(parsed), []);
    return parsed.resources.map((item) => item.source);
  };
  assert.deepEqual(place(service), place(`${service}# ü\n`));
});
