/** Field types that several kinds share. */
import { z } from "zod";
import { formatDuration, parseDuration } from "./duration.ts";

/** A DNS-1123 label (RFC 1123). */
export const dnsName = z
  .string()
  .max(63, "expected at most 63 characters")
  .regex(
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/,
    "expected lower-case letters, digits and '-', starting and ending with a letter or digit",
  );

/** A duration between `min` and `max` (ms). */
export function duration(min = 0, max = 365 * 86_400_000) {
  return z
    .union([z.string(), z.number()], "expected a duration such as 500ms, 5s or 1m30s")
    .transform((value, context) => {
      const ms = parseDuration(value === 0 ? "0s" : String(value));
      if (ms === null) {
        context.addIssue({ code: "custom", message: "expected a duration such as 500ms, 5s or 1m30s" });
        return z.NEVER;
      }
      if (ms < min || ms > max) {
        context.addIssue({
          code: "custom",
          message: `expected a duration from ${formatDuration(min)} to ${formatDuration(max)}`,
        });
        return z.NEVER;
      }
      return ms;
    });
}

export const portNumber = z
  .number("expected a port number")
  .int("expected a whole number")
  .min(1, "expected a port from 1 to 65535")
  .max(65535, "expected a port from 1 to 65535");

export const absolutePath = z
  .string()
  .regex(/^\//, "expected an absolute path")
  .refine((path) => !path.split("/").includes(".."), "expected a path without '..'")
  .refine((path) => !hasControl(path), "expected a path without control characters");

/** Whether a text has control or bidirectional-override characters (attack: a name that reads as another). */
export function hasControl(text: string): boolean {
  return /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(text);
}

export const stringMap = z.record(z.string(), z.string());
