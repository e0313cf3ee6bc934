import { z } from "zod";
import { suggest } from "./suggest.ts";

/** Something wrong at a path of a document. */
export interface Finding {
  path: PropertyKey[];
  /** Points at the key instead of the value. */
  atKey: boolean;
  /** Whole: what is wrong, what was expected, and what was probably meant. */
  message: string;
  /** What was expected, by itself. */
  expected?: string;
  /** What to do, by itself. */
  hint?: string;
}

/** Turns zod's issues about `value` into findings that say what was expected and, for a misspelt word, what was meant. */
export function findings(schema: z.ZodType, issues: readonly z.core.$ZodIssue[], value: unknown): Finding[] {
  const misspelt = new Set<string>();
  const found: Finding[] = [];
  for (const issue of issues) {
    if (issue.code !== "unrecognized_keys") continue;
    const known = fieldsAt(schema, issue.path);
    for (const key of issue.keys) {
      const meant = suggest(key, known);
      if (meant !== null) misspelt.add(fieldName([...issue.path, meant]));
      found.push(unknownField(issue.path, key, meant, known));
    }
  }
  for (const issue of issues) {
    if (issue.code === "unrecognized_keys") continue;
    const actual = valueAt(value, issue.path);
    const field = fieldName(issue.path);
    // A misspelt field is absent only by its name: one error is enough.
    if (actual === undefined && misspelt.has(field)) continue;
    const { what, hint } = explain(issue, actual);
    const expected = /^expected (.*?)(?:, found .*)?$/.exec(what)?.[1];
    found.push({
      path: issue.path,
      atKey: issue.code === "invalid_key",
      message: `${field === "" ? "" : `${field}: `}${what}${hint === null ? "" : `; ${hint}`}`,
      ...(expected === undefined ? {} : { expected }),
      ...(hint === null ? {} : { hint }),
    });
  }
  return found;
}

/** A path as people write it: `spec.ports[0].port`. */
function fieldName(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, step) =>
      typeof step === "number"
        ? `${text}[${String(step)}]`
        : `${text}${text === "" ? "" : "."}${String(step)}`,
    "",
  );
}

function unknownField(
  path: readonly PropertyKey[],
  key: string,
  meant: string | null,
  known: readonly string[],
): Finding {
  const expected = `one of ${known.join(", ")}`;
  const where = fieldName(path);
  const hint = meant === null ? null : `did you mean '${meant}'?`;
  // A long list would bury the message; `expected` has it for programs.
  const otherwise =
    known.length > 12 ? `no field of ${where} is called so` : `known fields: ${known.join(", ")}`;
  return {
    path: [...path, key],
    atKey: true,
    message: `unknown field '${key}'; ${hint ?? otherwise}`,
    expected,
    ...(hint === null ? {} : { hint }),
  };
}

function explain(issue: z.core.$ZodIssue, actual: unknown): { what: string; hint: string | null } {
  if (actual === undefined) {
    const type = issue.code === "invalid_type" ? ` (expected ${typeName(issue.expected)})` : "";
    if (issue.code === "invalid_type" || issue.code === "invalid_value" || issue.code === "invalid_union")
      return { what: `this required field is missing${type}`, hint: null };
  }
  if (issue.code === "invalid_type" && issue.message.startsWith("Invalid input"))
    return {
      what: `expected ${typeName(issue.expected)}, found ${foundName(actual)}`,
      hint: typeHint(issue.expected, actual),
    };
  if (issue.code === "invalid_value") {
    const words = issue.values.map(String);
    const meant = typeof actual === "string" ? suggest(actual, words) : null;
    return {
      what: `expected ${words.join(" or ")}`,
      hint: meant === null ? null : `did you mean '${meant}'?`,
    };
  }
  if (issue.code === "invalid_key") return { what: issue.issues[0]?.message ?? issue.message, hint: null };
  return { what: issue.message.replace(/^(Invalid input|Too small|Too big): /, ""), hint: null };
}

function typeName(expected: string): string {
  switch (expected) {
    case "string":
      return "text";
    case "int":
      return "a whole number";
    case "number":
      return "a number";
    case "boolean":
      return "true or false";
    case "array":
      return "a list";
    case "object":
    case "record":
      return "a map";
    default:
      return expected;
  }
}

function foundName(actual: unknown): string {
  if (actual === null) return "nothing";
  if (Array.isArray(actual)) return "a list";
  return typeof actual === "object"
    ? "a map"
    : typeof actual === "boolean"
      ? "true or false"
      : typeName(typeof actual);
}

function typeHint(expected: string, actual: unknown): string | null {
  if (expected === "string" && (typeof actual === "number" || typeof actual === "boolean"))
    return "put it in quotes to make it text";
  if (expected === "array" && actual !== null && typeof actual !== "object")
    return "write each item as '- item'";
  if (typeof actual !== "string") return null;
  const numeric = actual.trim() !== "" && Number.isFinite(Number(actual));
  if ((expected === "number" || expected === "int") && numeric) return "leave the quotes out";
  if (expected !== "boolean") return null;
  if (/^(true|false)$/i.test(actual)) return "leave the quotes out";
  if (/^(yes|on)$/i.test(actual)) return "did you mean true?";
  return /^(no|off)$/i.test(actual) ? "did you mean false?" : null;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let current = value;
  for (const step of path) {
    if (typeof current !== "object" || current === null) return undefined;
    current = Object.entries(current).find(([key]) => key === String(step))?.[1];
  }
  return current;
}

/** The names of the fields that the schema has at a path. */
function fieldsAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let current = unwrap(schema);
  for (const step of path) {
    if (current instanceof z.ZodObject)
      current = Object.entries(current.shape).find(([key]) => key === step)?.[1];
    else if (current instanceof z.ZodArray) current = current.element;
    else return [];
    current = unwrap(current);
  }
  return current instanceof z.ZodObject ? Object.keys(current.shape) : [];
}

function unwrap(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return unwrap(schema.unwrap());
  return schema instanceof z.ZodPipe ? unwrap(schema.in) : schema;
}
