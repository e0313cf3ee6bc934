/** Field types that several kinds share. */
import { z } from "zod";
import { formatDuration, parseDuration } from "./duration.ts";
import { hasControl } from "./text.ts";

/** A DNS-1123 label (RFC 1123). */
export const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** The name of a resource: a DNS-1123 label (SPEC 2). */
export const dnsName = z
  .string()
  .regex(
    DNS_LABEL,
    "expected at most 63 lower-case letters, digits and '-', starting and ending with a letter or digit",
  );

const WITH_UNIT = "expected a duration with a unit, such as 500ms, 5s or 1m30s";

/** A duration between `min` and `max` (ms), parsed to ms; a bare number has no unit and is refused, except 0. */
export function duration(min = 0, max = 365 * 86_400_000) {
  return z
    .union([z.string().regex(/^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$/, WITH_UNIT), z.literal(0)], WITH_UNIT)
    .transform((value, context) => {
      const ms = value === 0 ? 0 : parseDuration(value);
      if (ms !== null && ms >= min && ms <= max) return ms;
      const range = `expected a duration from ${formatDuration(min)} to ${formatDuration(max)}`;
      context.addIssue({ code: "custom", message: range });
      return z.NEVER;
    })
    .meta({ title: "duration" });
}

/** A TCP or UDP port. */
export const portNumber = z
  .number()
  .int("expected a port from 1 to 65535")
  .min(1, "expected a port from 1 to 65535")
  .max(65535, "expected a port from 1 to 65535");

/** A whole number in a range. */
export function wholeNumber(min: number, max: number) {
  const message = `expected a whole number from ${String(min)} to ${String(max)}`;
  return z.number().int(message).min(min, message).max(max, message);
}

/** An absolute path without `..`. */
export const absolutePath = z
  .string()
  .max(4096, "expected a path of at most 4096 characters")
  .regex(/^\//, { error: "expected an absolute path, starting with '/'", abort: true })
  .refine((path) => !path.split("/").includes(".."), "expected a path without '..'")
  .refine((path) => !hasControl(path), "expected a path without control or invisible characters");

/** An absolute path that Docker writes into `source:target:mode`, where a colon would end it. */
export const mountPath = absolutePath.refine((path) => !path.includes(":"), "expected a path without ':'");

/** A text of one line that is not empty. */
export const oneLine = z
  .string()
  .min(1, "expected a text that is not empty")
  .refine((text) => !hasControl(text), "expected one line without control or invisible characters");

/** A map of strings; numbers have to be quoted, because `1.10` and `"1.10"` differ. */
export const stringMap = z.record(z.string(), z.string());
